"""The form of a schedule, for a dataset or for a report, and what it shows while it is filled in."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.alerts import service as alerts
from portal.alerts.models import Cause
from portal.clock import utcnow
from portal.database import read_only
from portal.datasets import service as datasets
from portal.datasets.models import Dataset
from portal.errors import InvalidInput, NotFound
from portal.extensions import db
from portal.organizations.domains import domains_of
from portal.organizations.models import User
from portal.organizations.service import days_off
from portal.permissions import Permission
from portal.reports import service as reports
from portal.reports.models import Report
from portal.reports.reading import columns_shown, newest
from portal.runs.changing import change_schedule
from portal.schedules import facts, service
from portal.schedules.blueprint import blueprint
from portal.schedules.drafts import Draft
from portal.schedules.forms import ScheduleForm, form_for, values_of
from portal.schedules.models import ScheduledExport
from portal.schedules.preview import upcoming
from portal.schedules.recurrence import check_fires, timezone_names
from portal.schedules.report_form import ReportScheduleForm, form_for_report, values_for_report
from portal.schedules.rule_form import RuleForm
from portal.schedules.words import describe
from portal.web import actor, remote_ip, requires, settings


@blueprint.route("/schedules/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_SCHEDULES)
def new() -> str | Response:
    """Choose a dataset or a report, then fill in the form made for it."""
    person, now = actor(), utcnow()
    if request.args.get("report"):
        return _new_of_report(person, request.args["report"], now)
    if request.method == "GET" and not request.args.get("dataset"):
        return render_template(
            "schedules/choose_subject.html",
            datasets=datasets.list_datasets(person),
            reports=reports.list_reports(person),
        )
    dataset = _asked_dataset(person)
    form = form_for(dataset)(
        data={"timezone": person.organization.timezone, "dataset": request.args.get("dataset")}
    )
    if request.method == "POST" and _shows(dataset, form):
        made = _saved(form, now, lambda draft: _created(person, draft, now))
        if made is not None:
            return _made(made)
    return _form_page(form, dataset, now)


def _new_of_report(person: User, report_id: str, now: datetime) -> str | Response:
    report = reports.get_report(person, report_id)
    form = form_for_report(report)(data=values_for_report(report, None, person.organization.timezone))
    if request.method == "POST" and "show" not in request.form:
        made = _saved(form, now, lambda draft: _created(person, draft, now))
        if made is not None:
            return _made(made)
    return _report_page(form, report, now)


@blueprint.get("/schedules/preview")
@requires(Permission.MANAGE_SCHEDULES)
def preview() -> str:
    """Return the fragment that says what the rule in the query means: words and dates, or what is wrong."""
    return render_template("schedules/_preview.html", **_preview_of(RuleForm(request.args), utcnow()))


@blueprint.get("/schedules/regions")
@requires(Permission.MANAGE_SCHEDULES)
def regions() -> str:
    """Return the options of the regions that the country in the query has."""
    form = RuleForm(request.args)
    form.offer_regions()
    return render_template("schedules/_regions.html", field=form.region)


@blueprint.route("/schedules/<schedule_id>/edit", methods=["GET", "POST"])
@requires(Permission.MANAGE_SCHEDULES)
def edit(schedule_id: str) -> str | Response:
    """Change a schedule from its next run on."""
    person, now = actor(), utcnow()
    schedule = service.get_schedule(person, schedule_id, Permission.MANAGE_SCHEDULES)

    def change(draft: Draft) -> ScheduledExport:
        def update() -> None:
            service.update_schedule(person, schedule, draft, now=now, ip=remote_ip())
            _tell_of_waiting(schedule, now)

        return change_schedule(schedule, update, settings=settings())

    if schedule.report is not None:
        return _edit_of_report(schedule, schedule.report, change, now)
    dataset = _asked_dataset(person) if request.method == "POST" else schedule.dataset
    form = form_for(dataset)(data=values_of(schedule))
    if request.method == "POST" and _shows(dataset, form) and _saved(form, now, change):
        return _was_changed(schedule)
    return _form_page(form, dataset, now, schedule)


def _edit_of_report(
    schedule: ScheduledExport, report: Report, change: Callable[[Draft], ScheduledExport], now: datetime
) -> str | Response:
    form = form_for_report(report)(data=values_for_report(report, schedule, schedule.timezone))
    if request.method == "POST" and "show" not in request.form and _saved(form, now, change):
        return _was_changed(schedule)
    return _report_page(form, report, now, schedule)


def _made(schedule: ScheduledExport) -> Response:
    flash(f"“{schedule.name}” is saved. {facts.next_run(schedule)}", "success")
    return redirect(url_for(".show", schedule_id=schedule.public_id))


def _was_changed(schedule: ScheduledExport) -> Response:
    flash(f"“{schedule.name}” is changed. {facts.next_run(schedule)}", "success")
    return redirect(url_for(".show", schedule_id=schedule.public_id))


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

    Where another dataset was chosen on it, the page comes back with that one's, for somebody to look over;
    so it does where a country's regions are asked for without script.
    """
    if "show" in request.form:
        return False
    if dataset is None or form.loaded.data in (None, dataset.public_id):
        return True
    form.begin_choices_anew()
    return False


