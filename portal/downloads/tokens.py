"""Signing the ids of download links. Pure: one purpose, one salt, its own keys."""

import hashlib
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
    return public_id if isinstance(public_id, str) else None


def _serializer(keys: Sequence[bytes]) -> URLSafeSerializer:
    # itsdangerous signs with the last key of a list and accepts all
    return URLSafeSerializer(list(reversed(keys)), salt=SALT, signer_kwargs={"digest_method": hashlib.sha256})
