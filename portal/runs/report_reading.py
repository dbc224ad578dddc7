"""From a plan of a report to its finished work file."""

from dataclasses import replace
from pathlib import Path

from portal.clock import utcnow
from portal.config import Settings
from portal.datasets import query
from portal.exporters.options import Packing
from portal.extensions import db
from portal.organizations.models import Organization
from portal.reports import reading
from portal.reports import service as reports
from portal.reports.content import Answer, blocks
from portal.reports.printed import ReportExporter, brand_of
from portal.reports.printing.job import Brand
from portal.reports.reading import Asked
from portal.runs.filenames import filename_for
from portal.runs.guard import check_approved
from portal.runs.leases import fenced
from portal.runs.log import note
from portal.runs.plan import Plan
from portal.runs.rendering import Rendered, packed, render
from portal.schedules.subjects import PERIOD
from portal.tally import Tally


def read_report(plan: Plan, path: Path, settings: Settings) -> Rendered:
    """Ask the datasets of a report and print it into a work file.

    Raises NotApproved before anything is read, what reading raises, and RenderFailed where a section can't
    be shown: a report is whole, or it is none.
    """
    asked, brand = prepare(plan, settings)
    tally = Tally()
    answers: dict[str, Answer | str] = {}
    for public_id, question in asked.questions.items():
        with fenced(plan.claim):  # told to stop, it does so between two queries
            pass
        answers[public_id] = reading.ask(question, timeout=settings.query_timeout, tally=tally)
    document = replace(plan.document, facts=(*asked.facts, ("Run", plan.claim.run_id)))
    shown = blocks(asked.sections, answers, document, tally)
    rows = [answer.rows for answer in answers.values() if isinstance(answer, Answer)]
    exporter = packed(
        ReportExporter(shown, brand, settings),
        Packing(plan.snapshot["packing"]),
        filename_for(plan.snapshot["name"], plan.due_at, plan.snapshot["timezone"], ReportExporter.extension),
    )
    return render(exporter, document, query.Rows((), rows, tally), path)


def prepare(plan: Plan, settings: Settings) -> tuple[Asked, Brand]:
    """Work out what this occurrence shows: its period, and the one before; record their bounds."""
    snapshot = plan.snapshot
    with fenced(plan.claim) as run:
        organization = db.session.get_one(Organization, run.organization_id)
        parts = reports.get_version(snapshot["report_version"]).parts
        versions = snapshot["dataset_versions"]
        check_approved(run)
        asked = reading.prepare(
            organization,
            parts,
            snapshot["filters"][PERIOD],
            versions,
            due_at=run.due_at,
            timezone=snapshot["timezone"],
            settings=settings,
        )
        run.stage = "read"
        run.resolved_parameters = {
            "period_start": asked.period.start.isoformat(),
            "period_end": asked.period.end.isoformat(),
        }
        detail = ", ".join(f"{label}: {words}" for label, words in asked.facts)
        note(run, f"Reading “{snapshot['report_name']}”", now=utcnow(), detail=detail)
        return asked, brand_of(organization)
