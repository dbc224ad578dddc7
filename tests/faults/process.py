"""A process of the portal with a fault built in. The product itself has no hook for it.

The function that a fault names is wrapped before the command starts, and a worker's forked child inherits
that. When it is reached, a flag file is made and the fault happens; once, since the flag is there then.
"""

import functools
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine
from sqlalchemy.engine import Connection

from portal import cli
from portal.database import database_now
from portal.jobs.worker import die_with_parent

SLOW_BY = 0.5  # seconds


@dataclass(frozen=True)
class Fault:
    """What is to happen to a process, and where.

    `at` is `module:function` or `module:Class.method`, as its caller finds it; the `nth` call counts. `do` is
    `kill` or `stop` (both: the process and the child that got there), `wait` (that thread alone, until it
    is released) or `slow` (each time, by half a second). `lengths` sets constants, by the same kind of name.
    `clock` shifts, by seconds, what time it is for Python, and where `database_clock` is true also what the
    database says, as on a host that SQLite shares.
    """

    at: str = ""
    when: str = "before"
    do: str = "kill"
    nth: int = 1
    clock: float = 0
    database_clock: bool = False
    lengths: Mapping[str, object] = field(default_factory=dict)


def run(command: str, fault: Fault, flag: Path, env: Mapping[str, str], log: Path) -> None:
    """Become `portal COMMAND`, in a session of its own, with that environment, its output in `log`."""
    os.setsid()
    die_with_parent(os.getppid())
    os.environ.clear()
    os.environ.update(env)
    with log.open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    _arm(fault, flag)
    cli.main([command], prog_name="portal")


def _arm(fault: Fault, flag: Path) -> None:
    if fault.clock:
        _shift_clock(timedelta(seconds=fault.clock), of_database=fault.database_clock)
    for target, value in fault.lengths.items():
        owner, name = _owner(target)
        setattr(owner, name, type(getattr(owner, name))(value))  # an error where there is no such name
    if fault.at:
        owner, name = _owner(fault.at)
        setattr(owner, name, _faulty(getattr(owner, name), fault, flag))


def _shift_clock(by: timedelta, *, of_database: bool) -> None:
    time_machine.travel(datetime.now(UTC) + by, tick=True).start()
    if not of_database:
        return

    def shifted(connection: Connection) -> datetime:
        return database_now(connection) + by

    for module in list(sys.modules.values()):
        if getattr(module, "database_now", None) is database_now and module.__name__ != __name__:
            module.database_now = shifted  # type: ignore[attr-defined]


def _owner(target: str) -> tuple[Any, str]:
    module, _, path = target.partition(":")
    *parents, name = path.split(".")
    return functools.reduce(getattr, parents, importlib.import_module(module)), name


def _faulty(function: Callable[..., Any], fault: Fault, flag: Path) -> Callable[..., Any]:
    main, calls = os.getpid(), 0

    def happen() -> None:
        nonlocal calls
        calls += 1
        if fault.do == "slow":
            time.sleep(SLOW_BY)
        elif calls == fault.nth and _first_to_flag(flag, main):
            _FAULTS[fault.do](flag, main)

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if fault.when == "before":
            happen()
        result = function(*args, **kwargs)
        if fault.when == "after":
            happen()
        return result

    return wrapped


def _first_to_flag(flag: Path, main: int) -> bool:
    aside = flag.with_suffix(f".{os.getpid()}")
    aside.write_text(f"{main} {os.getpid()}")
    try:
        flag.hardlink_to(aside)  # there with its content at once, and for one only
    except FileExistsError:
        return False
    return True


def _kill(_flag: Path, main: int) -> None:
    """End at once, together with the worker that forked us: as a machine that loses power."""
    os.kill(main, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(_flag: Path, main: int) -> None:
    """Freeze, together with the worker that forked us: as a virtual machine that is paused."""
    if os.getpid() != main:
        os.kill(main, signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)


def _wait(flag: Path, _main: int) -> None:
    while not flag.with_suffix(".go").exists():
        time.sleep(0.02)


_FAULTS: Mapping[str, Callable[[Path, int], None]] = {"kill": _kill, "stop": _stop, "wait": _wait}
