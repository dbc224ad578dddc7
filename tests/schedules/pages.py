"""What tests read from pages and put into forms."""

import html
import re
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from werkzeug.test import TestResponse

from portal.audit.models import AuditEntry
from portal.datasets.models import Dataset
from portal.extensions import db
from portal.schedules.models import ScheduledExport
from portal.schedules.preview import upcoming
from portal.schedules.rules import Rule


def filled_in(dataset: Dataset, /, **changes: Any) -> dict[str, Any]:
    """Return a complete form: Mondays at 08:00 Berlin time, CSV, by e-mail. None leaves a field out."""
    values = {
        "name": "Weekly cases",
        "dataset": dataset.public_id,
        "format": "csv",
        "rhythm": "weekly",
        "weekday": ["0"],
        "time": "08:00",
        "timezone": "Europe/Berlin",
        "channel": "email",
        "recipients": "ann@example.org",
        "columns": ["case_number", "status"],
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def text_of(response: TestResponse) -> str:
    """Return the page's words, tags dropped and blanks folded."""
    body = re.sub(r"<[^>]*>", " ", response.get_data(as_text=True))
    return re.sub(r"\s+", " ", html.unescape(body))


def error_at(response: TestResponse, field: str) -> str:
    """Return what the page says at a field; empty when nothing is wrong there."""
    found = re.search(rf'id="{field}-error">(.*?)</p>', response.get_data(as_text=True), re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>", "", found[1])).strip() if found else ""


def schedules_kept() -> int:
    """Count what is committed, whatever the session holds."""
    db.session.rollback()
    return db.session.scalars(select(func.count()).select_from(ScheduledExport)).one()


def actions() -> list[str]:
    entries = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))
    return [action for action in entries if action.startswith(("schedule.", "run."))]


def instants(rule: Rule, timezone: str, *, after: datetime) -> list[datetime]:
    """Return the instants that a page's preview must show, which are those of the dispatcher."""
    return [occurrence.at for occurrence in upcoming(rule, timezone, after=after)]
