"""The form of a schedule that delivers a report."""

from datetime import date, datetime
from typing import Any

from wtforms import SelectField
from wtforms.validators import AnyOf

from portal.datasets import periods
from portal.exporters.options import Packing
from portal.reports.models import Report
from portal.reports.service import current_version
from portal.schedules.common_form import CommonForm, shared_values
from portal.schedules.drafts import Draft
from portal.schedules.models import Channel, ExportFormat, Misfire, Overlap, ScheduledExport
from portal.schedules.subjects import PERIOD


class ReportScheduleForm(CommonForm):
    """A report is a PDF for a period; nothing else is chosen of it."""

    report: Report
    subject_field = "period"

    period = SelectField(
        "Period",
        [AnyOf(list(periods.CALENDAR), message="Choose a period from the list.")],
        choices={key: periods.PRESETS[key][0] for key in periods.CALENDAR},
        validate_choice=False,
        description="Resolved when the run is due, in the schedule's time zone.",
    )

    def draft(self, now: datetime, own_days: frozenset[date]) -> Draft:
        """Return what was filled in. Raises InvalidInput where it is no schedule at all."""
        return Draft(
            name=self.name.data or "",
            description=self.description.data or "",
            dataset_id="",
            report_id=self.report.public_id,
            format=ExportFormat.PDF,
            rule=self.rule(now, own_days),
            timezone=self.zone_name(),
            channel=Channel(self.channel.data),
            recipients=self.addressees(),
            location=self.location.data or "",
            filters={PERIOD: {"preset": self.period.data}},
            misfire=Misfire(self.misfire.data),
            overlap=Overlap(self.overlap.data),
            start_window=self.window(),
            packing=Packing(self.packing.data),
        )


def form_for_report(report: Report) -> type[ReportScheduleForm]:
    """Return the form's class for a report."""

    class OfReport(ReportScheduleForm):
        pass

    OfReport.report = report
    return OfReport


def values_for_report(report: Report, schedule: ScheduledExport | None, timezone: str) -> dict[str, Any]:
    """Return the form's data: of a schedule, or what a new one of a report begins with."""
    if schedule is None:
        period = current_version(report).period["preset"]
        return {"name": report.name, "timezone": timezone, "period": period}
    return {**shared_values(schedule), "period": schedule.filters[PERIOD]["preset"]}
