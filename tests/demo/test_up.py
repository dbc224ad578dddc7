"""`portal up` as a person starts it: all of it, from an empty data directory."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from portal.demo import mailbox, plans, seed
from portal.demo.services import kept_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 180.0

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that we died"),
]


def _start(data_dir: Path, port: int) -> subprocess.Popen[str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PORT", "MAIL_", "REDIS_"))
    }
    return subprocess.Popen(
        [sys.executable, "-m", "portal.cli", "up"],
        cwd=ROOT,
        env={**inherited, "PORTAL_DEMO": "1", "PORTAL_DATA_DIR": str(data_dir), "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _read_to(process: subprocess.Popen[str], end: str) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if end in line:
            return "".join(lines)
    raise AssertionError(f"{end!r} never came:\n{''.join(lines)}")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """A started portal, its announcement and its port."""
    port = kept_port(tmp_path / "port")
    process = _start(tmp_path / "data", port)
    try:
        yield process, _read_to(process, "Ctrl-C stops everything"), port
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


def _parents() -> dict[int, int]:
    """Each living process and its parent, from /proc/PID/stat (proc_pid_stat(5))."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if state != "Z":
            found[int(path.parent.name)] = int(parent)
    return found


def _descendants(pid: int) -> set[int]:
    parents = _parents()
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def test_it_runs_alone_delivers_and_leaves_nothing_when_killed(
    running: tuple[subprocess.Popen[str], str, int], tmp_path: Path
) -> None:
    process, announced, port = running
    data_dir = tmp_path / "data"
    for role, email, password in seed.LOGINS:
        assert f"{role} " in announced
        assert f"{email} " in announced
        assert password in announced
    with urlopen(f"http://127.0.0.1:{port}/login", timeout=PATIENCE) as page:
        assert page.status == 200

    second = _start(data_dir, kept_port(tmp_path / "other-port"))
    said, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 2
    reason = f"Process {process.pid} runs on PORTAL_DATA_DIR {data_dir} already; stop it, or name another"
    assert said == f"portal: {reason}\n"

    assert wait_until(lambda: _mails_of(data_dir, plans.FIRST_DELIVERY), 120, pause=0.5)
    (arrived,) = _mails_of(data_dir, plans.FIRST_DELIVERY)
    link = _check_download(data_dir / "mailbox", arrived)

    everything = _descendants(process.pid)
    assert len(everything) >= 8  # itself, redis, mail, web with its two, worker, scheduler
    process.kill()
    process.wait(timeout=PATIENCE)
    assert wait_until(lambda: not everything & _parents().keys(), 30)

    again = _start(data_dir, port)
    _read_to(again, "Ctrl-C stops everything")
    with urlopen(link, timeout=PATIENCE) as page:  # noqa: S310 - loopback
        assert page.status == 200, "the second start goes on with the same data"
    everything = _descendants(again.pid)
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=PATIENCE)
    assert again.returncode == 0
    assert wait_until(lambda: not everything & _parents().keys(), 30)
    assert _mails_of(data_dir, plans.FIRST_DELIVERY) == [arrived], "nothing is sent twice"


def _mails_of(data_dir: Path, schedule: str) -> list[str]:
    """Return the ids of the mails that brought a run of the schedule; alerts call their cause first."""
    mails = mailbox.messages(data_dir / "mailbox", limit=1000)
    return [mail.id for mail in mails if mail.subject.startswith(f"{schedule}, ")]


def _check_download(directory: Path, message_id: str) -> str:
    """Return the link of a mail once the file behind it equals the one attached."""
    found = re.search(r"http://\S+/d/\S+", mailbox.read(directory, message_id).text)
    assert found is not None
    attached, content = mailbox.attachment(directory, message_id, 0)
    with urlopen(Request(found[0], method="POST"), timeout=PATIENCE) as answer:  # noqa: S310 - loopback
        assert attached.filename in answer.headers["Content-Disposition"]
        assert answer.read() == content
    return found[0]
