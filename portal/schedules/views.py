"""Pages of schedules: list, form, page of one, and what can be done with it."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.clock import utcnow
from portal.database import read_only, row_key
from portal.datasets import service as datasets
from portal.datasets.filters import filters_in_words
from portal.datasets.models import Dataset
from portal.errors import InvalidInput, NotFound, PortalError
from portal.extensions import db
from portal.organizations.models import User
from portal.permissions import Permission
from portal.runs import dispatch, handover
from portal.runs import service as runs
from portal.schedules import service
from portal.schedules.drafts import Draft
from portal.schedules.forms import RuleForm, ScheduleForm, column_groups, form_for, values_of
from portal.schedules.models import Channel, ScheduledExport
from portal.schedules.preview import Occurrence, upcoming
from portal.schedules.recurrence import timezone_names
from portal.schedules.words import describe
from portal.table import Column
from portal.web import actor, local_time, remote_ip, requires, settings

STRIP_OF_A_ROW = 20
RUNS_OF_A_PAGE = 10
STATES = ("all", "active", "paused")

blueprint = Blueprint("schedules", __name__)


@blueprint.get("/schedules")
@requires(Permission.VIEW_SCHEDULES)
def index() -> str:
    """List the organization's schedules. Search, state and page are in the address."""
    state = request.args.get("state", "all")
    search = request.args.get("q", "").strip()
    before = request.args.get("before", type=row_key)
    found = service.list_schedules(actor(), state=state, search=search, before_id=before)
    page = found[: service.PAGE_SIZE]
    return render_template(
        "schedules/index.html",
        schedules=page,
        recent=runs.recent_by_schedule(actor(), page, STRIP_OF_A_ROW),
        state=state if state in STATES else "all",
        search=search,
        before=before,
        next_before=page[-1].id if len(found) > len(page) else None,
        describe=describe,
        Channel=Channel,
    )


