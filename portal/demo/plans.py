"""The demo's schedules: every rhythm, format, channel and a handful of timezones."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from portal.exporters.options import Packing
from portal.reports import board
from portal.schedules.drafts import Draft
from portal.schedules.models import Channel, ExportFormat
from portal.schedules.rules import Kind, Rule

_CASES, _FLAT, _OVERDUE = "Cases", "Cases, flat file", "Overdue high-severity cases"
_INVESTIGATIONS, _DISCLOSURES, _HOTLINE = "Investigations", "Disclosures", "Hotline calls"


@dataclass(frozen=True)
class Plan:
    """A schedule of a dataset, or of a report, by name; and how many of its past occurrences to run.

    `paused` holds the reason, where it is.
    """

    name: str
    dataset: str
    format: ExportFormat
    rule: Rule
    timezone: str
    recipients: tuple[str, ...] = ()
    location: str = ""
    columns: tuple[str, ...] = ()
    filters: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    past: int = 0
    paused: str = ""
    packing: Packing = Packing.NONE
    report: str = ""

    def draft(self, subject_id: str) -> Draft:
        """Return the schedule as its manager would have filled it in."""
        return Draft(
            name=self.name,
            dataset_id="" if self.report else subject_id,
            report_id=subject_id if self.report else "",
            format=self.format,
            rule=self.rule,
            timezone=self.timezone,
            channel=Channel.EMAIL if self.recipients else Channel.STORAGE,
            description=self.description,
            recipients=self.recipients,
            location=self.location,
            columns=self.columns,
            filters=self.filters,
            packing=self.packing,
        )


def _preset(name: str, **more: Any) -> dict[str, Any]:
    return {"period": {"preset": name}, **more}


ACME_PLANS = (
    Plan(
        name="Board report of the month",
        dataset="",
        report=board.NAME,
        format=ExportFormat.PDF,
        rule=Rule(Kind.MONTHLY, time(7, 0), monthday=1),
        timezone="America/New_York",
        recipients=("board@acme.example", "secretary@acme.example"),
        filters=_preset("previous_month"),
        description="For the meeting of the board.",
        past=1,
    ),
    Plan(
        name="Open cases by unit",
        dataset=_CASES,
        format=ExportFormat.XLSX,
        rule=Rule(Kind.WEEKLY, time(8, 0), weekdays=(0,)),
        timezone="Europe/Berlin",
        recipients=("compliance@acme.example", "works-council@acme.example", "audit@acme.example"),
        filters=_preset("previous_week", statuses=["NEW", "OPEN"]),
        description="New and open cases of the week before, for the Monday meeting.",
        past=3,
    ),
    Plan(
        name="Overdue cases, daily",
        dataset=_OVERDUE,
        format=ExportFormat.CSV,
        rule=Rule(Kind.DAILY, time(7, 30)),
        timezone="America/New_York",
        location="overdue",
        description="Feeds the escalation board.",
        past=24,
    ),
    Plan(
        name="Whistleblowing intake",
        dataset=_CASES,
        format=ExportFormat.CSV,
        rule=Rule(Kind.WEEKLY, time(9, 15), weekdays=(0, 2, 4)),
        timezone="Europe/London",
        recipients=("intake@acme.example", "refused.leaver@acme.example"),
        filters=_preset("last_7_days", statuses=["NEW"]),
        past=4,
    ),
    Plan(
        name="Monthly flat file",
        dataset=_FLAT,
        format=ExportFormat.XLSX,
        rule=Rule(Kind.MONTHLY, time(6, 0), monthday=1),
        timezone="America/New_York",
        recipients=("data-office@acme.example",),
        filters=_preset("previous_month"),
        description="Everything of the month before, for the data warehouse.",
        past=1,
    ),
    Plan(
        name="Investigations, month end",
        dataset=_INVESTIGATIONS,
        format=ExportFormat.PDF,
        rule=Rule(Kind.MONTHLY_LAST, time(17, 0)),
        timezone="Asia/Singapore",
        recipients=("board-office@acme.example",),
        filters=_preset("last_7_days"),
        past=1,
    ),
    Plan(
        name="Gifts and hospitality",
        dataset=_DISCLOSURES,
        format=ExportFormat.JSON,
        rule=Rule(Kind.WEEKLY, time(12, 0), weekdays=(4,)),
        timezone="Australia/Sydney",
        location="disclosures/weekly",
        filters=_preset("previous_week", categories=["GIFT"]),
        past=4,
    ),
    Plan(
        name="Hotline calls",
        dataset=_HOTLINE,
        format=ExportFormat.CSV,
        rule=Rule(Kind.DAILY, time(5, 45)),
        timezone="America/New_York",
        recipients=("hotline@acme.example",),
        past=2,
    ),
    Plan(
        name="Conflicts of interest",
        dataset=_DISCLOSURES,
        format=ExportFormat.XLSX,
        rule=Rule(Kind.MONTHLY, time(8, 0), monthday=31),
        timezone="Europe/Berlin",
        recipients=("legal@acme.example",),
        filters=_preset("previous_quarter", categories=["CONFLICT_OF_INTEREST"]),
    ),
    Plan(
        name="Cases of the quarter",
        dataset=_FLAT,
        format=ExportFormat.CSV,
        rule=Rule(Kind.MONTHLY, time(2, 30), monthday=1),
        timezone="America/Sao_Paulo",
        packing=Packing.ZIP,
        location="quarter",
        filters=_preset("previous_quarter"),
    ),
    Plan(
        name="Night shift summary",
        dataset=_CASES,
        format=ExportFormat.PDF,
        rule=Rule(Kind.DAILY, time(1, 30)),
        timezone="America/New_York",
        recipients=("night-desk@acme.example",),
        columns=("case_number", "title", "status", "severity"),
        filters=_preset("yesterday"),
        past=2,
    ),
    Plan(
        name="Training exceptions",
        dataset=_DISCLOSURES,
        format=ExportFormat.CSV,
        rule=Rule(Kind.WEEKLY, time(10, 0), weekdays=(1,)),
        timezone="Asia/Kolkata",
        recipients=("training@acme.example", "hr@acme.example"),
        filters=_preset("previous_week"),
        paused="Waiting for the new training system",
    ),
)

GLOBEX_PLANS = (
    Plan(
        name="Weekly cases",
        dataset=_CASES,
        format=ExportFormat.XLSX,
        rule=Rule(Kind.WEEKLY, time(8, 0), weekdays=(0,)),
        timezone="Europe/London",
        recipients=("compliance@globex.example",),
        filters=_preset("previous_week"),
        past=2,
    ),
)


FIRST_DELIVERY = "Your first delivery"


def first_delivery(dataset_id: str, now: datetime) -> Draft:
    """Return a daily schedule due at the first whole minute at least ten seconds away."""
    zone = ZoneInfo("America/New_York")
    due = (now.astimezone(zone) + timedelta(seconds=70)).replace(second=0, microsecond=0)
    return Draft(
        name=FIRST_DELIVERY,
        dataset_id=dataset_id,
        format=ExportFormat.XLSX,
        rule=Rule(Kind.DAILY, due.time()),
        timezone=zone.key,
        channel=Channel.EMAIL,
        description="Made when the demo started, to run within two minutes. Watch the inbox.",
        recipients=("you@acme.example",),
        filters={"period": {"preset": "last_90_days"}},
    )
