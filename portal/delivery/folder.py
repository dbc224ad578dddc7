"""Delivery into a folder of the server: the organization's own, below the data directory."""

import hashlib
import shutil
from io import BufferedReader
from pathlib import Path
from uuid import uuid4

from portal.errors import InvalidInput
from portal.storage.local import explained, flush


def put(
    file: BufferedReader, folder: Path, location: str, filename: str, *, sha256: str, run_id: str
) -> Path:
    """Copy a file to `folder/location/filename`, complete or not at all; return where it went.

    A file of that name with other content stays: ours then carries the beginning of its run's id. Raises
    StorageFailed or StorageFull, and InvalidInput when links lead out of `folder`.
    """
    with explained("write"):
        folder.mkdir(parents=True, exist_ok=True)
        target = (folder / location / filename).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise InvalidInput("The location leads out of the organization's folder.", "location")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and _sha256(target) != sha256:
            target = target.with_stem(f"{target.stem}-{run_id[:6]}")
        _copy(file, target)
    return target


def _copy(file: BufferedReader, target: Path) -> None:
    aside = target.with_name(f".{uuid4().hex}.part")
    try:
        with aside.open("xb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
        flush(aside)
        aside.replace(target)
        flush(target.parent)
    finally:
        aside.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
