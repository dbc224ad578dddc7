"""Pages of datasets: their list, one of them, and the editor of its query and columns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.clock import utcnow
from portal.database import read_only
from portal.datasets import definitions
from portal.datasets import service as datasets
from portal.datasets.blueprint import blueprint
from portal.datasets.compliance.choice import WITH_OPTIONS
from portal.datasets.definition import Definition
from portal.datasets.definition_form import (
    ALL_THE_SAME,
    KIND_WORDS,
    MOST_COLUMNS,
    TYPE_WORDS,
    DefinitionForm,
    filled,
)
from portal.datasets.filters import parameters_of
from portal.datasets.first_rows import ROWS, TIMEOUT, Preview, first_rows_of
from portal.datasets.models import Dataset
from portal.datasets.shown_cells import shown_cells
from portal.datasets.trial import trial_of
from portal.errors import InvalidInput, PortalError, QueryFailed
from portal.extensions import db
from portal.permissions import Permission
from portal.schedules.breaking import Broken, broken_by
from portal.schedules.service import schedules_over
from portal.sources import service as source_service
from portal.sources.models import DataSource
from portal.web import actor, refuse_odd_rows, remote_ip, requires, settings


@blueprint.get("/datasets")
@requires(Permission.VIEW_DATASETS)
def index() -> str:
    """List the organization's datasets."""
    found = datasets.list_datasets(actor())
    return render_template(
        "datasets/index.html",
        datasets=found,
        versions=datasets.current_versions(found),
        used=schedules_over(actor(), [dataset.id for dataset in found]),
        sources=source_service.list_sources(actor()),
        zone=actor().organization.timezone,
    )


@blueprint.get("/datasets/<dataset_id>")
@requires(Permission.VIEW_DATASETS)
def show(dataset_id: str) -> str:
    """Show what a dataset says, now or in an earlier version."""
    dataset = definitions.get_dataset(actor(), dataset_id)
    number = request.args.get("version", type=int)
    version = next((one for one in dataset.versions if one.number == number), None)
    if number is not None and version is None:
        abort(HTTPStatus.NOT_FOUND)
    return render_template(
        "datasets/show.html",
        dataset=dataset,
        version=version or dataset.versions[-1],
        parameters=parameters_of(version or dataset.versions[-1]),
        used=schedules_over(actor(), [dataset.id])[dataset.id],
        zone=actor().organization.timezone,
        has_options=dataset.export_type in WITH_OPTIONS,
        kinds=KIND_WORDS,
        types=TYPE_WORDS,
    )


