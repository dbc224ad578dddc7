"""Pages of runs: list, page of one, its progress, and what mends it."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.clock import utcnow
from portal.downloads import service as downloads
from portal.errors import InvalidInput
from portal.extensions import db
from portal.permissions import Permission
from portal.runs import facts, handover, recovery, service
from portal.runs.chosen import filters_of, order_of, rows_left_out
from portal.runs.forms import GROUPS, RunFilter
from portal.runs.models import UNFINISHED, ScheduledExportRun
from portal.schedules import policies
from portal.schedules import service as schedules
from portal.web import actor, remote_ip, requires, settings

blueprint = Blueprint("runs", __name__)


@blueprint.get("/runs")
@requires(Permission.VIEW_RUNS)
def index() -> str:
    """List the organization's runs, newest first. Statuses, schedule and page are in the address."""
    asked = RunFilter.from_query(request.args)
    schedule = schedules.get_schedule(actor(), asked.schedule) if asked.schedule else None
    found = service.list_runs(actor(), schedule=schedule, statuses=asked.statuses, before_id=asked.before)
    page = found[: service.PAGE_SIZE]
    return render_template(
        "runs/index.html",
        runs=page,
        asked=asked,
        groups=GROUPS,
        schedule=schedule,
        next_before=page[-1].id if len(found) > len(page) else None,
        zone=actor().organization.timezone,
        span=facts.span,
    )


@blueprint.get("/runs/<run_id>")
@requires(Permission.VIEW_RUNS)
def show(run_id: str) -> str:
    """Show all that is known of a run."""
    run = service.get_run(actor(), run_id)
    deliveries = service.deliveries_of(run)
    schedule = run.schedule
    return render_template(
        "runs/show.html",
        run=run,
        schedule=schedule if schedule and schedule.deleted_at is None else None,
        strip=service.recent_by_schedule(actor(), [schedule])[schedule.id] if schedule else [],
        deliveries=deliveries,
        downloads=downloads.download_counts(run),
        links=facts.open_links(run, utcnow()),
        summary=facts.summary(run, deliveries),
        lacking=facts.lacking(run, deliveries),
        filters=filters_of(run),
        order=order_of(run),
        left_out=rows_left_out(run),
        policies=policies.in_words(run.snapshot),
        facts=facts,
    )


@blueprint.get("/runs/<run_id>/progress")
@requires(Permission.VIEW_RUNS)
def progress(run_id: str) -> str:
    """Return the fragment that the page of an unfinished run asks for again and again."""
    run = service.get_run(actor(), run_id)
    return render_template(
        "runs/_progress.html", run=run, summary=facts.summary(run, service.deliveries_of(run)), facts=facts
    )


@blueprint.post("/runs/<run_id>/retry")
@requires(Permission.MEND_RUNS)
def retry(run_id: str) -> Response:
    """Queue a failed run again. A second click finds it queued and makes no other attempt."""
    run = service.get_run(actor(), run_id, Permission.MEND_RUNS)
    try:
        service.retry_run(actor(), run, settings=settings(), now=utcnow(), ip=remote_ip())
    except InvalidInput as error:
        return _refused(run, error)
    return _queued(run, "The run is queued again.")


@blueprint.post("/runs/<run_id>/resend")
@requires(Permission.MEND_RUNS)
def resend(run_id: str) -> Response:
    """Send the stored file, or word of no rows, to those who lack it, and nobody else."""
    run = service.get_run(actor(), run_id, Permission.MEND_RUNS)
    try:
        count = service.resend_failed(actor(), run, settings=settings(), now=utcnow(), ip=remote_ip())
    except InvalidInput as error:
        return _refused(run, error)
    return _queued(
        run,
        f"{run.what_is_sent.capitalize()} goes to"
        f" {'the recipient' if count == 1 else f'the {count} recipients'} again.",
    )


@blueprint.post("/runs/<run_id>/cancel")
@requires(Permission.CANCEL_RUNS)
def cancel(run_id: str) -> Response:
    """End a run that is not over, or ask its worker to stop."""
    run = service.get_run(actor(), run_id, Permission.CANCEL_RUNS)
    try:
        ended = service.cancel_run(actor(), run, now=utcnow(), ip=remote_ip())
    except InvalidInput as error:
        flash(str(error), "info")
        return redirect(url_for(".show", run_id=run_id))
    db.session.commit()
    handover.hand_over(recovery.ready_after(run_id), settings())
    stopping = "Its worker was asked to stop, which takes a few seconds."
    flash("The run is cancelled." if ended else stopping, "success" if ended else "info")
    return redirect(url_for(".show", run_id=run_id))


@blueprint.post("/runs/<run_id>/revoke-links")
@requires(Permission.REVOKE_LINKS)
def revoke_links(run_id: str) -> Response:
    """Withdraw every open link to the run's file."""
    run = service.get_run(actor(), run_id, Permission.REVOKE_LINKS)
    count = downloads.revoke_links(actor(), run, now=utcnow(), ip=remote_ip())
    db.session.commit()
    words = "No link was open any more." if not count else "The links no longer work."
    flash("The link no longer works." if count == 1 else words, "success" if count else "info")
    return redirect(url_for(".show", run_id=run_id))


def _queued(run: ScheduledExportRun, words: str) -> Response:
    """Commit, then hand the run to the workers. Its id is read before: no transaction is open meanwhile."""
    run_id, attempt = run.public_id, run.attempt
    db.session.commit()
    handed_over = handover.hand_over([(run_id, attempt)], settings())
    flash(f"{words} {handover.in_words(handed_over)}", "success" if handed_over else "warning")
    return redirect(url_for(".show", run_id=run_id))


def _refused(run: ScheduledExportRun, error: InvalidInput) -> Response:
    """Go back to the run and say why nothing was done; after a double click it is under way already."""
    under_way = run.status in UNFINISHED
    flash("The run is under way already." if under_way else str(error), "info" if under_way else "error")
    return redirect(url_for(".show", run_id=run.public_id))
