"""Settings: what the environment says, what is refused in one line, and keys that never mix."""

import os
import stat
from pathlib import Path

import pytest

from portal.config import Settings, load
from portal.errors import ConfigurationError
from tests.conftest import SECRET, settings_below

OLDER = "an older secret that is also long enough: abcdefgh"
COMPLETE = {
    "PORTAL_SECRET_KEY": SECRET,
    "PORTAL_PUBLIC_URL": "https://portal.example/",
    "REDIS_URL": "redis://redis.example:6379/0",
    "MAIL_SERVER": "mail.example",
    "MAIL_SENDER": "Export Portal <exports@portal.example>",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Every variable production needs, and none that the machine happens to have."""
    for name in os.environ:
        if name.startswith(("PORTAL_", "MAIL_")) or name in ("PORT", "REDIS_URL"):
            monkeypatch.delenv(name)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PORTAL_DATA_DIR", str(tmp_path))
    return monkeypatch


def test_it_reads_the_environment(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("PORT", "9000")
    environment.setenv("PORTAL_RETRY_DELAYS", "5, 10.5")

    settings = load()

    assert settings.port == 9000
    assert settings.retry_delays == (5.0, 10.5)
    assert settings.public_url == "https://portal.example"
    assert settings.trusted_proxies == 0
    assert settings.effective_database_url == f"sqlite:///{tmp_path}/portal.db"
    assert settings.effective_sources_dir == tmp_path / "sources"


def test_it_lets_arguments_win_over_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PORT", "9000")

    assert load(port=9001).port == 9001


def test_it_takes_an_empty_variable_for_one_left_out(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PORT", "PORTAL_SOURCES_DIR", "MAIL_CA_FILE", "PORTAL_DATABASE_URL"):
        environment.setenv(name, "")

    settings = load()

    assert settings.port == 8000
    assert settings.effective_sources_dir == tmp_path / "sources"
    assert settings.mail_ca_file is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORTAL_TRUSTED_PROXIES", "-1"),
        ("PORTAL_PUBLIC_URL", "portal.example"),
        ("PORTAL_PUBLIC_URL", "javascript:alert(1)"),
        ("PORTAL_DATABASE_URL", "no url"),
        ("PORTAL_DATABASE_URL", "mysql+pymysql://root:hunter2@db/portal"),
        ("REDIS_URL", "http://redis.example"),
        ("MAIL_SECURITY", "tls"),
        ("MAIL_SENDER", "Export Portal"),
        ("MAIL_SENDER", "exports@portal.example\nBcc: evil@example.org"),
        ("MAIL_TIMEOUT", "0"),
        ("PORTAL_DEMO", "perhaps"),
        ("PORTAL_LEASE_SECONDS", "0"),
        ("PORTAL_RETRY_DELAYS", "soon"),
        ("PORTAL_RETRY_DELAYS", "60,-1"),
        ("PORTAL_DELIVERY_RETRY_DELAYS", ","),
        ("PORTAL_LINK_DAYS", "400"),
    ],
)
def test_it_names_the_wrong_variable_in_one_line(
    environment: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    environment.setenv(variable, value)

    with pytest.raises(ConfigurationError) as refused:
        load()

    message = str(refused.value)
    assert message.startswith(f"{variable}: ")
    assert "\n" not in message
    assert "hunter2" not in message


@pytest.mark.parametrize("variable", [*COMPLETE])
def test_it_names_a_variable_that_production_lacks(environment: pytest.MonkeyPatch, variable: str) -> None:
    environment.delenv(variable)

    with pytest.raises(ConfigurationError, match=rf"^{variable} must be set"):
        load()


def test_it_refuses_a_lease_that_could_end_between_renewals(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PORTAL_LEASE_SECONDS", "20")

    with pytest.raises(ConfigurationError, match="PORTAL_LEASE_RENEWAL must be at most half"):
        load()


@pytest.mark.parametrize(
    ("secret", "complaint"),
    [
        ("", "must be set"),
        ("change-me", "well known"),
        ("SECRET-KEY", "well known"),
        ("development-development-development", "well known"),
        ("secret-key-1234567890-1234567890-1234", "well known"),
        ("a" * 64, "well known or trivial"),
        ("0123456789abcdef0123456789abcde", "must have 32 characters"),
    ],
)
def test_it_refuses_a_missing_known_or_short_secret(
    environment: pytest.MonkeyPatch, secret: str, complaint: str
) -> None:
    environment.setenv("PORTAL_SECRET_KEY", secret)

    with pytest.raises(ConfigurationError, match=rf"^PORTAL_SECRET_KEY .*{complaint}"):
        load()


def test_it_refuses_a_weak_secret_among_the_replaced_ones(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PORTAL_PREVIOUS_SECRET_KEYS", f"{OLDER},changeme")

    with pytest.raises(ConfigurationError, match=r"^PORTAL_PREVIOUS_SECRET_KEYS "):
        load()


def test_it_gives_each_purpose_a_key_of_its_own(tmp_path: Path) -> None:
    settings = settings_below(tmp_path, "redis://127.0.0.1:1")

    keys = [settings.keys(purpose)[0] for purpose in ("session", "links", "encryption")]

    assert len(set(keys)) == 3
    assert all(len(key) == 32 for key in keys)
    assert SECRET.encode() not in keys
    assert settings.keys("links") == settings.keys("links"), "a key must outlive a restart"


def test_it_keeps_the_keys_of_replaced_secrets_after_the_current_one(tmp_path: Path) -> None:
    before = settings_below(tmp_path, "redis://127.0.0.1:1", secret_key=OLDER)
    after = settings_below(tmp_path, "redis://127.0.0.1:1", previous_secret_keys=f" {OLDER} , ")

    current, older = after.keys("links")

    assert [older] == before.keys("links")
    assert current != older
    config = after.flask_config()
    assert config["SECRET_KEY_FALLBACKS"] == [before.flask_config()["SECRET_KEY"]]


def test_it_never_shows_a_secret(tmp_path: Path) -> None:
    settings = settings_below(
        tmp_path,
        "redis://:hunter2@redis.example/0",
        database_url="postgresql://portal:hunter2@db.example/portal",
        mail_password="hunter2",
        previous_secret_keys=OLDER,
    )

    for shown in (repr(settings), str(settings), f"{settings!r}"):
        assert "hunter2" not in shown
        assert SECRET not in shown
        assert OLDER not in shown


@pytest.mark.parametrize(
    ("url", "name", "secure"),
    [("https://portal.example", "__Host-portal", True), ("http://portal.example", "portal", False)],
)
def test_it_protects_the_session_cookie_where_https_allows_it(
    tmp_path: Path, url: str, name: str, secure: bool
) -> None:
    config = settings_below(tmp_path, "redis://127.0.0.1:1", public_url=url).flask_config()

    assert config["SESSION_COOKIE_NAME"] == name
    assert config["SESSION_COOKIE_SECURE"] is secure
    assert config["SESSION_COOKIE_HTTPONLY"] is True
    assert config["SESSION_COOKIE_SAMESITE"] == "Lax"


@pytest.mark.parametrize(
    ("redis_url", "expected"),
    [
        ("", "memory://"),
        ("redis://redis.example/0", "redis://redis.example/0"),
        ("unix:///run/redis.sock?db=0", "redis+unix:///run/redis.sock?db=0"),
    ],
)
def test_it_tells_the_rate_limiter_where_redis_is(tmp_path: Path, redis_url: str, expected: str) -> None:
    settings = load(demo=True, data_dir=tmp_path, redis_url=redis_url)

    assert settings.flask_config()["RATELIMIT_STORAGE_URI"] == expected


def demo(environment: pytest.MonkeyPatch) -> Settings:
    for name in COMPLETE:
        environment.delenv(name, raising=False)
    environment.setenv("PORTAL_DEMO", "1")
    return load()


def test_it_makes_up_what_the_demo_needs(environment: pytest.MonkeyPatch) -> None:
    settings = demo(environment)

    assert settings.public_url == "http://127.0.0.1:8000"
    assert (settings.mail_server, settings.mail_security) == ("127.0.0.1", "none")
    assert "@" in settings.mail_sender


def test_it_draws_the_demos_secret_once_and_keeps_it_private(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drawn = demo(environment).secret_key

    assert len(drawn) == 64
    assert demo(environment).secret_key == drawn
    assert (tmp_path / "secret").read_text() == drawn
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_it_draws_another_secret_for_another_data_directory(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = demo(environment).secret_key
    environment.setenv("PORTAL_DATA_DIR", str(tmp_path / "other"))

    assert demo(environment).secret_key != first


def test_it_waits_for_no_postgresql_server_for_ever(tmp_path: Path) -> None:
    url = "postgresql+psycopg://portal@db.example/portal"
    options = settings_below(tmp_path, "redis://127.0.0.1:1", database_url=url).flask_config()

    assert options["SQLALCHEMY_ENGINE_OPTIONS"]["connect_args"]["connect_timeout"] == 10
    on_sqlite = settings_below(tmp_path, "redis://127.0.0.1:1").flask_config()
    assert on_sqlite["SQLALCHEMY_ENGINE_OPTIONS"] == {}
