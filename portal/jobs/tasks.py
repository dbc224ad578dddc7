"""What RQ runs, by name. Each is a few lines: find the parts, call one service function."""

import os
import socket

import structlog
from flask import current_app

from portal.runs import pipeline

WORK_FILES_KEPT = 86_400.0


def execute_run(run_id: str) -> None:
    """Take a run as far as it gets."""
    structlog.contextvars.bind_contextvars(run=run_id)  # until its process ends, for RQ's last line too
    pipeline.execute(
        run_id,
        worker=f"{socket.gethostname()}-{os.getppid()}",
        settings=current_app.config["PORTAL"],
        storage=current_app.extensions["storage"],
    )


def sweep_files() -> None:
    """Remove work files that dead workers left behind."""
    for name in current_app.extensions["storage"].sweep(WORK_FILES_KEPT):
        current_app.logger.info("removed abandoned work file %s", name)
