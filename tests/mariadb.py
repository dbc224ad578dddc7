"""A real MariaDB server for tests, where the machine has one."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest

REQUIRED = "PORTAL_REQUIRE_MARIADB"


@dataclass(frozen=True)
class MariaDB:
    """A running server: its TCP port on loopback, and the socket by which root signs in."""

    port: int
    socket: str

    def run(self, *statements: str) -> None:
        """Run statements as root."""
        connection: Any = pymysql.connect(unix_socket=self.socket, user="root", autocommit=True)
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@contextmanager
def running(folder: Path) -> Iterator[MariaDB]:
    """Start a server of our own. Skips the test where there is none, unless CI requires it."""
    programs = [shutil.which(name) for name in ("mariadbd", "mariadb-install-db")]
    if not all(programs):
        if os.environ.get(REQUIRED):
            pytest.fail("there is no mariadbd")
        pytest.skip("there is no mariadbd on this machine (Debian: mariadb-server)")
    data, place = folder / "data", folder / "s"
    install = [str(programs[1]), "--no-defaults", f"--datadir={data}", "--user=root", "--skip-test-db"]
    subprocess.run(install, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--no-defaults", f"--datadir={data}", "--user=root", "--bind-address=127.0.0.1"]
    quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--skip-log-bin"]
    command = [str(programs[0]), *options, f"--port={port}", f"--socket={place}", *quick]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            server = MariaDB(port, str(place))
            _wait(server, process, folder / "log")
            yield server
        finally:
            process.terminate()


def _wait(server: MariaDB, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as knock:
            if knock.connect_ex(server.socket) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"mariadbd did not start: {log.read_text()[-2000:]}")
