"""The portal's processes as a test sees them: started, frozen, killed, and what they said."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from portal.config import Settings
from portal.demo.processes import CHILD
from tests.conftest import wait_until

ROOT = Path(__file__).parent.parent.parent
OURS = ("PORTAL_", "MAIL_", "REDIS_")
STARTS_WITHIN = 40.0  # seconds, on a machine shared with other tests


@dataclass(frozen=True)
class Fault:
    """What is to happen to a process, and where: see `tests.faults.process`."""

    at: str = ""
    when: str = "before"
    do: str = "kill"
    nth: int = 1
    clock: float = 0
    lengths: Mapping[str, object] = field(default_factory=dict)

    def arguments(self, flag: Path) -> list[str]:
        made = [f"--set={name}={value!r}" for name, value in self.lengths.items()]
        if self.clock:
            made.append(f"--clock={self.clock}")
        if self.at:
            made += [f"--at={self.at}", f"--when={self.when}", f"--do={self.do}", f"--nth={self.nth}"]
        return [*made, f"--flag={flag}"]


class Program:
    """One process, in a session of its own. It dies with the tests; what it says goes to the file `log`."""

    def __init__(self, name: str, argv: Sequence[str], env: Mapping[str, str], log: Path, flag: Path) -> None:
        self.name = name
        self._log, self._flag = log, flag
        armed = [sys.executable, "-I", "-S", str(CHILD), str(os.getpid()), str(int(signal.SIGKILL))]
        with log.open("wb") as out:
            self._popen = subprocess.Popen(
                [*(armed if sys.platform == "linux" else ()), *argv],
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def has_ended(self) -> bool:
        return self._popen.poll() is not None

    def exit_status(self, within: float) -> int:
        """Wait for its end; return its exit status, negative for a signal."""
        wait_until(self.has_ended, f"{self.name} ends", within)
        return self._popen.returncode

    def await_fault(self) -> None:
        """Wait until it has reached what it was started with."""

        def reached_or_over() -> bool:
            return self._flag.exists() or self.has_ended()

        wait_until(reached_or_over, f"{self.name} reaches its fault", STARTS_WITHIN)
        assert self._flag.exists(), f"{self.name} ended before it reached its fault:\n{self.said}"

    def release(self) -> None:
        """Let it go on where it waits."""
        self._flag.with_suffix(".go").touch()

    def faulty_pids(self) -> list[int]:
        """Return the pids of the process and of the child in which the fault happened."""
        return [int(pid) for pid in self._flag.read_text().split()]

    def thaw(self) -> None:
        """Let what was frozen go on."""
        for pid in set(self.faulty_pids()):
            os.kill(pid, signal.SIGCONT)

    def family(self) -> list[psutil.Process]:
        """Return it and all that it started and that still lives."""
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def send(self, number: signal.Signals, *, whole_group: bool = False) -> None:
        """Send a signal to it, or to it and its children, as a service's stop does."""
        for process in self.family() if whole_group else self.family()[:1]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def kill(self) -> None:
        """End it and its children at once."""
        self.send(signal.SIGKILL, whole_group=True)
        self._popen.wait()


def is_gone(pid: int) -> bool:
    """Say whether a process has ended, whoever has to bury it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment in which a process has these settings, and none else."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**inherited, **dict(_variable(settings, name) for name in settings.model_fields_set)}


def _variable(settings: Settings, name: str) -> tuple[str, str]:
    value = getattr(settings, name)
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return str(Settings.model_fields[name].alias), str(int(value) if isinstance(value, bool) else value)
