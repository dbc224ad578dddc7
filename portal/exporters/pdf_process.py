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
from portal.exporters.pdf_job import PdfJob

CHILD = "portal.exporters.pdf_child"

# What the child gets of our environment: no setting and no secret of the portal.
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "HOME", "SYSTEMROOT")
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class PdfProcess:
    """A running PDF child: `send` it lines, then `finish`. Leaving the block ends it whatever happened.

    The PDF and the report come back through unnamed temporary files, not pipes, so neither side can wait
    for the other: the only pipe is the one that carries the rows. After `wall_seconds` a timer kills the
    child, upon which `send` and `finish` raise.
    """

    def __init__(self, job: PdfJob, wall_seconds: float) -> None:
        self._job = job
        self._wall_seconds = wall_seconds
        self._expired = False

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as files:
            self._pdf: IO[bytes] = files.enter_context(tempfile.TemporaryFile())
            self._report: IO[bytes] = files.enter_context(tempfile.TemporaryFile())
            # A new program, never a fork: ours may hold threads, locks and database connections.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", CHILD, str(os.getpid())],
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
        """Pass on whole lines. Raises LimitExceeded or RenderFailed when the child has ended."""
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

    def _failure(self) -> PortalError:
        """Wait for the end of the child and say why it came."""
        code = self._process.wait()
        words = self._last_words()
        job = self._job
        if self._expired:
            return LimitExceeded(f"Making the PDF took longer than its limit of {self._wall_seconds:g} s.")
        if code == -signal.SIGXCPU:
            return LimitExceeded(f"Making the PDF took more CPU than its limit of {job.cpu_seconds} s.")
        if words.get("error") == "memory":
            limit = job.memory_bytes // 2**20
            return LimitExceeded(f"Making the PDF took more memory than its limit of {limit:,} MiB.")
        if code < 0:
            return RenderFailed(f"The PDF process was ended by signal {-code}.")
        message = words.get("message", f"The PDF process ended with code {code} and said nothing.")
        return LimitExceeded(message) if words.get("error") == "limit" else RenderFailed(message)

    def _last_words(self) -> dict[str, Any]:
        """Return the child's last line when that is its report; warnings of libraries come before it."""
        self._report.seek(0)
        lines = self._report.read().splitlines()
        try:
            words = orjson.loads(lines[-1]) if lines else {}
        except orjson.JSONDecodeError:
            return {}
        return words if isinstance(words, dict) else {}


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(_PACKAGE_PARENT), "PYTHONIOENCODING": "utf-8"}
