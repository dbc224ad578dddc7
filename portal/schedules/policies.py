"""What a schedule does when something goes wrong, in the words of its form and its pages."""

from collections.abc import Mapping
from typing import Any

from portal.schedules.models import Misfire, Overlap

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


def window_in_words(minutes: int | None) -> str:
    """Say within what time a run must start: `Within 90 minutes`, `However late`."""
    if minutes is None:
        return "However late"
    return "Within 1 minute" if minutes == 1 else f"Within {minutes} minutes"


def in_words(chosen: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return label and words of each policy of `schedules.service.describe` or a run's snapshot.

    Runs of the first release hold none: nothing was chosen then, so nothing is said.
    """
    if "misfire" not in chosen:
        return []
    return [
        ("After downtime", MISFIRE_WORDS[Misfire(chosen["misfire"])]),
        ("While another run is under way", OVERLAP_WORDS[Overlap(chosen["overlap"])]),
        ("Starts", window_in_words(chosen["start_window"])),
    ]
