"""The process in which a PDF is made: one that may eat memory or hang, and is killed when it does."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Self

import orjson

from portal.errors import LimitExceeded, PortalError, RenderFailed
from portal.exporters.pdf_job import OS_ERROR, Limits
from portal.file_settings import what_helps

START = "portal.exporters.pdf_start"
TABLE = "portal.exporters.pdf_child"
"""The program that draws the table of an export."""

# What the child gets of our environment: no setting and no secret of the portal.
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "HOME", "SYSTEMROOT")
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class PdfProcess:
    """A running PDF child: `send` it lines, then `finish`. Leaving the block ends it whatever happened.

    The PDF and the report come back through unnamed temporary files, not pipes, so neither side can wait
    for the other: the only pipe is the one that carries the rows. After `wall_seconds` a timer kills the
    child, upon which `send` and `finish` raise.
    """

    def __init__(
        self, job: Limits, wall_seconds: float, folder: Path | None = None, program: str = TABLE
    ) -> None:
        """Take the limit by the clock, and where the PDF may grow; without a folder the system's for such."""
        self._job = job
        self._program = program
        self._wall_seconds = wall_seconds
        self._folder = folder
        self._expired = False

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as files:
            self._pdf: IO[bytes] = files.enter_context(tempfile.TemporaryFile(dir=self._folder))
            self._report: IO[bytes] = files.enter_context(tempfile.TemporaryFile())
            # A new program, never a fork: ours may hold threads, locks and database connections.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", START, str(os.getpid()), self._program],
                stdin=subprocess.PIPE,
                stdout=self._pdf,
                stderr=self._report,
                env=_environment(),
            )
            self._files = files.pop_all()
        assert self._process.stdin is not None  # noqa: S101 - tells the type checker what PIPE means
        self._rows = self._process.stdin
        self._timer = threading.Timer(self._wall_seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._process.kill()
        # Bytes still buffered for a process that is gone are of no interest.
        with contextlib.suppress(BrokenPipeError):
            self._rows.close()
        self._process.wait()
        self._files.close()

    def send(self, lines: bytes) -> None:
        """Pass on whole lines.

        When the child has ended: raises LimitExceeded, RenderFailed, or the OSError that it met, such as that
        of a full disk.
        """
        try:
            self._rows.write(lines)
        except BrokenPipeError:
            raise self._failure() from None

    def finish(self, out: BinaryIO) -> tuple[str, ...]:
        """Wait for the PDF, copy it to `out` and return the child's notes. Raises as `send` does."""
        try:
            self._rows.close()
        except BrokenPipeError:
            raise self._failure() from None
        if self._process.wait() != 0:
            raise self._failure()
        self._pdf.seek(0)
        shutil.copyfileobj(self._pdf, out)
        return tuple(self._last_words().get("notes", ()))

    def _expire(self) -> None:
        self._expired = True
        self._process.kill()

    def _failure(self) -> PortalError | OSError:
        """Wait for the end of the child and say why it came."""
        code = self._process.wait()
        words = self._last_words()
        if limit := self._passed_limit(code, words):
            return LimitExceeded(limit)
        if code < 0:
            return RenderFailed(f"The PDF process was ended by signal {-code}.")
        if code > OS_ERROR:
            number = code - OS_ERROR
            return OSError(number, os.strerror(number))
        return RenderFailed(words.get("message", f"The PDF process ended with code {code} and said nothing."))

    def _passed_limit(self, code: int, words: dict[str, Any]) -> str | None:
        """Return a sentence on the limit that ended the child, if one did."""
        if self._expired:
            limit, setting = f"took longer than {self._wall_seconds:g} s", "PORTAL_PDF_TIME_LIMIT"
        elif code == -signal.SIGXCPU:
            limit, setting = f"took more CPU than {self._job.cpu_seconds} s", "PORTAL_PDF_CPU_LIMIT"
        elif words.get("error") == "memory":
            limit = f"took more memory than {self._job.memory_bytes // 2**20:,} MiB"
            setting = "PORTAL_PDF_MEMORY_LIMIT"
        else:
            return str(words["message"]) if words.get("error") == "limit" else None
        what = "Reading the rows and making the PDF" if self._expired else "Making the PDF"
        return f"{what} {limit}. {what_helps(setting)}"

    def _last_words(self) -> dict[str, Any]:
        """Return the child's last line when that is its report; warnings of libraries come before it."""
        self._report.seek(0)
        lines = self._report.read().splitlines()
        try:
            words = orjson.loads(lines[-1]) if lines else {}
        except orjson.JSONDecodeError:
            return {}
        return words if isinstance(words, dict) else {}


def folder_of(out: BinaryIO) -> Path | None:
    """Return the folder of a file that has a name: its disk must have room for the PDF in any case."""
    name = getattr(out, "name", None)
    return Path(name).parent if isinstance(name, str) and Path(name).is_file() else None


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(_PACKAGE_PARENT), "PYTHONIOENCODING": "utf-8"}
