"""Tokens of links: ours only, for this purpose only, also under keys that were replaced."""

import string

import pytest
from itsdangerous import URLSafeSerializer

from portal.downloads import tokens

ID = "3q2-7wEjRWeJq83vASNFZw"
NEW, OLD, OTHER = b"n" * 32, b"o" * 32, b"x" * 32


def test_it_opens_what_it_signed() -> None:
    token = tokens.sign(ID, [NEW])

    assert tokens.verify(token, [NEW]) == ID
    assert tokens.sign(ID, [NEW]) == token, "a link is the same in every mail"


def test_it_signs_with_the_current_key_and_opens_replaced_ones() -> None:
    assert tokens.sign(ID, [NEW, OLD]) == tokens.sign(ID, [NEW])
    assert tokens.verify(tokens.sign(ID, [OLD]), [NEW, OLD]) == ID


def test_it_refuses_a_retired_key() -> None:
    assert tokens.verify(tokens.sign(ID, [OLD]), [NEW]) is None


def test_it_refuses_another_salt_of_the_same_key() -> None:
    for salt in ("", "itsdangerous", "unsubscribe", "cookie-session"):
        assert tokens.verify(str(URLSafeSerializer(NEW, salt=salt).dumps(ID)), [NEW]) is None


def test_it_refuses_every_altered_character() -> None:
    token = tokens.sign(ID, [NEW])
    alphabet = string.ascii_letters + string.digits + "-_"
    altered = {token[:at] + other + token[at + 1 :] for at in range(len(token)) for other in alphabet}
    altered.discard(token)
    assert len(altered) > 60 * len(token)

    assert [changed for changed in altered if tokens.verify(changed, [NEW]) is not None] == []


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", ID, f'"{ID}"', f"{ID}.", "é", "a" * 10_000, "\x00", "%00", "eyJhIjoxfQ.x"],
)
def test_it_refuses_what_is_no_token(token: str) -> None:
    assert tokens.verify(token, [NEW]) is None


@pytest.mark.parametrize("content", [7, None, [ID], {"id": ID}])
def test_it_refuses_what_is_signed_but_no_id(content: object) -> None:
    token = str(tokens._serializer([NEW]).dumps(content))

    assert tokens.verify(token, [NEW]) is None


def test_it_refuses_a_shortened_or_lengthened_token() -> None:
    token = tokens.sign(ID, [NEW])

    for changed in (
        token[:-1],
        token + "A",
        token + ".",
        f" {token}",
        token.upper(),
        token + "é",
        token + "=",
    ):
        assert tokens.verify(changed, [NEW]) is None


def test_it_fits_into_a_url() -> None:
    token = tokens.sign(ID, [NEW])

    assert token.replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert len(token) < 100
