"""Secrets at rest, under keys that can be replaced."""

from pathlib import Path

import pytest
from cryptography.fernet import InvalidToken

from portal.encryption import decrypt, encrypt
from tests.conftest import settings_below

OLDER = "an older secret that is also long enough: 0123456789"
NEWER = "a newer secret that is also long enough: 9876543210"
REDIS = "redis://127.0.0.1:1"
URL = "postgresql://reader:hunter2@db.example/cases"


def test_it_reads_back_what_it_encrypted(tmp_path: Path) -> None:
    settings = settings_below(tmp_path, REDIS)

    token = encrypt(URL, settings)

    assert decrypt(token, settings) == URL
    assert "hunter2" not in token
    assert encrypt(URL, settings) != token, "the same text never looks the same twice"


def test_it_reads_under_a_replaced_key_and_writes_under_the_current(tmp_path: Path) -> None:
    before = settings_below(tmp_path, REDIS, secret_key=OLDER)
    after = settings_below(tmp_path, REDIS, secret_key=NEWER, previous_secret_keys=OLDER)
    forgotten = settings_below(tmp_path, REDIS, secret_key=NEWER)

    assert decrypt(encrypt(URL, before), after) == URL
    assert decrypt(encrypt(URL, after), forgotten) == URL


def test_it_refuses_what_no_key_opens(tmp_path: Path) -> None:
    settings = settings_below(tmp_path, REDIS)
    token = encrypt(URL, settings)

    with pytest.raises(InvalidToken):
        decrypt(token, settings_below(tmp_path, REDIS, secret_key=NEWER))
    with pytest.raises(InvalidToken):
        decrypt(token[:-4] + "AAA=", settings)
