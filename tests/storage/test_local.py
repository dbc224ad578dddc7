"""Files on disk: complete or absent, never outside their folder, and honest about a full disk."""

import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portal.errors import StorageFailed, StorageFull
from portal.storage.local import LocalStorage, explained

KEY = "acme/0123456789abcdef"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def storage(root: Path) -> LocalStorage:
    return LocalStorage(root)


def put(storage: LocalStorage, content: bytes, key: str = KEY) -> None:
    with storage.work_file() as path:
        path.write_bytes(content)
        storage.store(path, key)


def everything(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_it_gives_back_what_was_stored(storage: LocalStorage, root: Path) -> None:
    put(storage, b"id,status\n1,OPEN\n")

    with storage.open(KEY) as file:
        assert file.read() == b"id,status\n1,OPEN\n"
        file.seek(3)
        assert file.read(6) == b"status"
    assert everything(root) == [KEY]


def test_it_lets_nobody_else_read_the_files(storage: LocalStorage, root: Path) -> None:
    put(storage, b"private")

    assert stat.S_IMODE((root / KEY).stat().st_mode) == 0o600


def test_it_shows_nothing_under_the_key_before_it_is_stored(storage: LocalStorage, root: Path) -> None:
    with storage.work_file() as path:
        path.write_bytes(b"half")
        with pytest.raises(StorageFailed, match="could not be read: No such file"):
            storage.open(KEY)
        assert path.parent.stat().st_dev == root.stat().st_dev, "a rename must not become a copy"

    assert everything(root) == [], "what was not stored is gone"


def test_it_removes_the_work_file_of_work_that_failed(storage: LocalStorage, root: Path) -> None:
    def work() -> None:
        with storage.work_file() as path:
            path.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()

    assert everything(root) == []


def test_it_replaces_a_file_at_once(storage: LocalStorage) -> None:
    put(storage, b"first")
    with storage.open(KEY) as reader:
        put(storage, b"second")
        assert reader.read() == b"first", "whoever reads goes on reading what they opened"

    with storage.open(KEY) as file:
        assert file.read() == b"second"


def test_it_gives_each_worker_a_file_of_its_own(storage: LocalStorage) -> None:
    with storage.work_file() as one, storage.work_file() as other:
        assert one != other
        assert one.stat().st_size == 0


@pytest.mark.parametrize(
    "key",
    ["../outside", "acme/../../outside", "/etc/hostname", "link/outside", "..", "acme/../../files2/x"],
)
def test_it_refuses_keys_that_lead_out(storage: LocalStorage, root: Path, tmp_path: Path, key: str) -> None:
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    (tmp_path / "outside").write_text("not ours")

    with pytest.raises(StorageFailed, match="no key"):
        storage.open(key)
    with pytest.raises(StorageFailed, match="no key"):
        storage.remove(key)
    with pytest.raises(StorageFailed, match="no key"), storage.work_file() as path:
        storage.store(path, key)

    assert (tmp_path / "outside").read_text() == "not ours"


def test_it_removes_a_file_once_or_twice(storage: LocalStorage, root: Path) -> None:
    put(storage, b"x")

    storage.remove(KEY)
    storage.remove(KEY)

    assert everything(root) == []


def test_it_sweeps_only_old_work_files(storage: LocalStorage, root: Path) -> None:
    put(storage, b"kept")
    os.utime(root / KEY, (0, 0))
    with storage.work_file() as young, storage.work_file() as old:
        os.utime(old, (time.time() - 3700,) * 2)

        assert list(storage.sweep(3600)) == [old.name]
        assert young.exists()
        assert not old.exists()

    assert everything(root) == [KEY]


def test_it_sweeps_nothing_where_nothing_was_ever_written(storage: LocalStorage) -> None:
    assert list(storage.sweep(0)) == []


def test_it_never_sweeps_the_files_of_an_organization(storage: LocalStorage, root: Path) -> None:
    """Whatever it is called: `tmp` and `work` are slugs, too."""
    for slug in ("tmp", "work"):
        put(storage, b"kept", f"{slug}/0123")
        os.utime(root / slug / "0123", (0, 0))

    assert list(storage.sweep(0)) == []
    assert everything(root) == ["tmp/0123", "work/0123"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_it_says_that_space_ran_out_and_that_waiting_does_not_help(number: int) -> None:
    with pytest.raises(StorageFull, match="No space is left to write") as full, explained("write"):
        raise OSError(number, os.strerror(number))

    assert not full.value.retryable


def test_it_says_what_else_went_wrong_and_that_a_retry_can_help() -> None:
    message = "could not be stored: Input/output error"
    with pytest.raises(StorageFailed, match=message) as failed, explained("store"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    assert failed.value.retryable
    assert not isinstance(failed.value, StorageFull)


FULL_DISK = """
import resource, sys
from pathlib import Path
from portal.errors import StorageFull
from portal.storage.local import LocalStorage

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
storage = LocalStorage(Path(sys.argv[1]))
try:
    with storage.work_file() as path, path.open("wb") as out:
        for _ in range(20):
            out.write(b"x" * 10_000)
        storage.store(path, "acme/never")
except StorageFull as error:
    print(error)
"""


def test_it_leaves_nothing_on_a_disk_that_is_full(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(root)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "No space is left to write the file (File too large).\n"
    assert everything(root) == []


def test_it_says_that_a_file_stands_where_a_folder_should(root: Path) -> None:
    root.write_text("a file")

    with pytest.raises(StorageFailed, match="could not be written"), LocalStorage(root).work_file():
        pass
