"""The first rows of a result, where a schedule asks for no more, and whether there were others."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from portal.table import Batch, Batches


@dataclass
class FirstRows:
    """Passes `limit` rows on. `more` says, once they are read, whether there would have been another."""

    limit: int
    more: bool = field(default=False, init=False)

    def of(self, batches: Batches) -> Iterator[Batch]:
        left = self.limit
        for batch in batches:
            self.more = len(batch) > left
            if batch[:left]:
                yield batch[:left]
            left -= len(batch[:left])
            if self.more:
                return
