"""Keep programs running: start in order, restart after a crash, stop in reverse order, leave no orphan."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from portal.demo.services import wait_until

CHILD = Path(__file__).with_name("child.py")
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a restart, doubling
SETTLED_AFTER = 60.0  # seconds of running after which a crash counts as the first
READY_WITHIN = 60.0
TICK = 0.1


@dataclass(frozen=True)
class Service:
    """A program to keep running; with `once`, a step that must end well before the next one starts.

    `env` is added to our environment. `answers` says whether it is ready; those after it wait for that.
    `grace` is the time in seconds from SIGTERM to the kill of its whole process group. `death_signal` is what
    it gets when the supervisor itself is killed (on Linux; see child.py).
    """

    name: str
    argv: tuple[str, ...]
    grace: float = 10
    env: Mapping[str, str] = field(default_factory=dict)
    copies: int = 1
    once: bool = False
    answers: Callable[[], bool] | None = None
    death_signal: signal.Signals = signal.SIGKILL


class Process:
    """One copy of a service, in a session and process group of its own."""

    def __init__(self, service: Service, name: str, say: Callable[[str, str], None]) -> None:
        self.service = service
        self.name = name
        self._say = say
        self._pause = FIRST_PAUSE
        self._again_at: float | None = None
        self.start()

    def start(self) -> None:
        """Start it, or start it again. Main thread only: Linux ties the death signal to the thread."""
        self._started_at = time.monotonic()
        self._again_at = None
        self._popen = subprocess.Popen(
            self._command(),
            env={**os.environ, **self.service.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops all in order
        )
        assert self._popen.stdout is not None  # noqa: S101 - it was asked for
        self._reader = threading.Thread(target=self._read, args=(self._popen.stdout,), daemon=True)
        self._reader.start()

    def has_ended(self) -> bool:
        return self._popen.poll() is not None

    def tend(self) -> None:
        """Start it again when it has ended, after a pause that doubles each time it ends soon."""
        if not self.has_ended():
            return
        now = time.monotonic()
        if self._again_at is None:
            self._kill_group()
            if now - self._started_at >= SETTLED_AFTER:
                self._pause = FIRST_PAUSE
            self._again_at = now + self._pause
            self._say(self.name, f"ended ({self.fate()}), starts again in {self._pause:g} s")
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
        elif now >= self._again_at:
            self.start()

    def ask_to_end(self) -> None:
        self._popen.terminate()

    def finish(self) -> None:
        """Take back what it was given: kill what is left of its group, wait, copy its last lines."""
        self._kill_group()
        self._popen.wait()
        self._reader.join(timeout=1)  # something that left the group may still hold the pipe

    def fate(self) -> str:
        """How it ended, in words."""
        code = self._popen.returncode
        return f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"

    def succeeded(self) -> bool:
        return self._popen.returncode == 0

    def _command(self) -> list[str]:
        command = list(self.service.argv)
        if sys.platform != "linux":
            return command
        armed = [str(os.getpid()), str(int(self.service.death_signal))]
        return [sys.executable, "-I", "-S", str(CHILD), *armed, *command]

    def _kill_group(self) -> None:
        """A crashed gunicorn leaves workers that hold its port; a group that is gone is what we want."""
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses when all of it are zombies
            os.killpg(self._popen.pid, signal.SIGKILL)

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self._say(self.name, line.decode(errors="replace").rstrip())


class Supervisor:
    """Runs the services until SIGINT, SIGTERM or SIGHUP asks it to stop; a second signal ends the grace.

    `echo` takes each line of output; `announcement` is shown when all are ready.
    """

    def __init__(
        self, services: Sequence[Service], echo: Callable[[str], None], announcement: str = ""
    ) -> None:
        self._services = services
        self._echo = echo
        self._announcement = announcement
        self._width = max(len(_copy_name(service, service.copies)) for service in services)
        self._lock = threading.Lock()
        self._running: list[list[Process]] = []
        self._stops_asked = 0

    def run(self) -> int:
        """Return 0 when it was asked to stop, 1 when a part did not start."""
        with self._signals():
            try:
                if not all(self._start(service) for service in self._services):
                    return 0 if self._stops_asked else 1
                self._write(self._announcement)
                while not self._stops_asked:
                    for process in (process for copies in self._running for process in copies):
                        process.tend()
                    time.sleep(TICK)
                return 0
            finally:
                self._stop()

    def _start(self, service: Service) -> bool:
        if self._stops_asked:
            return False
        copies: list[Process] = []
        self._running.append(copies)  # before the first one starts, so that it is stopped whatever fails next
        for number in range(1, service.copies + 1):
            copies.append(Process(service, _copy_name(service, number), self._say))
        if service.once:
            return self._carry_out(copies[0])
        return self._await(copies)

    def _carry_out(self, step: Process) -> bool:
        while not step.has_ended() and not self._stops_asked:
            time.sleep(TICK)
        if not step.has_ended():
            return False
        self._running.pop()
        step.finish()
        if not step.succeeded():
            self._say(step.name, f"failed ({step.fate()})")
        return step.succeeded()

    def _await(self, copies: list[Process]) -> bool:
        answers = copies[0].service.answers
        if answers is None:
            return True

        def settled() -> bool:
            return bool(self._stops_asked) or any(process.has_ended() for process in copies) or answers()

        settled_in_time = wait_until(settled, READY_WITHIN, TICK)
        if self._stops_asked:
            return False
        for process in copies:
            if process.has_ended():
                self._say(process.name, f"did not start ({process.fate()})")
                return False
        if not settled_in_time:
            self._say(copies[0].name, f"did not answer within {READY_WITHIN:g} s")
        return settled_in_time

    def _stop(self) -> None:
        for copies in reversed(self._running):
            self._end(copies)

    def _end(self, copies: list[Process]) -> None:
        def over() -> bool:
            return self._stops_asked > 1 or all(process.has_ended() for process in copies)

        for process in copies:
            process.ask_to_end()
        wait_until(over, copies[0].service.grace)
        for process in copies:
            process.finish()
            self._say(process.name, f"stopped ({process.fate()})")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Only count: a handler that took a lock could wait for the very code it interrupted."""

        def count(_number: int, _frame: FrameType | None) -> None:
            self._stops_asked += 1

        before = {
            number: signal.signal(number, count) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _say(self, name: str, line: str) -> None:
        self._write(f"{name:<{self._width}} | {line}")

    def _write(self, text: str) -> None:
        # The terminal may be gone; the services must still be read, or they would block on a full pipe.
        with self._lock, suppress(OSError):
            self._echo(text)


def _copy_name(service: Service, number: int) -> str:
    return service.name if service.copies == 1 else f"{service.name}.{number}"
