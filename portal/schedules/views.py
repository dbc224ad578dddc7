"""Pages of schedules: their list, one of them, and what can be done with it."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.alerts import service as alerts
from portal.alerts.models import Cause
from portal.clock import utcnow
from portal.database import row_key
from portal.errors import InvalidInput
from portal.extensions import db
from portal.organizations.models import User
from portal.permissions import Permission
from portal.runs import handover
from portal.runs import service as runs
from portal.runs.changing import change_schedule
from portal.schedules import approval, approving, facts, owners, policies, service, subjects
from portal.schedules.blueprint import blueprint
from portal.schedules.models import Channel, ScheduledExport, ScheduleState
from portal.schedules.words import describe
from portal.web import actor, remote_ip, requires, settings

STRIP_OF_A_ROW = 20
RUNS_OF_A_PAGE = 10
STATES = ("all", *ScheduleState)


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


@blueprint.get("/schedules/<schedule_id>")
@requires(Permission.VIEW_SCHEDULES)
def show(schedule_id: str) -> str:
    """Show what a schedule does, when it runs next, and how its last runs went."""
    schedule = service.get_schedule(actor(), schedule_id)
    columns = subjects.columns_of(schedule)
    recent = runs.recent_by_schedule(actor(), [schedule])[schedule.id]
    return render_template(
        "schedules/show.html",
        schedule=schedule,
        words=describe(schedule.recurrence, schedule.timezone),
        policies=policies.in_words(service.describe(schedule)),
        occurrences=facts.next_runs(schedule, utcnow()),
        unapproved=approval.unapproved_of(schedule, schedule.organization),
        approval=approval.approval_of(schedule),
        owner_problem=owners.problem(schedule),
        eligible=owners.eligible(schedule),
        filters=subjects.filters_in_words(schedule),
        columns=columns,
        rules=facts.column_rules(schedule),
        order=facts.order(schedule),
        personal=facts.personal(columns),
        recent=recent,
        last_runs=recent[::-1][:RUNS_OF_A_PAGE],
        Channel=Channel,
    )


@blueprint.post("/schedules/<schedule_id>/pause")
@requires(Permission.MANAGE_SCHEDULES)
def pause(schedule_id: str) -> Response:
    """Stop making runs until resumed."""
    schedule = _change(schedule_id, service.pause_schedule, Permission.MANAGE_SCHEDULES)
    flash(f"“{schedule.name}” is paused. {facts.audience(schedule)} nothing until you resume it.", "success")
    return _back(schedule_id)


@blueprint.post("/schedules/<schedule_id>/resume")
@requires(Permission.MANAGE_SCHEDULES)
def resume(schedule_id: str) -> Response:
    """Go on from now."""
    try:
        schedule = _change(schedule_id, _resumed, Permission.MANAGE_SCHEDULES)
    except InvalidInput as error:
        db.session.rollback()
        flash(str(error), "error")
        return redirect(url_for(".show", schedule_id=schedule_id))
    flash(f"“{schedule.name}” is active again. {facts.next_run(schedule)}", "success")
    return _back(schedule_id)


@blueprint.post("/schedules/<schedule_id>/reassign")
@requires(Permission.REASSIGN_SCHEDULES)
def reassign(schedule_id: str) -> Response:
    """Let it run with the rights of somebody else from its next run on."""
    change = partial(owners.reassign_schedule, new_owner=request.form.get("owner", ""))
    try:
        schedule = _change(schedule_id, change, Permission.REASSIGN_SCHEDULES)
    except InvalidInput as error:
        db.session.rollback()
        flash(str(error), "error")
        return redirect(url_for(".show", schedule_id=schedule_id))
    paused = " It is still paused: resume it to go on." if not schedule.active else ""
    flash(f"“{schedule.name}” runs with the rights of {schedule.owner.name} from now on.{paused}", "success")
    return redirect(url_for(".show", schedule_id=schedule_id))


@blueprint.post("/schedules/<schedule_id>/approve")
@requires(Permission.APPROVE_PERSONAL_DATA)
def approve(schedule_id: str) -> Response:
    """Let the personal data that the page named go to the recipients that it named."""
    change = partial(_approved, seen=request.form.get("seen", ""))
    try:
        schedule = _change(schedule_id, change, Permission.APPROVE_PERSONAL_DATA)
    except InvalidInput as error:
        db.session.rollback()
        flash(str(error), "error")
        return redirect(url_for(".show", schedule_id=schedule_id))
    flash(f"“{schedule.name}” is approved. {facts.next_run(schedule)}", "success")
    return redirect(url_for(".show", schedule_id=schedule_id))


@blueprint.post("/schedules/<schedule_id>/withdraw-approval")
@requires(Permission.APPROVE_PERSONAL_DATA)
def withdraw_approval(schedule_id: str) -> Response:
    """Take the approval back."""
    schedule = _change(schedule_id, approving.withdraw_approval, Permission.APPROVE_PERSONAL_DATA)
    flash(f"The approval of “{schedule.name}” is withdrawn. {facts.next_run(schedule)}", "success")
    return redirect(url_for(".show", schedule_id=schedule_id))


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
    schedule = _change(schedule_id, service.delete_schedule, Permission.MANAGE_SCHEDULES)
    flash(
        f"“{schedule.name}” is deleted. {facts.audience(schedule)} nothing more; its past runs stay.",
        "success",
    )
    return redirect(url_for(".index"))


def _change(schedule_id: str, change: Callable[..., None], permission: Permission) -> ScheduledExport:
    """Do one of the services' changes to the schedule of an address."""
    person, now = actor(), utcnow()
    schedule = service.get_schedule(person, schedule_id, permission)
    act = partial(change, person, schedule, now=now, ip=remote_ip())
    return change_schedule(schedule, act, settings=settings())


def _resumed(person: User, schedule: ScheduledExport, *, now: datetime, ip: str | None) -> None:
    service.resume_schedule(person, schedule, now=now, ip=ip)
    alerts.close_alert(schedule, [Cause.SCHEDULE_PAUSED], now=now)


def _approved(person: User, schedule: ScheduledExport, *, seen: str, now: datetime, ip: str | None) -> None:
    approving.approve_schedule(person, schedule, seen=seen, now=now, ip=ip)
    alerts.close_alert(schedule, [Cause.SCHEDULE_PAUSED], now=now)


def _back(schedule_id: str) -> Response:
    """Return to the list where the button was pressed there, as it was filtered, else to the schedule."""
    if request.args.get("from") != "list":
        return redirect(url_for(".show", schedule_id=schedule_id))
    kept = {name: request.args[name] for name in ("q", "state", "before") if name in request.args}
    return redirect(url_for(".index", **kept))  # type: ignore[arg-type] # its keywords are Any by nature
