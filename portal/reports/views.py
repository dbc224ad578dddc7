"""Pages of reports: their list, one of them on screen and as a PDF, and the editor of their sections."""

from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.clock import utcnow
from portal.database import read_only
from portal.datasets import periods
from portal.datasets import service as datasets
from portal.datasets.first_rows import TIMEOUT
from portal.errors import InvalidInput, PortalError
from portal.exporters.base import Document
from portal.extensions import db
from portal.organizations.branding import branding_of
from portal.permissions import Permission
from portal.reports import board, reading, service
from portal.reports.charts.look import NARROW, PageLook
from portal.reports.content import Block, ChartBlock, KpiBlock, TableBlock, TextBlock, Unavailable
from portal.reports.forms import KIND_WORDS, ReportForm, filled
from portal.reports.layout import Arrangement, arranged
from portal.reports.models import Report
from portal.reports.printed import brand_of, write_pdf
from portal.reports.sections import Section, Width, problem_of
from portal.schedules.service import schedules_of
from portal.sources import service as source_service
from portal.tally import Tally
from portal.web import actor, refuse_odd_rows, remote_ip, requires, settings

LOOKS = {Width.FULL: (PageLook(720), NARROW), Width.HALF: (PageLook(460), NARROW)}
"""By how wide a chart is on a page: one drawing for a wide screen, one for a narrow one."""

blueprint = Blueprint("reports", __name__)


@dataclass(frozen=True)
class Shown:
    """What a report shows for a period."""

    document: Document
    blocks: list[Block]
    notes: tuple[str, ...]


@blueprint.get("/reports")
@requires(Permission.VIEW_REPORTS)
def index() -> str:
    """List the organization's reports."""
    found = service.list_reports(actor())
    return render_template(
        "reports/index.html",
        reports=found,
        versions=service.current_versions(found),
        presets=periods.CALENDAR,
        zone=actor().organization.timezone,
        sources=source_service.list_sources(actor()),
    )


@blueprint.get("/reports/<report_id>")
@requires(Permission.VIEW_REPORTS)
def show(report_id: str) -> str:
    """Show a report for its own period, or another one that was chosen."""
    report = service.get_report(actor(), report_id)
    version = service.current_version(report)
    chosen = _chosen_period(version.period)
    shown = _shown(report.name, version.parts, chosen)
    return render_template(
        "reports/show.html",
        report=report,
        version=version,
        chosen=chosen["preset"],
        presets=periods.CALENDAR,
        shown=shown,
        branding=branding_of(actor().organization),
        zone=shown.document.timezone,
        **_drawn(shown.blocks),
    )


@blueprint.get("/reports/<report_id>/pdf")
@requires(Permission.VIEW_REPORTS)
def pdf(report_id: str) -> Response:
    """Return the same as a PDF."""
    report = service.get_report(actor(), report_id)
    version = service.current_version(report)
    name, brand = report.name, brand_of(report.organization)
    chosen = _chosen_period(version.period)
    shown = _shown(name, version.parts, chosen)
    out = BytesIO()
    try:
        write_pdf(shown.document, shown.blocks, brand, out, settings=settings())
    except PortalError as error:
        flash(f"The PDF could not be made. {error}", "error")
        return redirect(url_for(".show", report_id=report_id, period=chosen["preset"]))
    answer = Response(out.getvalue(), mimetype="application/pdf")
    day = shown.document.generated_at.date().isoformat()
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name} {day}.pdf")
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.route("/reports/board", methods=["GET", "POST"])
@requires(Permission.MANAGE_DATASETS)
def add_board() -> Any:
    """Add the built-in board report over a source."""
    found = source_service.list_sources(actor())
    problem = ""
    if request.method == "POST":
        source = next((one for one in found if one.public_id == request.form.get("source")), None)
        try:
            if source is None:
                raise InvalidInput("Choose a data source.", "source")
            made = board.add_board_report(
                actor().organization, source, actor=actor().email, now=utcnow(), ip=remote_ip()
            )
            db.session.commit()
        except InvalidInput as error:
            db.session.rollback()
            problem = str(error)
        else:
            flash(f"“{made.name}” is added, with its datasets.", "success")
            return redirect(url_for(".show", report_id=made.public_id))
    with read_only():
        return render_template(
            "reports/board.html", sources=source_service.list_sources(actor()), problem=problem
        )


