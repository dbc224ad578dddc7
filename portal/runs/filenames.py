"""Names of files, made from the schedule's name and the occurrence."""

import re
import unicodedata
from datetime import datetime
from zoneinfo import ZoneInfo

_LONGEST_STEM = 170  # bytes: with date, extension and a run's id below what file systems and our tables take


def filename_for(name: str, due_at: datetime, timezone: str, extension: str) -> str:
    """Return `open-cases-2026-11-24-0800.xlsx`: lower case, letters and digits of any script, and the
    occurrence's local date and time."""
    text = unicodedata.normalize("NFKC", name).lower()
    stem = re.sub(r"[^\w]+", "-", text).strip("-_")
    stem = stem.encode()[:_LONGEST_STEM].decode("utf-8", "ignore").rstrip("-") or "export"
    local = due_at.astimezone(ZoneInfo(timezone))
    return f"{stem}-{local:%Y-%m-%d-%H%M}.{extension}"
