"""The portal's processes as a test sees them: started, frozen, killed, and what they said."""

import multiprocessing
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from portal.config import Settings
from tests.conftest import wait_until
from tests.faults import process
from tests.faults.process import Fault

OURS = ("PORTAL_", "MAIL_", "REDIS_")
STARTS_WITHIN = 40.0  # seconds, on a machine shared with other tests

# Importing the portal takes seconds of a core, and these tests start a hundred processes: they are forked
# from one that has imported it and done nothing else.
_forkserver = multiprocessing.get_context("forkserver")
_forkserver.set_forkserver_preload([process.__name__, "sqlalchemy.dialects.postgresql.psycopg"])


class Program:
    """One process, in a session of its own. It dies with the tests; what it says goes to the file `log`."""

    def __init__(
        self, name: str, command: str, fault: Fault, env: Mapping[str, str], log: Path, flag: Path
    ) -> None:
        self.name = name
        self._log, self._flag = log, flag
        self._process = _forkserver.Process(
            target=process.run, args=(command, fault, flag, dict(env), log), name=name
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def has_ended(self) -> bool:
        return self._process.exitcode is not None

    def exit_status(self, within: float) -> int | None:
        """Wait for its end; return its exit status, negative for a signal."""
        wait_until(self.has_ended, f"{self.name} ends", within)
        return self._process.exitcode

    def await_fault(self) -> None:
        """Wait until it has reached what it was started with."""

        def reached_or_over() -> bool:
            return self._flag.exists() or self.has_ended()

        wait_until(reached_or_over, f"{self.name} reaches its fault", STARTS_WITHIN)
        assert self._flag.exists(), f"{self.name} ended before it reached its fault"

    def await_death(self) -> None:
        """Wait until it has reached a fault that kills, and it and its child are gone."""
        self.await_fault()
        wait_until(lambda: all(map(_is_gone, self._faulty_pids())), f"{self.name} and its child are dead")

    def release(self) -> None:
        """Let it go on where it waits."""
        self._flag.with_suffix(".go").touch()

    def thaw(self) -> None:
        """Let what was frozen go on."""
        for pid in self._faulty_pids():
            os.kill(pid, signal.SIGCONT)

    def await_end_of_child(self) -> None:
        """Wait until the child in which the fault happened has ended."""
        *_, child = self._faulty_pids()
        wait_until(lambda: _is_gone(child), f"the child of {self.name} ends")

    def _faulty_pids(self) -> list[int]:
        """Return the pids of the process and of its child in which the fault happened."""
        return [int(pid) for pid in self._flag.read_text().split()]

    def family(self) -> list[psutil.Process]:
        """Return it and all that it started and that still lives."""
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def send(self, number: signal.Signals, *, whole_group: bool = False) -> None:
        """Send a signal to it, or to it and its children, as whoever stops a service does."""
        for one in self.family() if whole_group else self.family()[:1]:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)

    def kill(self) -> None:
        """End it and its children at once."""
        self.send(signal.SIGKILL, whole_group=True)

    def bury(self) -> None:
        """Wait until it is gone, once killed."""
        self._process.join()
        self._process.close()


def _is_gone(pid: int) -> bool:
    """Say whether a process has ended, whoever has to bury it."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment in which a process has these settings, and none else."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    # PostgreSQL of a test listens on a socket.
    ours = {"PORTAL_SOURCE_HOSTS": "/"}
    return {**inherited, **ours, **dict(_variable(settings, name) for name in settings.model_fields_set)}


def _variable(settings: Settings, name: str) -> tuple[str, str]:
    value = getattr(settings, name)
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return str(Settings.model_fields[name].alias), str(int(value) if isinstance(value, bool) else value)
