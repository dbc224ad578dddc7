"""A supervisor over small programs, to be killed: `python stand_ins.py DIRECTORY KIND`.

Each program notes its own pid in the directory, then does what its kind says until SIGTERM.
"""

import signal
import sys
from pathlib import Path

from portal.demo.processes import Service, Supervisor

NOTE = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); "
STEADY = NOTE + "print('up'); time.sleep(60)"
STUBBORN = (
    "import signal, subprocess; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + NOTE + "time.sleep(60)"
)
# Its child stays in the same process group and does not look for its parent.
PARENT = (
    "import subprocess, sys; "
    "subprocess.Popen([sys.executable, '-c', sys.argv[2], sys.argv[1] + '-child']); "
    + NOTE
    + "time.sleep(60)"
)
CRASHING = "import sys, pathlib; pathlib.Path(sys.argv[1]).open('a').write('x'); sys.exit(3)"


def _program(name: str, code: str, directory: Path, *arguments: str, **options: object) -> Service:
    argv = (sys.executable, "-c", code, str(directory / name), *arguments)
    return Service(name, argv, **options)  # type: ignore[arg-type]


def _services(directory: Path, kind: str) -> list[Service]:
    first = _program("first", STEADY, directory, answers=(directory / "first").exists)
    step = _program("step", NOTE + "print('done')", directory, once=True)
    failing = _program("step", "import sys; print('no such table'); sys.exit(4)", directory, once=True)
    last = _program("last", STEADY, directory, copies=1, death_signal=signal.SIGTERM)
    return {
        "steady": [first, step, last],
        "stubborn": [first, _program("stubborn", STUBBORN, directory, grace=0.5)],
        "patient": [_program("stubborn", STUBBORN, directory, grace=60)],
        "parent": [_program("parent", PARENT, directory, STEADY)],
        "crashing": [first, _program("crashing", CRASHING, directory)],
        "failing": [first, failing, last],
        "dying": [_program("dying", CRASHING, directory, answers=lambda: False), last],
    }[kind]


def main(directory: Path, kind: str) -> int:
    services = _services(directory, kind)
    return Supervisor(services, lambda line: print(line, flush=True), "READY").run()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