@blueprint.route("/schedules/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_SCHEDULES)
def new() -> str | Response:
    """Choose a dataset, then fill in the form made for it."""
    person, now = actor(), utcnow()
    if request.method == "GET" and not request.args.get("dataset"):
        return render_template("schedules/choose_dataset.html", datasets=datasets.list_datasets(person))
    dataset = _asked_dataset(person)
    form = form_for(dataset)(
        data={"timezone": person.organization.timezone, "dataset": request.args.get("dataset")}
    )
    if request.method == "POST" and _shows(dataset, form):
        made = _saved(form, lambda draft: service.create_schedule(person, draft, now=now, ip=remote_ip()))
        if made is not None:
            flash(f"“{made.name}” is saved. {_next_run(made)}", "success")
            return redirect(url_for(".show", schedule_id=made.public_id))
    return _form_page(form, dataset, now)


@blueprint.get("/schedules/preview")
@requires(Permission.MANAGE_SCHEDULES)
def preview() -> str:
    """Return the fragment that says what the rule in the query means: words and dates, or what is wrong."""
    return render_template("schedules/_preview.html", **_preview_of(RuleForm(request.args), utcnow()))


@blueprint.get("/schedules/<schedule_id>")
@requires(Permission.VIEW_SCHEDULES)
def show(schedule_id: str) -> str:
    """Show what a schedule does, when it runs next, and how its last runs went."""
    schedule = service.get_schedule(actor(), schedule_id)
    version = datasets.current_version(schedule.dataset)
    columns = datasets.chosen_columns(version, schedule.columns)
    recent = runs.recent_by_schedule(actor(), [schedule])[schedule.id]
    return render_template(
        "schedules/show.html",
        schedule=schedule,
        words=describe(schedule.recurrence, schedule.timezone),
        occurrences=_next_runs(schedule, utcnow()),
        filters=filters_in_words(version, schedule.filters),
        columns=columns,
        personal=_personal(columns),
        recent=recent,
        last_runs=recent[::-1][:RUNS_OF_A_PAGE],
        Channel=Channel,
    )


@blueprint.route("/schedules/<schedule_id>/edit", methods=["GET", "POST"])
@requires(Permission.MANAGE_SCHEDULES)
def edit(schedule_id: str) -> str | Response:
    """Change a schedule from its next run on."""
    person, now = actor(), utcnow()
    schedule = service.get_schedule(person, schedule_id, Permission.MANAGE_SCHEDULES)
    dataset = _asked_dataset(person) if request.method == "POST" else schedule.dataset
    form = form_for(dataset)(data=values_of(schedule))

    due: dispatch.Made = []

    def change(draft: Draft) -> ScheduledExport:
        due.extend(dispatch.dispatch_before_change(schedule, settings=settings(), now=now))
        service.update_schedule(person, schedule, draft, now=now, ip=remote_ip())
        return schedule

    if request.method == "POST" and _shows(dataset, form) and _saved(form, change):
        handover.hand_over(due, settings())
        flash(f"“{schedule.name}” is changed. {_next_run(schedule)}", "success")
        return redirect(url_for(".show", schedule_id=schedule_id))
    return _form_page(form, dataset, now, schedule)


@blueprint.post("/schedules/<schedule_id>/pause")
@requires(Permission.MANAGE_SCHEDULES)
def pause(schedule_id: str) -> Response:
    """Stop making runs until resumed."""
    schedule = service.get_schedule(actor(), schedule_id, Permission.MANAGE_SCHEDULES)
    now = utcnow()
    due = dispatch.dispatch_before_change(schedule, settings=settings(), now=now)
    service.pause_schedule(actor(), schedule, now=now, ip=remote_ip())
    db.session.commit()
    handover.hand_over(due, settings())
    flash(f"“{schedule.name}” is paused. {_audience(schedule)} nothing until you resume it.", "success")
    return _back(schedule_id)


@blueprint.post("/schedules/<schedule_id>/resume")
@requires(Permission.MANAGE_SCHEDULES)
def resume(schedule_id: str) -> Response:
    """Go on from now."""
    schedule = service.get_schedule(actor(), schedule_id, Permission.MANAGE_SCHEDULES)
    service.resume_schedule(actor(), schedule, now=utcnow(), ip=remote_ip())
    db.session.commit()
    flash(f"“{schedule.name}” is active again. {_next_run(schedule)}", "success")
    return _back(schedule_id)


@blueprint.post("/schedules/<schedule_id>/run-now")
@requires(Permission.START_RUNS)
def run_now(schedule_id: str) -> Response:
    """Make a run beside the rhythm. A second click while that one is under way makes no other."""
    schedule = service.get_schedule(actor(), schedule_id)
    now = utcnow()
    run = runs.run_now(actor(), schedule, settings=settings(), now=now, ip=remote_ip())
    if run.created_at != now:
        flash("A run started by hand is under way already: this one.", "info")
        return redirect(url_for("runs.show", run_id=run.public_id))
    run_id, attempt = run.public_id, run.attempt
    db.session.commit()
    handed_over = handover.hand_over([(run_id, attempt)], settings())
    flash(f"The run is queued. {handover.in_words(handed_over)}", "success" if handed_over else "warning")
    return redirect(url_for("runs.show", run_id=run_id))


@blueprint.get("/schedules/<schedule_id>/delete")
@requires(Permission.MANAGE_SCHEDULES)
def confirm_delete(schedule_id: str) -> str:
    """Say what deleting means before it is done."""
    schedule = service.get_schedule(actor(), schedule_id, Permission.MANAGE_SCHEDULES)
    return render_template(
        "schedules/delete.html",
        schedule=schedule,
        words=describe(schedule.recurrence, schedule.timezone),
        Channel=Channel,
    )


@blueprint.post("/schedules/<schedule_id>/delete")
@requires(Permission.MANAGE_SCHEDULES)
def delete(schedule_id: str) -> Response:
    """Take a schedule out of use; its runs stay."""
    schedule = service.get_schedule(actor(), schedule_id, Permission.MANAGE_SCHEDULES)
    now = utcnow()
    due = dispatch.dispatch_before_change(schedule, settings=settings(), now=now)
    service.delete_schedule(actor(), schedule, now=now, ip=remote_ip())
    db.session.commit()
    handover.hand_over(due, settings())
    flash(f"“{schedule.name}” is deleted. {_audience(schedule)} nothing more; its past runs stay.", "success")
    return redirect(url_for(".index"))


def _asked_dataset(person: User) -> Dataset | None:
    """Return the dataset of the request. None for an unknown one in a form, whose field then says so."""
    # The form is sent to the address it was opened at, whose dataset may no longer be the one chosen.
    asked = request.form if request.method == "POST" else request.args
    try:
        return datasets.get_dataset(person, asked.get("dataset", ""))
    except InvalidInput as error:
        if request.method == "POST":
            return None
        raise NotFound(str(error)) from None


def _shows(dataset: Dataset | None, form: ScheduleForm) -> bool:
    """Say whether the page that was sent had the filters and columns of the dataset it names now.

    Where another dataset was chosen on it, the page comes back with that one's, for somebody to look over.
    """
    if dataset is None or form.loaded.data in (None, dataset.public_id):
        return True
    form.choose_all_columns()
    return False


def _saved(form: ScheduleForm, save: Callable[[Draft], ScheduledExport]) -> ScheduledExport | None:
    """Save what was filled in. None where something is wrong: nothing is kept then, the form says what."""
    if not form.validate():
        return None
    try:
        saved = save(form.draft())
    except InvalidInput as error:
        db.session.rollback()
        form.refuse(error)
        return None
    db.session.commit()
    return saved


def _form_page(
    form: ScheduleForm, dataset: Dataset | None, now: datetime, schedule: ScheduledExport | None = None
) -> str:
    """Show the form with all that was typed."""
    db.session.rollback()  # a POST's transaction would keep writers waiting while the source answers
    with read_only():
        choices, source_problem = _choices(dataset)
        form.offer(choices)
        form.describe_mail(settings())
        form.dataset.choices = {known.public_id: known.name for known in datasets.list_datasets(actor())}
    return render_template(
        "schedules/form.html",
        form=form,
        dataset=dataset,
        schedule=schedule,
        owner=schedule.owner if schedule else actor(),
        groups=column_groups(form.version) if form.version else {},
        personal=_personal(form.version.table_columns) if form.version else 0,
        another_dataset=request.method == "POST" and not form.errors,
        source_problem=source_problem,
        timezones=timezone_names(),
        settings=settings(),
        **_preview_of(form, now),
    )


def _personal(columns: Iterable[Column]) -> int:
    return sum("PII" in column.tags for column in columns)


def _choices(dataset: Dataset | None) -> tuple[dict[str, list[tuple[str, str]]], str]:
    """Return the choices of the dataset's filters, and why they can't be read, if so."""
    if dataset is None:
        return {}, ""
    try:
        return datasets.choices_for(dataset, settings()), ""
    except PortalError as error:
        return {}, str(error)


def _preview_of(form: RuleForm, now: datetime) -> dict[str, Any]:
    timezone = (form.timezone.data or "").strip()
    try:
        rule = form.rule()
        occurrences = upcoming(rule, timezone, after=now)
    except InvalidInput as error:
        return {"words": "", "occurrences": [], "problem": str(error)}
    return {"words": describe(rule, timezone), "occurrences": occurrences, "problem": ""}


def _back(schedule_id: str) -> Response:
    """Return to the list where the button was pressed there, as it was filtered, else to the schedule."""
    if request.args.get("from") != "list":
        return redirect(url_for(".show", schedule_id=schedule_id))
    kept = {name: request.args[name] for name in ("q", "state", "before") if name in request.args}
    return redirect(url_for(".index", **kept))  # type: ignore[arg-type] # its keywords are Any by nature


def _audience(schedule: ScheduledExport) -> str:
    if schedule.channel is Channel.STORAGE:
        return f"The folder {schedule.location} gets"
    count = len(schedule.recipients)
    return "Its one recipient gets" if count == 1 else f"Its {count} recipients get"


def _next_runs(schedule: ScheduledExport, now: datetime) -> list[Occurrence]:
    return upcoming(schedule.recurrence, schedule.timezone, after=now) if schedule.active else []


def _next_run(schedule: ScheduledExport) -> str:
    if schedule.next_run_at is None:
        return "It is paused."
    return f"Next run: {local_time(schedule.next_run_at, schedule.timezone)}, {schedule.timezone}."
