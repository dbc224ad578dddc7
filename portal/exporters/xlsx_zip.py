"""How the parts of a workbook are packed: by ISA-L or zlib-ng, faster than zlib, where they are installed."""

import zlib
from collections.abc import Callable
from typing import Any

from portal.exporters.options import XlsxSize

# Both are compiled, and not for every machine. They have zlib's functions.
try:
    from isal import isal_zlib as fast
except ImportError:
    fast = zlib  # type: ignore[misc]
try:
    from zlib_ng import zlib_ng as small
except ImportError:
    small = zlib  # type: ignore[misc]

_RAW_DEFLATE = -zlib.MAX_WBITS  # without header and checksum, which ZIP has its own of


def compressor(size: XlsxSize) -> Callable[[], Any]:
    """Return what makes a new compressor, with `compress` and `flush` like those of zlib, for each part."""
    if size is XlsxSize.SMALL:
        # By zlib-ng as small as zlib's 6, with more symbols a block than usual; 6 is slower and no smaller.
        return lambda: small.compressobj(level=5, wbits=_RAW_DEFLATE, memLevel=9)
    # By ISA-L as fast as 1, and a fiftieth smaller.
    return lambda: fast.compressobj(level=2, wbits=_RAW_DEFLATE)
