"""What a schedule does out of the ordinary, in the words of its form and its pages."""

from collections.abc import Mapping
from typing import Any

from portal.schedules.models import Drift, Empty, Misfire, Overlap, Unchanged

LONGEST_WINDOW = 1440
"""Minutes: a day."""

MISFIRE_WORDS: Mapping[Misfire, str] = {
    Misfire.LATEST: "Run the latest missed one",
    Misfire.ALL: "Run all that were missed, one after the other",
    Misfire.NONE: "Run none of them",
}
OVERLAP_WORDS: Mapping[Overlap, str] = {
    Overlap.QUEUE: "Wait for it",
    Overlap.SKIP: "Skip the new run",
    Overlap.ALLOW: "Run both at once",
}
EMPTY_WORDS: Mapping[Empty, str] = {
    Empty.SEND: "Send the file without rows",
    Empty.SKIP: "Skip the run",
    Empty.TELL: "Tell the recipients by mail",
}
UNCHANGED_WORDS: Mapping[Unchanged, str] = {
    Unchanged.SEND: "Send them again",
    Unchanged.SKIP: "Skip the run",
}
DRIFT_WORDS: Mapping[Drift, str] = {
    Drift.STOP: "Stop before anything is sent",
    Drift.GO_ON: "Go on, and note it in the log",
}


def window_in_words(minutes: int | None) -> str:
    """Say within what time a run must start: `Within 90 minutes`, `However late`."""
    if minutes is None:
        return "However late"
    return "Within 1 minute" if minutes == 1 else f"Within {minutes} minutes"


def in_words(chosen: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return label and words of each policy of `schedules.service.describe` or a run's snapshot.

    Runs of earlier releases hold none, or not all: what was not chosen then is not said.
    """
    if "misfire" not in chosen:
        return []
    return [*_of_timing(chosen), *_of_result(chosen)]


def _of_timing(chosen: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("After downtime", MISFIRE_WORDS[Misfire(chosen["misfire"])]),
        ("While another run is under way", OVERLAP_WORDS[Overlap(chosen["overlap"])]),
        ("Starts", window_in_words(chosen["start_window"])),
    ]


def _of_result(chosen: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "empty" not in chosen or "report" in chosen:  # a report has a result of its own kind
        return []
    return [
        ("Without rows", EMPTY_WORDS[Empty(chosen["empty"])]),
        ("With the same rows as last time", UNCHANGED_WORDS[Unchanged(chosen["unchanged"])]),
        ("When columns change", DRIFT_WORDS[Drift(chosen["drift"])]),
    ]
