"""Watching over a run: its lease is renewed, and it stops where it must, by itself or by force."""

import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from portal.config import Settings
from portal.errors import LeaseLost, PortalError, RunCancelled, RunTimeout
from portal.extensions import db
from portal.permissions import Role
from portal.runs import oversight
from portal.runs.leases import Claim, claim, fenced
from portal.runs.models import ScheduledExportRun
from portal.runs.oversight import Oversight
from portal.runs.service import cancel_run, run_now
from tests import factories
from tests.conftest import wait_until


@pytest.fixture
def config(either_app: Flask) -> Settings:
    found: Settings = either_app.config["PORTAL"]
    return found.model_copy(update={"lease_renewal": 0.05})


@pytest.fixture
def run(either_app: Flask, config: Settings) -> ScheduledExportRun:
    acme = factories.organization("Acme Co.", "acme")
    owner = factories.user(acme, Role.MANAGER, "manager@acme.example")
    schedule = factories.schedule(owner, factories.dataset(acme, config))
    made = run_now(owner, schedule, settings=config, now=datetime.now(UTC))
    db.session.commit()
    return made


@pytest.fixture
def owned(run: ScheduledExportRun, config: Settings) -> Claim:
    found = claim(run.public_id, worker="worker-1", settings=config)
    assert found is not None
    return found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oversight, "POLL", 0.05)
    monkeypatch.setattr(oversight, "PATIENCE", 0.2)


def stops(watch: Oversight) -> bool:
    try:
        watch.check()
    except PortalError:
        return True
    return False


def ask_to_cancel(run: ScheduledExportRun) -> None:
    assert run.schedule is not None
    assert not cancel_run(run.schedule.owner, run, now=datetime.now(UTC))
    db.session.commit()


def test_it_renews_the_lease_while_work_goes_on(
    run: ScheduledExportRun, owned: Claim, config: Settings
) -> None:
    run.lease_expires_at = long_ago = datetime.now(UTC) - timedelta(hours=1)
    db.session.commit()

    def was_renewed() -> bool:
        expires = run.lease_expires_at
        db.session.rollback()  # holding the transaction open would keep the thread from writing
        return expires is not None and expires > long_ago + timedelta(hours=1)

    with Oversight(owned, config, db.engine) as watch:
        wait_until(was_renewed, "the lease is renewed")
        watch.check()
        watch.before_sending()

    assert not [thread for thread in threading.enumerate() if thread.name == "oversight"]


def test_it_never_renews_the_lease_of_another_worker(
    run: ScheduledExportRun, owned: Claim, config: Settings
) -> None:
    run.lease_expires_at = datetime.now(UTC) - timedelta(seconds=1)
    db.session.commit()
    assert claim(run.public_id, worker="worker-2", settings=config)
    expires = run.lease_expires_at
    db.session.commit()

    with Oversight(owned, config, db.engine) as watch:
        wait_until(lambda: stops(watch), "the worker that lost the run is told")
        with pytest.raises(LeaseLost):
            watch.check()

    assert run.lease_expires_at == expires


def test_it_sends_nothing_once_the_lease_may_be_over(owned: Claim, config: Settings) -> None:
    frozen = replace(owned, since=time.monotonic() - config.lease_seconds)
    with (
        Oversight(frozen, config.model_copy(update={"lease_renewal": 60}), db.engine) as watch,
        pytest.raises(LeaseLost, match="not renewed in time"),
    ):
        watch.before_sending()


@pytest.mark.usefixtures("impatient")
def test_it_stops_what_somebody_cancelled(run: ScheduledExportRun, owned: Claim, config: Settings) -> None:
    with Oversight(owned, config, db.engine) as watch:
        watch.check()
        ask_to_cancel(run)
        wait_until(lambda: stops(watch), "the run is told to stop")
        with pytest.raises(RunCancelled):
            watch.check()


def test_a_fence_sees_at_once_that_somebody_cancelled(run: ScheduledExportRun, owned: Claim) -> None:
    ask_to_cancel(run)

    with pytest.raises(RunCancelled), fenced(owned):
        pytest.fail("nothing new begins")
    with fenced(owned, stops=False) as held:
        held.stage = "deliver"
    assert run.stage == "deliver", "what was sent already is recorded all the same"


def test_it_stops_at_the_time_limit(owned: Claim, config: Settings) -> None:
    with Oversight(owned, config.model_copy(update={"run_timeout": 0}), db.engine) as watch:
        wait_until(lambda: stops(watch), "the run is told to stop")
        with pytest.raises(RunTimeout, match="longer than its limit"):
            watch.check()


@pytest.mark.usefixtures("impatient")
def test_it_ends_what_does_not_stop_by_itself(owned: Claim, config: Settings) -> None:
    ended: list[PortalError] = []
    with Oversight(owned, config.model_copy(update={"run_timeout": 0}), db.engine, ended.append):
        wait_until(lambda: bool(ended), "its process is ended")

    (reason,) = ended
    assert isinstance(reason, RunTimeout)


@pytest.mark.usefixtures("impatient")
def test_it_ends_nothing_between_data_and_the_answer(owned: Claim, config: Settings) -> None:
    ended: list[PortalError] = []
    with Oversight(owned, config.model_copy(update={"run_timeout": 1}), db.engine, ended.append) as watch:
        watch.before_sending()
        wait_until(lambda: stops(watch), "the run is told to stop")
        time.sleep(3 * oversight.PATIENCE + 1)  # longer than its patience and a round
        assert ended == []
        watch.sent()
        wait_until(lambda: bool(ended), "its process is ended")


def test_a_thread_sees_a_pending_signal_that_the_main_one_cannot_handle() -> None:
    """What the release rests on: a blocked signal of the process is pending for all of its threads."""
    script = (
        "import os, signal, threading, sqlite3\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        "def watch():\n"
        "    while signal.SIGTERM not in signal.sigpending(): pass\n"
        "    os._exit(7)\n"
        "threading.Thread(target=watch).start()\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "sqlite3.connect(':memory:').execute('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
        " SELECT count(*) FROM c')\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=20, check=False).returncode == 7
