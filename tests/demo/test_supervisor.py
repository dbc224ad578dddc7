import fcntl
import socket
from pathlib import Path

import pytest

from portal.config import Settings, load
from portal.demo import supervisor
from portal.demo.services import LOOPBACK, kept_port
from portal.errors import ConfigurationError

LOGINS = (("admin", "ada@acme.example", "one"), ("auditor", "bartholomew@acme.example", "two"))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for variable in ("REDIS_URL", "MAIL_SERVER"):
        monkeypatch.delenv(variable, raising=False)
    return load(demo=True, data_dir=tmp_path, port=kept_port(tmp_path / "port"), workers=2)


def test_the_demo_starts_what_others_need_first(settings: Settings) -> None:
    services = supervisor.plan(settings, {})

    assert [service.name for service in services] == [
        "redis",
        "mail",
        "migrate",
        "seed-demo",
        "web",
        "worker",
        "scheduler",
    ]
    assert [service.name for service in services if service.once] == ["migrate", "seed-demo"]
    assert {service.name: service.copies for service in services}["worker"] == 2


def test_every_part_knows_where_the_embedded_services_are(settings: Settings, tmp_path: Path) -> None:
    parts = supervisor.plan(settings, {})[2:]

    port = (tmp_path / "mail-port").read_text().strip()
    for part in parts:
        assert part.env["REDIS_URL"] == f"unix://{tmp_path}/redis/redis.sock"
        assert (part.env["MAIL_SERVER"], part.env["MAIL_PORT"]) == (LOOPBACK, port)
        assert part.env["MAIL_SECURITY"] == "none"
        assert part.env["PORTAL_DATA_DIR"] == str(tmp_path)
        assert part.env["PORTAL_DEMO"] == "1"
        assert part.env["PORT"] == str(settings.port)


def test_services_given_by_the_environment_are_not_started(settings: Settings) -> None:
    given = settings.model_copy(update={"redis_url": "redis://127.0.0.1:6379/5"})

    services = supervisor.plan(given, {"MAIL_SERVER": "mail.acme.example"})

    assert [service.name for service in services][:2] == ["migrate", "seed-demo"]
    assert not {"REDIS_URL", "MAIL_SERVER", "PORTAL_MAIL_CATCHER"} & set(services[0].env)


def test_production_gets_no_demo(tmp_path: Path) -> None:
    settings = load(
        data_dir=tmp_path,
        secret_key="a long secret that nobody knows 0123456789",
        public_url="https://portal.acme.example",
        redis_url="redis://127.0.0.1:6379/5",
        mail_server="mail.acme.example",
        mail_sender="exports@acme.example",
    )

    services = supervisor.plan(settings, {})

    assert [service.name for service in services] == ["migrate", "web", "worker", "scheduler"]
    assert "Inbox" not in supervisor.announcement(settings, services, ())


def test_no_inbox_is_announced_when_mail_goes_elsewhere(settings: Settings) -> None:
    services = supervisor.plan(settings, {"MAIL_SERVER": "mail.acme.example"})

    assert "Inbox" not in supervisor.announcement(settings, services, LOGINS)


def test_the_announcement_says_what_a_person_needs(settings: Settings, tmp_path: Path) -> None:
    text = supervisor.announcement(settings, supervisor.plan(settings, {}), LOGINS)

    assert text.splitlines() == [
        "",
        f"  Export Portal is ready: http://127.0.0.1:{settings.port}",
        "",
        "    admin     ada@acme.example          one",
        "    auditor   bartholomew@acme.example  two",
        "",
        f"  Inbox: http://127.0.0.1:{settings.port}/inbox",
        f"  Data:  {tmp_path}",
        "  Ctrl-C stops everything.",
    ]


def _refusal(settings: Settings) -> str:
    """Start, be refused before anything runs, and return why."""
    lines: list[str] = []
    with pytest.raises(ConfigurationError) as refusal:
        supervisor.run(settings, echo=lines.append)
    assert lines == []
    return str(refusal.value)


def test_a_second_start_on_the_same_data_is_refused(settings: Settings, tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        reason = _refusal(settings)

    assert reason == f"Process 4711 runs on PORTAL_DATA_DIR {tmp_path} already; stop it, or name another"


def test_a_taken_port_is_refused_by_name(settings: Settings) -> None:
    with socket.create_server((LOOPBACK, settings.port)):
        reason = _refusal(settings)

    assert reason == f"PORT {settings.port} cannot be used on 127.0.0.1; set PORT to a free one"


def test_a_data_directory_that_cannot_be_made_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    given = settings.model_copy(update={"data_dir": tmp_path / "file" / "data"})

    assert _refusal(given) == f"PORTAL_DATA_DIR {tmp_path}/file/data cannot be used: Not a directory"


def test_a_missing_redis_server_stops_the_start(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("portal.demo.services.BUNDLED", False)

    assert _refusal(settings).startswith("No Redis server here: install redis-server")
