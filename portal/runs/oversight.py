"""Watching over a run while it is worked on: its lease, its time limit, its end before time.

A thread with connections of its own renews the lease and looks for reasons to stop. The run itself stops
where it next asks (`Oversight.check`, at every fenced write). One that never asks is ended with its process.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import select, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from portal.config import Settings
from portal.database import database_now, read_only
from portal.errors import LeaseLost, PortalError, RunCancelled, RunReleased, RunTimeout
from portal.runs.leases import Claim
from portal.runs.models import ScheduledExportRun

POLL = 2.0
"""Seconds between two looks at whether somebody cancelled the run."""
PATIENCE = 10.0
"""Seconds that a run has to come to a point where it can stop by itself."""

log = logging.getLogger(__name__)

Ending = Callable[[PortalError], None]
"""Records how a run ended that did not stop by itself, and ends its process."""


class Oversight:
    """Watches a run within a `with` block. Any thread may ask it; only its own decides.

    `end` is called where the run does not stop by itself; without it, as where the process is not ours to
    end, the run is left to its lease.
    """

    def __init__(self, claim: Claim, settings: Settings, engine: Engine, end: Ending | None = None) -> None:
        self._claim, self._settings, self._engine, self._end = claim, settings, engine, end
        self._renewed_at = claim.since
        self._limit = claim.since + settings.run_timeout
        self._terminated_at: float | None = None
        self._stop: PortalError | None = None
        self._stop_since = 0.0
        self._sending = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="oversight", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raise why the run must stop, if it must: RunCancelled, RunTimeout, RunReleased or LeaseLost."""
        if self._stop is not None:
            raise self._stop

    def before_sending(self) -> None:
        """Raise LeaseLost unless the lease can still be ours by this machine's own clock.

        Asked right before a message leaves: a process that was frozen since its last write would otherwise
        send what somebody else has sent by now. Until `sent` the process is not ended.
        """
        if time.monotonic() - self._renewed_at >= self._settings.lease_seconds:
            raise LeaseLost(f"Run {self._claim.run_id} was not renewed in time; nothing more is sent.")
        self._sending = True

    def sent(self) -> None:
        """Say that the server's answer is known."""
        self._sending = False

    def _watch(self) -> None:
        next_look = time.monotonic() + POLL
        pause = min(1.0, self._settings.lease_renewal / 2)
        while not self._over.wait(pause):
            now = time.monotonic()
            if now - self._renewed_at >= self._settings.lease_renewal:
                self._attempt(self._renew)
            if now >= next_look:
                next_look = now + POLL
                self._attempt(self._look_for_cancel)
            self._look_at_the_clock(now)
            self._look_for_termination(now)
            if self._stop is not None and now - self._stop_since >= PATIENCE and not self._sending:
                self._force(self._stop)
                return

    def _attempt(self, part: Callable[[], None]) -> None:
        try:
            part()
        except SQLAlchemyError as error:
            log.warning("run %s: no answer from the database (%s)", self._claim.run_id, type(error).__name__)

    def _renew(self) -> None:
        asked = time.monotonic()
        with self._engine.begin() as connection:
            until = database_now(connection) + timedelta(seconds=self._settings.lease_seconds)
            renewed = connection.execute(
                update(ScheduledExportRun)
                .where(
                    ScheduledExportRun.id == self._claim.run_pk,
                    ScheduledExportRun.lease_token == self._claim.token,
                )
                .values(lease_expires_at=until)
            )
        if renewed.rowcount == 1:
            self._renewed_at = asked
        else:
            self._stop_for(LeaseLost(f"Run {self._claim.run_id} belongs to another worker by now."))

    def _look_for_cancel(self) -> None:
        with read_only(), self._engine.connect() as connection:
            asked = connection.scalar(
                select(ScheduledExportRun.cancel_requested_at).where(
                    ScheduledExportRun.id == self._claim.run_pk
                )
            )
        if asked is not None:
            self._stop_for(RunCancelled("The run was cancelled."))

    def _look_at_the_clock(self, now: float) -> None:
        if now >= self._limit:
            limit = self._settings.run_timeout
            self._stop_for(RunTimeout(f"The run took longer than its limit of {limit:,} s and was stopped."))

    def _look_for_termination(self, now: float) -> None:
        # A worker's child blocks SIGTERM, so that it stays pending, where a thread can see it whatever the
        # main one waits for.
        if self._terminated_at is None and signal.SIGTERM in signal.sigpending():
            self._terminated_at = now
        if self._terminated_at is not None and now - self._terminated_at >= self._settings.worker_grace:
            self._stop_for(RunReleased("The worker was told to end."))

    def _stop_for(self, reason: PortalError) -> None:
        if self._stop is None:
            self._stop, self._stop_since = reason, time.monotonic()

    def _force(self, reason: PortalError) -> None:
        if self._end is None:
            log.warning("run %s does not stop: %s", self._claim.run_id, reason)
            return
        log.warning("run %s did not stop by itself and is ended: %s", self._claim.run_id, reason)
        self._end(reason)
