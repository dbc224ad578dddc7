"""Stored files that no run knows: their worker died after it stored them and before it said so."""

from collections.abc import Iterator
from itertools import islice

from sqlalchemy import select

from portal.database import read_only
from portal.extensions import db
from portal.runs.models import Artifact
from portal.storage.base import Storage

BATCH = 500


def remove_orphans(storage: Storage, older_than: float) -> Iterator[str]:
    """Remove stored files without a row that are older than so many seconds; yield their keys.

    A run takes far less time than that from storing its file to recording it. Raises StorageFailed.
    """
    keys = storage.keys(older_than)
    while batch := list(islice(keys, BATCH)):
        with read_only():
            known = set(
                db.session.scalars(select(Artifact.storage_key).where(Artifact.storage_key.in_(batch)))
            )
            db.session.rollback()
        for key in batch:
            if key not in known:
                storage.remove(key)
                yield key
