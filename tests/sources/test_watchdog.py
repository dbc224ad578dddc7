"""The limit on waiting: adds up over reads, leaves writing alone, and stops the statement."""

import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from portal.sources.opening import Stops, can_stop
from portal.sources.watchdog import Watchdog

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = create_engine("sqlite://", creator=lambda: sqlite3.connect(":memory:", check_same_thread=False))
    event.listen(made, "connect", lambda driver, record: can_stop(record, Stops(driver.interrupt)))
    yield made
    made.dispose()


def test_it_interrupts_a_statement_past_the_limit(engine: Engine) -> None:
    with engine.connect() as connection:
        watchdog = Watchdog(connection, 0.1)
        with pytest.raises(OperationalError, match="interrupted"), watchdog.waiting():
            connection.exec_driver_sql(ENDLESS)

        assert watchdog.expired


def test_it_adds_up_what_was_waited(engine: Engine) -> None:
    with engine.connect() as connection:
        watchdog = Watchdog(connection, 0.4)
        for _ in range(20):
            with watchdog.waiting():
                time.sleep(0.05)

        assert watchdog.expired


def test_it_does_not_count_the_time_between_reads(engine: Engine) -> None:
    with engine.connect() as connection:
        watchdog = Watchdog(connection, 2)
        for _ in range(3):
            with watchdog.waiting():
                connection.exec_driver_sql("SELECT 1").close()
            time.sleep(0.8)  # writing the file, longer in all than the limit

        assert not watchdog.expired
        with watchdog.waiting():
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_it_leaves_no_timer_running(engine: Engine) -> None:
    others = set(threading.enumerate())
    with engine.connect() as connection:
        watchdog = Watchdog(connection, 60)
        for _ in range(5):
            with watchdog.waiting():
                timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
                assert set(timers) - others
    for thread in set(threading.enumerate()) - others:
        thread.join(10)
        assert not thread.is_alive(), "a timer that was left would go on for a minute"