def _tell_of_waiting(schedule: ScheduledExport, now: datetime) -> None:
    """Let admins know of a schedule that waits for one of them, and end that where it waits no more."""
    if schedule.waits_for_approval:
        reason = schedule.paused_reason or ""
        alerts.raise_alert(schedule, Cause.SCHEDULE_PAUSED, reason, run_id=None, now=now)
    elif schedule.active:
        alerts.close_alert(schedule, [Cause.SCHEDULE_PAUSED], now=now)


def _created(person: User, draft: Draft, now: datetime) -> ScheduledExport:
    made = service.create_schedule(person, draft, now=now, ip=remote_ip())
    _tell_of_waiting(made, now)
    db.session.commit()
    return made


def _saved(
    form: ScheduleForm | ReportScheduleForm, now: datetime, save: Callable[[Draft], ScheduledExport]
) -> ScheduledExport | None:
    """Save what was filled in. None where something is wrong: nothing is kept then, the form says what."""
    if not form.validate():
        return None
    try:
        return save(form.draft(now, days_off(actor().organization)))
    except InvalidInput as error:
        db.session.rollback()
        form.refuse(error)
        return None


def _form_page(
    form: ScheduleForm, dataset: Dataset | None, now: datetime, schedule: ScheduledExport | None = None
) -> str:
    """Show the form with all that was typed."""
    db.session.rollback()  # a POST's transaction would keep writers waiting while the source answers
    with read_only():
        choices, source_problem = facts.filter_choices(dataset, settings())
        form.offer(choices)
        form.describe_mail(settings())
        form.dataset.choices = {known.public_id: known.name for known in datasets.list_datasets(actor())}
    return render_template(
        "schedules/form.html",
        dataset=dataset,
        report=None,
        columns=form.version.table_columns if form.version else (),
        personal=facts.personal(form.version.table_columns) if form.version else 0,
        source_problem=source_problem,
        **_shared_parts(form, schedule, now),
    )


def _report_page(
    form: ReportScheduleForm, report: Report, now: datetime, schedule: ScheduledExport | None = None
) -> str:
    """Show the form of a report with all that was typed."""
    form.offer_regions()
    form.describe_mail(settings())
    parts = reports.current_version(report).parts
    columns = columns_shown(parts, newest(report.organization_id, parts))
    return render_template(
        "schedules/form.html",
        dataset=None,
        report=report,
        columns=columns,
        personal=facts.personal(columns),
        source_problem="",
        **_shared_parts(form, schedule, now),
    )


def _shared_parts(
    form: ScheduleForm | ReportScheduleForm, schedule: ScheduledExport | None, now: datetime
) -> dict[str, Any]:
    return dict(
        form=form,
        schedule=schedule,
        owner=schedule.owner if schedule else actor(),
        unsaved=request.method == "POST" and not form.errors,
        regions_shown="show" in request.form,
        timezones=timezone_names(),
        own_days=len(days_off(actor().organization)),
        domains=sorted(domains_of(actor().organization)),
        settings=settings(),
        **_preview_of(form, now),
    )


def _preview_of(form: RuleForm, now: datetime) -> dict[str, Any]:
    own_days = days_off(actor().organization)
    try:
        rule, timezone = form.rule(now, own_days), form.zone_name()
        check_fires(rule, timezone, now, own_days)
    except InvalidInput as error:
        return {"words": "", "occurrences": [], "problem": str(error)}
    occurrences = upcoming(rule, timezone, after=now, own_days=own_days)
    return {"words": describe(rule, timezone), "occurrences": occurrences, "problem": ""}
