"""Files on a local disk: written aside, flushed, then renamed into place."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from uuid import uuid4

from portal.errors import StorageFailed, StorageFull

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class LocalStorage:
    """Storage (see `storage.base`) below one folder; work files lie beside the stored ones, on one disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._work = root / ".work"  # no organization's slug begins with a dot

    @contextmanager
    def work_file(self) -> Iterator[Path]:
        with explained("write"):
            self._work.mkdir(parents=True, exist_ok=True)
            path = self._work / uuid4().hex
            path.touch(mode=0o600, exist_ok=False)
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)

    def store(self, path: Path, key: str) -> None:
        target = self._path(key)
        with explained("store"):
            created = not target.parent.is_dir()
            target.parent.mkdir(parents=True, exist_ok=True)
            flush(path)
            path.rename(target)
            flush(target.parent)  # the rename itself must survive a power cut
            if created:
                flush(target.parent.parent)

    def open(self, key: str) -> BufferedReader:
        with explained("read"):
            return self._path(key).open("rb")

    def remove(self, key: str) -> None:
        with explained("remove"):
            self._path(key).unlink(missing_ok=True)

    def keys(self, older_than: float) -> Iterator[str]:
        limit = self._time() - older_than
        for path in self._root.glob("*/*"):
            with explained("read"), suppress(FileNotFoundError):  # removed just now
                if path.parent != self._work and path.is_file() and path.stat().st_mtime < limit:
                    yield path.relative_to(self._root).as_posix()

    def sweep(self, older_than: float) -> Iterator[str]:
        limit = self._time() - older_than
        for path in self._work.glob("*") if self._work.is_dir() else ():
            with explained("remove"), suppress(FileNotFoundError):  # its own worker removed it just now
                if path.stat().st_mtime < limit:
                    path.unlink()
                    yield path.name

    def _time(self) -> float:
        """Return the time by the clock that dates the files, which need not be this host's."""
        with self.work_file() as path:
            return path.stat().st_mtime

    def _path(self, key: str) -> Path:
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root.resolve()):
            raise StorageFailed("That is no key of a stored file.")
        return path


def flush(path: Path) -> None:
    """Make a file's content, or a folder's entries, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explained(action: str) -> Iterator[None]:
    """Turn the operating system's refusals into StorageFull or StorageFailed."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise StorageFull(f"No space is left to {action} the file ({error.strerror}).") from None
        raise StorageFailed(f"The file could not be {_PARTICIPLES[action]}: {error.strerror}.") from None


_PARTICIPLES = {"write": "written", "store": "stored", "read": "read", "remove": "removed"}
