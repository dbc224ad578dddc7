"""Counts what an exporter had to change, so that nothing is altered without a word."""

from collections import Counter
from dataclasses import dataclass, field

REPLACED = "Characters that the format can't hold became U+FFFD (�)"
WITHOUT_ZONE = "Times that the source keeps without a zone are shown as they are"
REPEATED_HOUR = "Times in the hour that clocks repeat in autumn look like those an hour before"


@dataclass(slots=True)
class Tally:
    """What was changed while a file was written: how often, and in what order it first happened."""

    counts: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)

    def count(self, what: str, cells: int = 1) -> None:
        """Count `cells` cells, if any, to which `what`, a sentence without its full stop, happened."""
        if cells:
            self.counts[what] += cells

    def remark(self, sentence: str) -> None:
        """Keep one sentence that needs no count."""
        self.remarks.append(sentence)

    def notes(self) -> tuple[str, ...]:
        """Return the sentences for `Written.notes`."""
        counted = (f"{what}: {n:,} {'cell' if n == 1 else 'cells'}." for what, n in self.counts.items())
        return (*self.remarks, *counted)
