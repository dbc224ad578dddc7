"""What RQ runs, by name. Each is a few lines: find the parts, call one service function."""

import os
import signal
import socket
from functools import partial

import structlog
from flask import current_app

from portal.alerts import telling
from portal.clock import utcnow
from portal.runs import handover, pipeline, recovery
from portal.runs.orphans import remove_orphans

ABANDONED_AFTER = 86_400.0  # seconds


def execute_run(run_id: str) -> None:
    """Take a run as far as it gets."""
    structlog.contextvars.bind_contextvars(run=run_id)  # until its process ends, for RQ's last line too
    settings = current_app.config["PORTAL"]
    status = pipeline.execute(
        run_id,
        worker=f"{socket.gethostname()}-{os.getppid()}",
        settings=settings,
        storage=current_app.extensions["storage"],
        end_process=partial(os.kill, os.getpid(), signal.SIGKILL),
    )
    if status is not None:
        handover.hand_over(recovery.ready_after(run_id), settings)


def send_alerts() -> None:
    """Tell owners and admins of alerts by mail."""
    telling.tell(current_app.config["PORTAL"], utcnow())


def sweep_files() -> None:
    """Remove files that dead workers left behind: half written, or stored and never recorded."""
    storage = current_app.extensions["storage"]
    for name in storage.sweep(ABANDONED_AFTER):
        current_app.logger.info("removed abandoned work file %s", name)
    for key in remove_orphans(storage, ABANDONED_AFTER):
        current_app.logger.info("removed stored file %s, which no run knows", key)
