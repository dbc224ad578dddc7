"""A hash of what was read, whatever file becomes of it. Pure."""

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from portal.table import Batch, Batches, Column

_DIGEST_BYTES = 32
_BINARY = (bytes, bytearray, memoryview)


class Fingerprint:
    """Hashes columns and rows while they pass: constant memory, about 2 µs a row of 20 columns.

    Keys and types of the columns count, and their order; so do the order and the exact values of the rows:
    1 and 1.0 and "1" differ. Labels and formats don't count, nor how the rows came in batches. NaN and
    infinities count as NULL, which is how JSON exports them. BLAKE2b, since it is fast on every machine; the
    hash finds equal results and proves nothing.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._hash = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        self._hash.update(orjson.dumps([[column.key, column.type.value] for column in columns]))

    def add(self, batch: Batch) -> None:
        """Take in further rows."""
        try:
            rows = orjson.dumps(batch, _plain)[1:-1]
        except orjson.JSONEncodeError:
            rows = b",".join(map(_row, batch))
        # a comma behind each row, and none where there is no row
        self._hash.update(rows + b"," if rows else b"")

    def passing(self, batches: Batches) -> Batches:
        """Take in the rows of all batches as somebody else reads them."""
        for batch in batches:
            self.add(batch)
            yield batch

    def hexdigest(self) -> str:
        """Return the hash of all rows so far, 64 characters."""
        return self._hash.hexdigest()


def _row(row: Sequence[Any]) -> bytes:
    """Return one row of a batch that orjson refuses: an integer beyond 64 bits, half a surrogate pair."""
    try:
        return orjson.dumps(row, _plain)
    except orjson.JSONEncodeError:
        return ascii(row).encode()


def _plain(value: Any) -> list[str]:
    """Return a value that JSON has no form for as one that no other value has."""
    text = value.hex() if isinstance(value, _BINARY) else str(value)
    return [type(value).__name__, text]
