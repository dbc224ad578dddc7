"""Logs: every line on stderr, from us or a library, says when and for which request or run it was written."""

import logging
import re

import structlog
from gunicorn.glogging import Logger
from structlog.typing import EventDict, WrappedLogger

# gunicorn and others name the address of a request that went wrong: its query, and the token of a link,
# stay out of it.
_SECRETS = re.compile(r"(?<=/d/)[^\s/?'\"]+|(?<=[^\s?]\?)[^\s'\"]+")


def configure() -> None:
    """Let one handler on the root logger write for all. Does nothing where somebody put another one there."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # It warns every second while another scheduler holds the lock, which is how it should be.
    logging.getLogger("rq_scheduler").setLevel(logging.ERROR)


def formatter() -> logging.Formatter:
    """Return what makes a line of `key=value` (logfmt) of a record; a traceback follows on lines of its own.

    `time` is in UTC. To these come the names bound by `structlog.contextvars`: `request_id`, `run`.
    """
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        ],
        processors=[
            _withhold_secrets,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.LogfmtRenderer(key_order=["time", "level", "logger", "event"]),
        ],
        keep_exc_info=True,
        keep_stack_info=True,
    )


class GunicornLogger(Logger):
    """gunicorn's loggers, without handlers and a format of their own."""

    def setup(self, cfg: object) -> None:
        """Set the levels as gunicorn does, and leave writing to the root logger."""
        super().setup(cfg)  # type: ignore[no-untyped-call]
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True


def _withhold_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["event"] = _SECRETS.sub("…", str(event["event"]))
    return event
