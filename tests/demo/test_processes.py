"""Real processes all through; the supervisor has a process of its own, so that it can be killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.demo.services import wait_until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20.0

Start = Callable[[str], subprocess.Popen[str]]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that we died")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def _start(kind: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.demo.stand_ins", str(tmp_path), kind],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield _start
    for process in started:
        process.kill()
        process.communicate(timeout=PATIENCE)


def _read_to(process: subprocess.Popen[str], end: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if end in line:
            return lines
    raise AssertionError(f"{end!r} never came: {lines}")


def _pid(path: Path) -> int:
    assert wait_until(lambda: path.exists() and bool(path.read_text()), PATIENCE)
    return int(path.read_text())


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
    try:  # a system without /proc
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _all_end(*pids: int) -> bool:
    return wait_until(lambda: not any(map(_lives, pids)), PATIENCE)


def test_it_starts_in_order_and_stops_in_reverse_order(start: Start, tmp_path: Path) -> None:
    process = start("steady")
    before = _read_to(process, "READY")
    pids = [_pid(tmp_path / "first"), _pid(tmp_path / "last")]

    process.send_signal(signal.SIGINT)
    after, _ = process.communicate(timeout=PATIENCE)

    assert before[-2:] == ["step  | done", "READY"]
    stopped = [line for line in after.splitlines() if "stopped" in line]
    assert stopped == ["last  | stopped (by SIGTERM)", "first | stopped (by SIGTERM)"]
    assert process.returncode == 0
    assert not any(map(_lives, pids))


def test_it_waits_for_a_service_before_it_starts_the_next(start: Start, tmp_path: Path) -> None:
    process = start("steady")
    _read_to(process, "READY")

    first, step = (tmp_path / "first").stat(), (tmp_path / "step").stat()
    assert first.st_mtime_ns < step.st_mtime_ns


def test_it_restarts_what_crashes_after_a_growing_pause(start: Start, tmp_path: Path) -> None:
    process = start("crashing")

    lines = [line for line in _read_to(process, "starts again in 2 s") if "starts again" in line]

    assert lines == [
        "crashing | ended (with code 3), starts again in 0.5 s",
        "crashing | ended (with code 3), starts again in 1 s",
        "crashing | ended (with code 3), starts again in 2 s",
    ]
    assert (tmp_path / "crashing").read_text() == "xxx"


def test_it_restarts_what_was_killed(start: Start, tmp_path: Path) -> None:
    process = start("steady")
    _read_to(process, "READY")
    pid = _pid(tmp_path / "first")
    (tmp_path / "first").unlink()

    os.kill(pid, signal.SIGKILL)

    assert "ended (by SIGKILL), starts again in 0.5 s" in _read_to(process, "starts again")[-1]
    assert _pid(tmp_path / "first") != pid


def test_it_kills_what_does_not_end_within_its_grace(start: Start, tmp_path: Path) -> None:
    process = start("stubborn")
    _read_to(process, "READY")
    pid = _pid(tmp_path / "stubborn")

    process.terminate()
    output, _ = process.communicate(timeout=PATIENCE)

    assert "stubborn | stopped (by SIGKILL)" in output
    assert process.returncode == 0
    assert not _lives(pid)


def test_a_second_signal_ends_the_grace(start: Start, tmp_path: Path) -> None:
    process = start("patient")
    _read_to(process, "READY")
    pid = _pid(tmp_path / "stubborn")

    process.send_signal(signal.SIGINT)
    assert not wait_until(lambda: not _lives(pid), 0.5)  # it has a minute
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)

    assert not _lives(pid)


def test_it_takes_the_rest_of_a_process_group_along(start: Start, tmp_path: Path) -> None:
    process = start("parent")
    _read_to(process, "READY")
    parent, child = _pid(tmp_path / "parent"), _pid(tmp_path / "parent-child")

    process.terminate()
    process.communicate(timeout=PATIENCE)

    assert _all_end(parent, child)


def test_it_stops_all_when_a_step_fails(start: Start, tmp_path: Path) -> None:
    process = start("failing")
    output, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert output.splitlines()[-3:] == [
        "step  | no such table",
        "step  | failed (with code 4)",
        "first | stopped (by SIGTERM)",
    ]
    assert not (tmp_path / "last").exists()


def test_it_stops_when_a_service_ends_before_it_answers(start: Start, tmp_path: Path) -> None:
    process = start("dying")
    output, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert output.splitlines()[0] == "dying | did not start (with code 3)"
    assert not (tmp_path / "last").exists()


@linux_only
@pytest.mark.faults
def test_it_leaves_no_process_when_it_is_killed(start: Start, tmp_path: Path) -> None:
    process = start("steady")
    _read_to(process, "READY")
    pids = [_pid(tmp_path / "first"), _pid(tmp_path / "last")]
    assert all(map(_lives, pids))

    process.kill()
    process.wait(timeout=PATIENCE)

    assert _all_end(*pids)


@linux_only
def test_a_child_ends_when_its_parent_was_gone_before_it_could_ask(tmp_path: Path) -> None:
    script = ROOT / "portal" / "demo" / "child.py"
    not_its_parent = str(os.getppid())

    result = subprocess.run(
        [sys.executable, "-I", "-S", str(script), not_its_parent, "9", "touch", str(tmp_path / "ran")],
        timeout=PATIENCE,
        check=False,
    )

    assert result.returncode == 1
    assert not (tmp_path / "ran").exists()
