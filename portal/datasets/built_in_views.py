"""Pages of built-in datasets: an export type is chosen, tried on a source, saved, and chosen anew."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.clock import utcnow
from portal.database import read_only
from portal.datasets import definitions
from portal.datasets import service as datasets
from portal.datasets.blueprint import blueprint
from portal.datasets.built_in_form import BuiltInForm, chosen
from portal.datasets.compliance.choice import MOST_SLOTS, WITH_OPTIONS, BuiltIn
from portal.datasets.compliance.export_types import definition as defined
from portal.datasets.compliance.revision import revised
from portal.datasets.definition import Definition
from portal.datasets.definition_form import ALL_THE_SAME, TYPE_WORDS
from portal.datasets.export_type import ExportType
from portal.datasets.first_rows import ROWS, Preview, first_rows_of
from portal.datasets.models import Dataset
from portal.datasets.shown_cells import shown_cells
from portal.errors import InvalidInput, NotFound, PortalError, QueryFailed
from portal.extensions import db
from portal.permissions import Permission
from portal.schedules.breaking import Broken, broken_by
from portal.sources import service as source_service
from portal.sources.models import DataSource
from portal.web import actor, refuse_odd_rows, remote_ip, requires, settings

DOCUMENT = "docs/compliance-schema.md"


@blueprint.route("/datasets/add-export-type", methods=["GET", "POST"])
@requires(Permission.MANAGE_DATASETS)
def add_export_type() -> Any:
    """Choose an export type, then what it shows; try it as often as somebody likes, then save."""
    refuse_odd_rows("slots")
    if "type" not in request.args:
        return _chooser()
    try:
        export_type = ExportType(request.args["type"])
    except ValueError:
        abort(404)
    if request.method == "POST":
        return _answered(BuiltInForm(), export_type, None)  # type: ignore[no-untyped-call]
    built_in = BuiltIn(export_type)
    data = chosen(defined(built_in, "sqlite"), built_in)  # names are the same everywhere
    form = BuiltInForm(data=data | {"source": request.args.get("source")})  # type: ignore[no-untyped-call]
    form.offer_slot()
    return _page(form, export_type)


@blueprint.route("/datasets/<dataset_id>/export-type", methods=["GET", "POST"])
@requires(Permission.MANAGE_DATASETS)
def change_export_type(dataset_id: str) -> Any:
    """Choose a built-in dataset anew: what is saved is a new version, with the query that follows."""
    refuse_odd_rows("slots")
    dataset = definitions.get_dataset(actor(), dataset_id)
    saved = definitions.definition_of(dataset)
    if saved.built_in is None:
        flash("Somebody wrote the query of this dataset, so it is edited by hand.", "info")
        return redirect(url_for(".edit", dataset_id=dataset_id))
    export_type = saved.built_in.export_type
    if request.method == "POST":
        return _answered(BuiltInForm(), export_type, dataset)  # type: ignore[no-untyped-call]
    version = str(datasets.current_version(dataset).number)
    form = BuiltInForm(data=chosen(saved, saved.built_in, version))  # type: ignore[no-untyped-call]
    form.offer_slot()
    return _page(form, export_type, dataset)


def _answered(form: BuiltInForm, export_type: ExportType, dataset: Dataset | None) -> Any:
    """Offer another row, or run the query that was chosen; then show its first rows, or save the dataset."""
    if "add_slot" in request.form:
        form.offer_slot()
        return _page(form, export_type, dataset)
    if not form.validate():
        return _page(form, export_type, dataset)
    problem, found, broken = "", None, []
    try:
        source = dataset.source if dataset else _chosen_source(form)
        built_in = form.built_in(export_type)
        definition = _definition(form, built_in, source, dataset)
        found = _run(source, definition, built_in)
        if "save" in request.form:
            broken = broken_by(actor(), dataset, definition) if dataset else []
            if not broken or request.form["save"] == ALL_THE_SAME:
                return _saved(definition, source, dataset, form.version.data or "")
    except InvalidInput as error:
        problem = "" if form.say(error) else str(error)
    except QueryFailed as error:
        problem = f"The source can’t answer the query: {error}"  # noqa: RUF001
    except PortalError as error:
        problem = str(error)
    db.session.rollback()
    return _page(form, export_type, dataset, found, problem, broken)


def _chosen_source(form: BuiltInForm) -> DataSource:
    try:
        return source_service.get_source(actor(), form.source.data or "")
    except NotFound:
        raise InvalidInput("Choose a data source.", "source") from None


def _definition(
    form: BuiltInForm, built_in: BuiltIn, source: DataSource, dataset: Dataset | None
) -> Definition:
    """Return what was chosen, over what is saved."""
    made = (
        revised(definitions.definition_of(dataset), built_in, source.kind)
        if dataset
        else defined(built_in, source.kind)
    )
    # browsers send CRLF for line ends
    description = (form.description.data or "").replace("\r\n", "\n")
    return replace(made, name=form.name.data or "", description=description)


def _run(source: DataSource, definition: Definition, built_in: BuiltIn) -> Preview:
    # one more than is shown, so that it can be told that there are more
    limited = defined(built_in, source.kind, first=ROWS + 1).sql
    return first_rows_of(
        source,
        replace(definition, sql=limited),
        organization=actor().organization,
        settings=settings(),
        now=utcnow(),
        columns=definition.columns,
        saving="save" in request.form,
    )


def _saved(definition: Definition, source: DataSource, dataset: Dataset | None, begun_with: str) -> Response:
    if dataset is None:
        dataset = definitions.create(actor(), source, definition, now=utcnow(), ip=remote_ip())
        words = f"“{dataset.name}” is saved. Schedules can export it now."
    else:
        version = definitions.change(
            actor(), dataset, definition, begun_with=begun_with, now=utcnow(), ip=remote_ip()
        )
        words = f"Saved as version {version.number}. New runs use it." if version else "Nothing has changed."
    public_id = dataset.public_id
    db.session.commit()
    flash(words, "success")
    return redirect(url_for(".show", dataset_id=public_id))


def _chooser() -> str:
    made = {export_type: defined(BuiltIn(export_type), "sqlite") for export_type in ExportType}
    return render_template(
        "datasets/export_types.html",
        made=made,
        source=request.args.get("source"),
        sources=source_service.list_sources(actor()),
        document=DOCUMENT,
    )


def _page(
    form: BuiltInForm,
    export_type: ExportType,
    dataset: Dataset | None = None,
    found: Preview | None = None,
    problem: str = "",
    broken: Sequence[Broken] = (),
) -> str:
    with read_only():
        sources = source_service.list_sources(actor())
        form.source.choices = {source.public_id: source.name for source in sources}
        return render_template(
            "datasets/export_type.html",
            form=form,
            export_type=export_type,
            has_options=export_type in WITH_OPTIONS,
            most_slots=MOST_SLOTS,
            dataset=dataset,
            next_version=datasets.current_version(dataset).number + 1 if dataset else 1,
            found=found,
            cells=shown_cells(found, actor().organization.timezone) if found else (),
            problem=problem,
            broken=broken,
            all_the_same=ALL_THE_SAME,
            types=TYPE_WORDS,
            document=DOCUMENT,
        )