@blueprint.route("/datasets/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_DATASETS)
def new() -> Any:
    """Define a dataset: run its query as often as somebody likes, then save."""
    refuse_odd_rows("columns", "parameters")
    form = DefinitionForm()  # type: ignore[no-untyped-call]
    if request.method == "GET":
        form.source.data = request.args.get("source")
        return _page(form)
    return _answered(form, None)


@blueprint.route("/datasets/<dataset_id>/edit", methods=["GET", "POST"])
@requires(Permission.MANAGE_DATASETS)
def edit(dataset_id: str) -> Any:
    """Change a dataset: what is saved is a new version."""
    refuse_odd_rows("columns", "parameters")
    dataset = definitions.get_dataset(actor(), dataset_id)
    if request.method == "GET":
        form = DefinitionForm(data=_filled(dataset))  # type: ignore[no-untyped-call]
        return _page(form, dataset)
    return _answered(DefinitionForm(), dataset)  # type: ignore[no-untyped-call]


@blueprint.post("/datasets/<dataset_id>/archive")
@requires(Permission.MANAGE_DATASETS)
def archive(dataset_id: str) -> Response:
    """Put a dataset away that no schedule exports."""
    dataset = definitions.get_dataset(actor(), dataset_id)
    if used := schedules_over(actor(), [dataset.id])[dataset.id]:
        flash(f"“{used[0]}” exports this dataset: delete that schedule first.", "error")
        return redirect(url_for(".show", dataset_id=dataset_id))
    definitions.archive(actor(), dataset, now=utcnow(), ip=remote_ip())
    name = dataset.name
    db.session.commit()
    flash(f"“{name}” is put away. Its runs and versions stay.", "success")
    return redirect(url_for(".index"))


def _filled(dataset: Dataset) -> dict[str, Any]:
    number = datasets.current_version(dataset).number
    return filled(definitions.definition_of(dataset), number) | {"source": dataset.source.public_id}


def _answered(form: DefinitionForm, dataset: Dataset | None) -> Any:
    """Run the query that was typed; show its first rows, or save the dataset with the columns found."""
    if not form.validate():
        return _page(form, dataset)
    problem, found, broken = "", None, []
    try:
        source = _chosen_source(form)
        definition = form.definition()
        if dataset:
            definition = definitions.still_built_in(definition, definitions.definition_of(dataset))
        trial = trial_of(definition.parameters, request.form)
        if not trial.form.validate():
            return _page(form, dataset)
        found = _run(source, definition, trial.values(), saving="save" in request.form)
        definition = _with_columns(definition, found)
        form.show_columns(definition.columns, definition.key_columns)
        if "save" in request.form:
            broken = broken_by(actor(), dataset, definition) if dataset else []
            if not broken or request.form["save"] == ALL_THE_SAME:
                return _saved(definition, source, dataset, form.version.data or "")
    except InvalidInput as error:
        problem = "" if form.say(error) else str(error)
    except QueryFailed as error:
        form.say(InvalidInput(str(error), "sql"))
    except PortalError as error:
        problem = str(error)
    db.session.rollback()
    return _page(form, dataset, found, problem, broken)


def _chosen_source(form: DefinitionForm) -> DataSource:
    by_id = {source.public_id: source for source in source_service.list_sources(actor())}
    try:
        return by_id[form.source.data]
    except KeyError:
        raise InvalidInput("Choose a data source.", "source") from None


def _run(source: DataSource, definition: Definition, chosen: Mapping[str, Any], *, saving: bool) -> Preview:
    """Run a query for its first rows, with what was chosen; to save it, read all choices, too."""
    return first_rows_of(
        source,
        definition,
        organization=actor().organization,
        settings=settings(),
        now=utcnow(),
        chosen=chosen,
        saving=saving,
    )


def _with_columns(definition: Definition, found: Preview) -> Definition:
    if len(found.columns) > MOST_COLUMNS:
        raise InvalidInput(f"A dataset has at most {MOST_COLUMNS:,} columns.", "sql")
    columns = definitions.merged(found.columns, definition.columns)
    there = {column.key for column in columns}
    keys = tuple(key for key in definition.key_columns if key in there)
    return replace(definition, columns=columns, key_columns=keys)


def _saved(definition: Definition, source: DataSource, dataset: Dataset | None, begun_with: str) -> Response:
    if dataset is None:
        dataset = definitions.create(actor(), source, definition, now=utcnow(), ip=remote_ip())
        words = f"“{dataset.name}” is saved. Schedules can export it now."
    else:
        version = definitions.change(
            actor(),
            dataset,
            definition,
            source=source,
            begun_with=begun_with,
            now=utcnow(),
            ip=remote_ip(),
        )
        words = f"Saved as version {version.number}. New runs use it." if version else "Nothing has changed."
    public_id = dataset.public_id
    db.session.commit()
    flash(words, "success")
    return redirect(url_for(".show", dataset_id=public_id))


def _page(
    form: DefinitionForm,
    dataset: Dataset | None = None,
    found: Preview | None = None,
    problem: str = "",
    broken: Sequence[Broken] = (),
) -> str:
    trial = trial_of(form.usable_parameters(), request.form)
    if request.method == "POST":
        trial.form.validate()
    db.session.rollback()  # no transaction that writes while the source answers
    with read_only():
        sources = source_service.list_sources(actor())
        by_id = {source.public_id: source for source in sources}
        source = by_id.get(form.source.data or "") or (dataset.source if dataset else None)
        form.source.choices = {source.public_id: source.name for source in sources}
        form.offer_spare_parameters()
        return render_template(
            "datasets/form.html",
            form=form,
            trial=trial,
            choices_problem=trial.offer(source, settings()),
            dataset=dataset,
            built_in=dataset is not None and datasets.current_version(dataset).built_in is not None,
            used=schedules_over(actor(), [dataset.id])[dataset.id] if dataset else (),
            next_version=datasets.current_version(dataset).number + 1 if dataset else 1,
            found=found,
            cells=shown_cells(found, actor().organization.timezone) if found else (),
            problem=problem,
            broken=broken,
            all_the_same=ALL_THE_SAME,
            types=TYPE_WORDS,
            most_rows=ROWS,
            seconds=TIMEOUT,
            portal_rows=settings().row_limit,
            portal_seconds=settings().query_timeout,
        )
