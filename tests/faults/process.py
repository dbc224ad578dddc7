"""A process of the portal with a fault built in. The product itself has no hook for it.

    python -m tests.faults.process worker --flag FILE --at portal.runs.pipeline:store --when before --do kill

Runs `portal COMMAND`. The function named by `--at` is wrapped before the command starts, and a worker's
forked child inherits that. When it is reached for the `--nth` time, FILE is made, with the pids of the process
and of its child, and the fault happens; once, since FILE is there then. `slow` is the exception: it happens
each time. `--set` changes a length that is no setting; `--clock` shifts every clock this process can read.
"""

import argparse
import ast
import functools
import importlib
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine

MAIN = os.getpid()
SLOW_BY = 0.5  # seconds


def kill(_flag: Path) -> None:
    """End at once, with the worker that forked us: as a machine that loses power."""
    os.kill(MAIN, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def stop(_flag: Path) -> None:
    """Freeze, with the worker that forked us: as a virtual machine that is paused."""
    if os.getpid() != MAIN:
        os.kill(MAIN, signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)


def wait(flag: Path) -> None:
    """Stand still, in this thread alone, until `flag`.go is there."""
    while not flag.with_suffix(".go").exists():
        time.sleep(0.02)


FAULTS: dict[str, Callable[[Path], None]] = {"kill": kill, "stop": stop, "wait": wait}


def wrap(target: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace `module:function` or `module:Class.method` by what `make` makes of it."""
    owner, name = _owner(target)
    setattr(owner, name, make(getattr(owner, name)))


def _owner(target: str) -> tuple[Any, str]:
    module, _, path = target.partition(":")
    *parents, name = path.split(".")
    return functools.reduce(getattr, parents, importlib.import_module(module)), name


def faulty(options: argparse.Namespace) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what wraps a function so that the fault happens before or after it."""
    calls = 0

    def happen() -> None:
        nonlocal calls
        calls += 1
        if options.do == "slow":
            time.sleep(SLOW_BY)
        elif calls == options.nth and _first_to_flag(options.flag):
            FAULTS[options.do](options.flag)

    def make(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if options.when == "before":
                happen()
            result = function(*args, **kwargs)
            if options.when == "after":
                happen()
            return result

        return wrapped

    return make


def _first_to_flag(flag: Path) -> bool:
    aside = flag.with_suffix(f".{os.getpid()}")
    aside.write_text(f"{MAIN} {os.getpid()}")
    try:
        flag.hardlink_to(aside)  # it is there with its content, and for one only
    except FileExistsError:
        return False
    return True


def shift_clock(seconds: float) -> None:
    """Let Python tell another time. The database goes on telling its own, except SQLite: a library has none
    but its host's."""
    time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("command")
    parser.add_argument("--flag", type=Path)
    parser.add_argument("--at")
    parser.add_argument("--when", choices=("before", "after"), default="before")
    parser.add_argument("--do", choices=(*FAULTS, "slow"), default="kill")
    parser.add_argument("--nth", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="MODULE:NAME=VALUE")
    parser.add_argument("--clock", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    if options.clock:
        shift_clock(options.clock)
    for setting in options.set:
        target, _, value = setting.partition("=")
        wrap(target, lambda _: ast.literal_eval(value))  # noqa: B023 - called before the next one
    if options.at:
        wrap(options.at, faulty(options))
    sys.argv = ["portal", options.command]
    runpy.run_module("portal.cli", run_name="__main__")


if __name__ == "__main__":
    main()
