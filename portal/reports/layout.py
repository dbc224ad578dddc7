"""Which blocks of a report stand beside each other. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from portal.reports.content import Block, ChartBlock, KpiBlock
from portal.reports.sections import Width


class Arrangement(StrEnum):
    """Key figures in a row, charts of half width in pairs, all others alone."""

    FIGURES = "figures"
    PAIR = "pair"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class Group:
    arrangement: Arrangement
    blocks: Sequence[Block]


def arranged(blocks: Iterable[Block]) -> Iterator[Group]:
    """Yield the blocks in their order, neighbours of a kind together."""
    for arrangement, found in groupby(blocks, _arrangement):
        members = list(found)
        step = {Arrangement.FIGURES: len(members), Arrangement.PAIR: 2, Arrangement.SINGLE: 1}[arrangement]
        for start in range(0, len(members), step):
            yield Group(arrangement, members[start : start + step])


def _arrangement(block: Block) -> Arrangement:
    if isinstance(block, KpiBlock):
        return Arrangement.FIGURES
    if isinstance(block, ChartBlock) and block.width is Width.HALF:
        return Arrangement.PAIR
    return Arrangement.SINGLE
