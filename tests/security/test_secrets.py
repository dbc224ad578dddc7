"""A23: the portal refuses to start on a missing or well-known secret, and keeps a key for each purpose."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.config import Settings, load
from portal.errors import ConfigurationError
from tests.conftest import settings_below


@pytest.mark.parametrize(
    "secret", ["", "change-me", "secret", "dev", "short but not known", "a" * 64, "abab" * 16]
)
def test_it_refuses_a_missing_known_or_trivial_secret(tmp_path: Path, secret: str) -> None:
    with pytest.raises(ConfigurationError, match="PORTAL_SECRET_KEY"):
        settings_below(tmp_path, "redis://127.0.0.1:1", secret_key=secret)


def test_it_refuses_a_well_known_secret_among_the_previous_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PORTAL_PREVIOUS_SECRET_KEYS"):
        settings_below(tmp_path, "redis://127.0.0.1:1", previous_secret_keys="change-me")


@pytest.mark.parametrize("command", ["web", "worker", "scheduler", "migrate"])
def test_no_part_starts_without_a_secret(tmp_path: Path, command: str) -> None:
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PORTAL_", "MAIL_", "REDIS"))
    }
    env |= {
        "PORTAL_DATA_DIR": str(tmp_path),
        "REDIS_URL": "redis://127.0.0.1:1",
        "PORTAL_PUBLIC_URL": "http://portal.example",
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_SENDER": "exports@portal.example",
    }
    done = subprocess.run(
        [sys.executable, "-m", "portal.cli", command], env=env, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "portal: PORTAL_SECRET_KEY must be set; `openssl rand -base64 48` makes one"
    ]


def test_each_purpose_has_its_own_key(settings: Settings) -> None:
    purposes = ("session", "links", "encryption")
    assert len({settings.keys(purpose)[0] for purpose in purposes}) == len(purposes)


def test_the_demo_draws_a_secret_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    first = load(demo=True, data_dir=tmp_path / "one")
    again = load(demo=True, data_dir=tmp_path / "one")
    other = load(demo=True, data_dir=tmp_path / "two")

    assert first.secret_key == again.secret_key != other.secret_key
    assert len(first.secret_key) >= 48
    assert (tmp_path / "one/secret").stat().st_mode & 0o777 == 0o600
