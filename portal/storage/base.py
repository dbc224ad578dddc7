"""Where files are kept. A file is complete under its key, or not there."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from io import BufferedReader
from pathlib import Path
from typing import Protocol


class Storage(Protocol):
    """A place for files. Keys are made by us (`<organization>/<uuid>`), never from what people type.

    All methods raise StorageFailed, or StorageFull where space ran out.
    """

    def work_file(self) -> AbstractContextManager[Path]:
        """Yield the path of a new, empty file to write; it is removed on the way out unless stored."""
        ...

    def store(self, path: Path, key: str) -> None:
        """Make a finished work file durable under `key`, all at once."""
        ...

    def open(self, key: str) -> BufferedReader:
        """Open a stored file for reading, seekable."""
        ...

    def remove(self, key: str) -> None:
        """Remove a stored file; removing one that is gone is no error."""
        ...

    def keys(self, older_than: float) -> Iterator[str]:
        """Yield the keys of stored files that are older than so many seconds."""
        ...

    def sweep(self, older_than: float) -> Iterator[str]:
        """Remove work files untouched for `older_than` seconds, left by workers that died; yield names."""
        ...
