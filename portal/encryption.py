"""Secrets at rest: Fernet under the current key, readable under those it replaced."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, MultiFernet

from portal.config import Settings


def encrypt(text: str, settings: Settings) -> str:
    """Return the text encrypted under the current key."""
    return _fernet(settings).encrypt(text.encode()).decode()


def decrypt(token: str, settings: Settings) -> str:
    """Return the text. Raises `cryptography.fernet.InvalidToken` when no key fits."""
    return _fernet(settings).decrypt(token.encode()).decode()


def _fernet(settings: Settings) -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in settings.keys("encryption")])
