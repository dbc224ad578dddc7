"""Any file packed: by gzip, or as the only member of a ZIP archive."""

import gzip
import re
import zipfile
from collections.abc import Sequence
from typing import BinaryIO
from zoneinfo import ZoneInfo

from portal.exporters.base import Document, Exporter, Written
from portal.exporters.options import Packing
from portal.table import Batches, Column
from portal.tally import Tally

LEVEL = 6
LONGEST_NAME = 200  # bytes; file systems stop at 255

# Devices of Windows, whatever follows the first dot (Microsoft, "Naming Files, Paths, and Namespaces").
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(?=\.|$)", re.IGNORECASE)

# What a file's name can't hold on some system, or what would lead out of the folder it is unpacked to.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+')


class Packed:
    """Writes what `inner` writes, packed; `filename` is that of the file inside.

    A ZIP's member may be of any size: its header is announced as ZIP64, because the size is not known in
    advance. Dates inside are the document's, in its zone.
    """

    def __init__(self, inner: Exporter, packing: Packing, filename: str) -> None:
        self._inner = inner
        self._packing = packing
        self._filename = safe_name(filename)
        zipped = packing is Packing.ZIP
        self.media_type = "application/zip" if zipped else "application/gzip"
        self.extension = "zip" if zipped else f"{inner.extension}.gz"

    def write(
        self,
        batches: Batches,
        columns: Sequence[Column],
        out: BinaryIO,
        document: Document,
        tally: Tally | None = None,
    ) -> Written:
        """Write the packed file; see `Exporter`."""
        if self._packing is Packing.GZIP:
            # No name within (RFC 1952 allows none): people rename files, and `gunzip -N` would undo it.
            with gzip.GzipFile("", "wb", LEVEL, out, mtime=0) as member:
                return self._inner.write(batches, columns, member, document, tally)  # type: ignore[arg-type]
        local = document.generated_at.astimezone(ZoneInfo(document.timezone))
        about = zipfile.ZipInfo(self._filename, local.timetuple()[:6])
        about.compress_type = zipfile.ZIP_DEFLATED
        about.external_attr = 0o644 << 16
        archive = zipfile.ZipFile(_Stream(out), "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        with archive, archive.open(about, "w", force_zip64=True) as inside:
            return self._inner.write(batches, columns, inside, document, tally)  # type: ignore[arg-type]


def safe_name(filename: str) -> str:
    """Return a name for a member of an archive: no path, nothing a file system refuses, never hidden."""
    name = _UNSAFE.sub("-", filename).strip(" .-") or "export"
    if _DEVICE.match(name):
        name = f"export-{name}"
    stem, dot, extension = name.rpartition(".")
    room = LONGEST_NAME - len((dot + extension).encode())
    if not dot or room < 1:
        return _cut(name, LONGEST_NAME).rstrip(" .")
    return _cut(stem, room) + dot + extension


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode("utf-8", "ignore")


class _Stream:
    """Only the writing half of a file, so that zipfile puts sizes behind the member and never seeks back."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, data: bytes, /) -> int:
        return self._out.write(data)

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        """Leave the file open: it is the caller's."""
