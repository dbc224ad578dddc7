"""Schedulers and workers as processes of their own, killed one at a time and started again."""

import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

import psutil

from portal.clock import utcnow

from . import services


@dataclass(frozen=True)
class Fault:
    """Something that was done to the portal: `kill` of a scheduler or worker, or `flush` of Redis.

    `pid` is the killed process's, `busy` says that it was a worker with a child at work.
    """

    at: datetime
    kind: str
    of: str = ""
    pid: int = 0
    busy: bool = False


class Member:
    """One `portal scheduler` or `portal worker` that is kept running; its output goes to a file."""

    def __init__(self, kind: str, number: int, env: Mapping[str, str], logs: Path) -> None:
        self.kind = kind
        self._env = env
        self._log = logs / f"{kind}-{number}.log"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "portal.cli", self.kind]
        self.process = services.start(command, env=self._env, output=self._log)

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def kill(self) -> Fault:
        """Kill the process and what it forked, as a machine that goes down does."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        at = utcnow()
        self.process.kill()
        for child in children:
            with suppress(psutil.NoSuchProcess):  # it dies with its parent, too
                child.kill()
        self.process.wait()
        return Fault(at, "kill", self.kind, self.process.pid, busy=bool(children))


class Fleet:
    """All of them. `crashed` names those that ended without being killed."""

    def __init__(self, schedulers: int, workers: int, env: Mapping[str, str], logs: Path) -> None:
        self.crashed: list[str] = []
        self._members: list[Member] = []
        for kind, copies in (("scheduler", schedulers), ("worker", workers)):
            self._members += [Member(kind, number, env, logs) for number in range(1, copies + 1)]

    def tend(self) -> None:
        """Start again what ended by itself."""
        for member in self._members:
            if member.has_ended():
                code = member.process.returncode
                self.crashed.append(f"{member.kind} ended with {code} at {utcnow():%H:%M:%S}")
                member.start()

    def strike(self, chance: Random) -> Fault:
        """Kill one of them at random and start it again."""
        self.tend()
        victim = chance.choice(self._members)
        fault = victim.kill()
        victim.start()
        return fault

    def end(self) -> None:
        for member in self._members:
            member.process.terminate()
        for member in self._members:
            services.stop(member.process)
