"""What every program that makes one PDF has in common: its limits, its report, its end.

It reads its job from standard input, writes the PDF to standard output and, as the last line of standard
error, one JSON object: `{"notes": […]}`, or `{"error": "limit" | "memory" | "render", "message": …}` with
exit code 1. An errno comes as an exit code alone (`OS_ERROR`). It ends with its parent and within the limits
that the job names.
"""

import ctypes
import errno
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import IO, Any

import orjson

from portal.errors import LimitExceeded, PortalError
from portal.exporters.pdf_job import OS_ERROR, Limits

_PR_SET_PDEATHSIG = 1  # prctl(2)

Make = Callable[[IO[bytes], IO[bytes]], tuple[str, ...]]
"""Turns the lines of a job into a PDF and returns the notes. Raises LimitExceeded, RenderFailed, MemoryError,
or the OSError of its output."""


def run(make: Make) -> None:
    """Make the PDF, say how it went and end this process."""
    # Without taking the interpreter apart: it takes time, and flushing what could not be written would
    # change the exit code.
    os._exit(main(make))


def main(make: Make) -> int:
    """Make the PDF and say how it went; return the exit code."""
    _end_with_parent(int(sys.argv[1]))
    gc.freeze()  # what has been imported stays
    gc.enable()
    try:
        words = _made(make)
        sys.stderr.buffer.write(b"\n" + orjson.dumps(words) + b"\n")
        sys.stderr.flush()
    except OSError as error:
        return OS_ERROR + (error.errno or errno.EIO)
    return 1 if "error" in words else 0


def _made(make: Make) -> dict[str, Any]:
    """Make the PDF and return the report. Raises OSError where the system refuses to take it."""
    try:
        return {"notes": make(sys.stdin.buffer, sys.stdout.buffer)}
    except MemoryError:
        return {"error": "memory"}
    except LimitExceeded as error:
        return {"error": "limit", "message": str(error)}
    except PortalError as error:
        return {"error": "render", "message": str(error)}
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else None  # some libraries' OSErrors have none
        if number == errno.ENOMEM:
            return {"error": "memory"}
        if number:
            raise
        return {"error": "render", "message": f"The PDF could not be made: {type(error).__name__}: {error}"}


def _end_with_parent(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have died before the line above; then we have been given another one.
    if os.getppid() != parent:
        sys.exit("The process that wanted this PDF is gone.")


def limit(job: Limits) -> None:
    """Hold this process to the limits of its job."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Past the first limit comes SIGXCPU, which the parent can tell from other ends.
    resource.setrlimit(resource.RLIMIT_CPU, (job.cpu_seconds, job.cpu_seconds + 5))
    if sys.platform == "linux":  # elsewhere RLIMIT_AS is refused or has no effect
        resource.setrlimit(resource.RLIMIT_AS, (job.memory_bytes, job.memory_bytes))
