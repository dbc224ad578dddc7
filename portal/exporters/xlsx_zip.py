"""How the parts of a workbook are packed: by ISA-L, several times as fast as zlib, where it is installed."""

import zlib
from collections.abc import Callable
from typing import Any

from portal.exporters.options import XlsxSize

try:
    from isal import isal_zlib
except ImportError:  # it is compiled, and not for every machine
    HAS_ISAL = False
else:
    HAS_ISAL = True

_RAW_DEFLATE = -zlib.MAX_WBITS  # without header and checksum, which ZIP has its own of


def compressor(size: XlsxSize) -> Callable[[], Any]:
    """Return what makes a new compressor, with `compress` and `flush` like those of zlib, for each part."""
    if size is XlsxSize.SMALL:
        # 9 would take twice the time for three percent.
        return lambda: zlib.compressobj(level=6, wbits=_RAW_DEFLATE)
    if HAS_ISAL:
        return lambda: isal_zlib.compressobj(level=1, wbits=_RAW_DEFLATE)
    return lambda: zlib.compressobj(level=1, wbits=_RAW_DEFLATE)