@blueprint.route("/reports/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_REPORTS)
def new() -> Any:
    """Define a report."""
    refuse_odd_rows("sections")
    form = ReportForm()  # type: ignore[no-untyped-call]
    if request.method == "GET":
        form.period.data = "last_30_days"
        form.rearrange("add")
        return _page(form)
    return _answered(form, None)


@blueprint.route("/reports/<report_id>/edit", methods=["GET", "POST"])
@requires(Permission.MANAGE_REPORTS)
def edit(report_id: str) -> Any:
    """Change a report: what is saved is a new version."""
    refuse_odd_rows("sections")
    report = service.get_report(actor(), report_id)
    if request.method == "GET":
        data = filled(service.definition_of(report), service.current_version(report).number)
        return _page(ReportForm(data=data), report)  # type: ignore[no-untyped-call]
    return _answered(ReportForm(), report)  # type: ignore[no-untyped-call]


@blueprint.post("/reports/preview")
@requires(Permission.MANAGE_REPORTS)
def preview() -> str:
    """Return the fragment that shows what is in the form."""
    refuse_odd_rows("sections")
    form = ReportForm()  # type: ignore[no-untyped-call]
    return render_template("reports/_blocks.html", **_drawn(_preview_of(form)))


@blueprint.post("/reports/<report_id>/archive")
@requires(Permission.MANAGE_REPORTS)
def archive(report_id: str) -> Response:
    """Put a report away."""
    report = service.get_report(actor(), report_id)
    if used := schedules_of(actor(), report):
        flash(f"“{used[0]}” delivers this report: delete that schedule first.", "error")
        return redirect(url_for(".show", report_id=report_id))
    service.archive(actor(), report, now=utcnow(), ip=remote_ip())
    name = report.name
    db.session.commit()
    flash(f"“{name}” is put away. Its runs and versions stay.", "success")
    return redirect(url_for(".index"))


def _chosen_period(default: dict[str, Any]) -> dict[str, Any]:
    preset = request.args.get("period")
    if preset is None:
        return default
    if preset not in periods.CALENDAR:
        abort(HTTPStatus.NOT_FOUND)
    return {"preset": preset}


def _shown(title: str, sections: tuple[Section, ...], chosen: dict[str, Any]) -> Shown:
    """Read what sections show now. Ends the transaction: none is open while the sources answer."""
    organization, now, tally = actor().organization, utcnow(), Tally()
    asked = reading.prepare(
        organization,
        sections,
        chosen,
        reading.newest(organization.id, sections),
        due_at=now,
        timezone=organization.timezone,
        settings=settings(),
    )
    document = Document(title, organization.name, now, organization.timezone, asked.facts)
    db.session.rollback()
    found = reading.show(asked, document, timeout=TIMEOUT, tally=tally)
    return Shown(document, found, tally.notes())


def _drawn(blocks: list[Block]) -> dict[str, Any]:
    """Return what the templates of blocks need."""
    return {
        "groups": list(arranged(blocks)),
        "looks": LOOKS,
        "Arrangement": Arrangement,
        "kinds": {KpiBlock: "kpi", ChartBlock: "chart", TableBlock: "table", TextBlock: "text"},
    }


def _answered(form: ReportForm, report: Report | None) -> Any:
    """Rearrange, show or save what was sent."""
    if "arrange" in request.form:
        form.rearrange(request.form["arrange"])
        return _page(form, report)
    if not form.validate() or "save" not in request.form:
        return _page(form, report)
    problem = ""
    try:
        return _saved(form, report)
    except InvalidInput as error:
        problem = "" if form.say(error) else str(error)
    db.session.rollback()
    return _page(form, report, problem)


def _saved(form: ReportForm, report: Report | None) -> Response:
    definition = form.definition()
    if report is None:
        report = service.create(actor(), definition, now=utcnow(), ip=remote_ip())
        words = f"“{report.name}” is saved. Schedules can deliver it now."
    else:
        begun_with = form.version.data or ""
        version = service.change(
            actor(), report, definition, begun_with=begun_with, now=utcnow(), ip=remote_ip()
        )
        if version is None:
            words = "Nothing has changed."
        elif str(version.number) == begun_with:
            words = "Saved. What it shows has not changed."
        else:
            words = f"Saved as version {version.number}. New runs use it."
    public_id = report.public_id
    db.session.commit()
    flash(words, "success")
    return redirect(url_for(".show", report_id=public_id))


def _preview_of(form: ReportForm) -> list[Block]:
    """Return what the form's sections show now; one that is not complete says what it lacks."""
    chosen = {"preset": form.period.data if form.period.data in periods.CALENDAR else "last_30_days"}
    columns = service.columns_to_choose(actor())
    try:
        sections = form.definition().sections
        problems = [problem_of(section, columns) for section in sections]
        whole = tuple(one for one, problem in zip(sections, problems, strict=True) if not problem)
        shown = iter(_shown(form.name.data or "", whole, chosen).blocks)
    except PortalError as error:
        return [Unavailable("Preview", str(error))]
    return [
        Unavailable(section.title or f"Section {number + 1}", problems[number])
        if problems[number]
        else next(shown)
        for number, section in enumerate(sections)
    ]


def _page(form: ReportForm, report: Report | None = None, problem: str = "") -> str:
    blocks = _preview_of(form)
    db.session.rollback()  # no writer waits while the page is made
    with read_only():
        found = datasets.list_datasets(actor())
        versions = datasets.current_versions(found)
        form.offer(
            {dataset.public_id: dataset.name for dataset in found},
            {dataset.public_id: versions[dataset.id].table_columns for dataset in found},
        )
        return render_template(
            "reports/form.html",
            form=form,
            report=report,
            next_version=service.current_version(report).number + 1 if report else 1,
            problem=problem,
            kind_words=KIND_WORDS,
            **_drawn(blocks),
        )
