"""Signing the ids of download links. Pure: one purpose, one salt, its own keys."""

import hashlib
import hmac
from collections.abc import Sequence

from itsdangerous import BadSignature, URLSafeSerializer

SALT = "download-link"


def sign(public_id: str, keys: Sequence[bytes]) -> str:
    """Return the token for a link's id under the current (first) key."""
    return str(_serializer(keys).dumps(public_id))


def verify(token: str, keys: Sequence[bytes]) -> str | None:
    """Return the id in a token signed under any of the keys, else None."""
    try:
        public_id = _serializer(keys).loads(token)
    except BadSignature:
        return None
    if not isinstance(public_id, str):
        return None
    # Base64 has bits and characters that decode to nothing, so several spellings carry one signature.
    spellings = (sign(public_id, [key]).encode() for key in keys)
    return public_id if any(hmac.compare_digest(token.encode(), known) for known in spellings) else None


def _serializer(keys: Sequence[bytes]) -> URLSafeSerializer:
    # itsdangerous signs with the last key of a list and accepts all
    return URLSafeSerializer(list(reversed(keys)), salt=SALT, signer_kwargs={"digest_method": hashlib.sha256})
