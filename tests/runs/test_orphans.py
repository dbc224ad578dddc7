"""Files that no run knows."""

import os
import time

from flask import Flask

from portal.extensions import db
from portal.organizations.models import Organization
from portal.runs.models import Artifact, ScheduledExportRun
from portal.runs.orphans import remove_orphans
from portal.storage.local import LocalStorage

HOUR = 3600.0


def test_it_removes_old_files_without_a_row_and_no_others(
    app: Flask, acme: Organization, delivered: ScheduledExportRun
) -> None:
    storage: LocalStorage = app.extensions["storage"]
    files_dir = app.config["PORTAL"].files_dir
    artifact = db.session.get_one(Artifact, delivered.artifact.id if delivered.artifact else 0)
    for key in ("acme/old-orphan", "acme/young-orphan"):
        (files_dir / key).write_bytes(b"nobody's")
    long_ago = time.time() - 2 * HOUR
    for key in ("acme/old-orphan", artifact.storage_key):
        os.utime(files_dir / key, (long_ago, long_ago))
    with storage.work_file() as work:
        os.utime(work, (long_ago, long_ago))

        assert list(remove_orphans(storage, HOUR)) == ["acme/old-orphan"]

        assert work.exists(), "half-written files are the sweep's"
    assert (files_dir / artifact.storage_key).exists()
    assert (files_dir / "acme/young-orphan").exists(), "its worker may be about to record it"
