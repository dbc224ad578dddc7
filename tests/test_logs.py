"""Lines of log: one an event, in one form for all loggers, with the request or run they belong to."""

import logging
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog
from flask import Flask

from portal import logs
from portal.cli import Gunicorn
from portal.config import Settings
from portal.jobs import tasks
from tests.conftest import environment

LINE = re.compile(r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z level=\w+ logger=\S+ event=.+")
# The application as a web server has it, with a page that breaks and libraries that have something to say.
SPEAKING = """
import logging

from portal.app import create_app
from portal.cli import Gunicorn


def break_down():
    logging.getLogger("portal.orders").warning("before it breaks")
    raise RuntimeError("broke")


app = create_app()
gunicorn = Gunicorn(app)
gunicorn.cfg.logger_class(gunicorn.cfg)
app.add_url_rule("/breaks", "breaks", break_down)
print(app.test_client().get("/breaks?token=hidden").get_data(as_text=True))
for name in ("gunicorn.error", "rq.worker", "sqlalchemy.pool", "flask-limiter"):
    logging.getLogger(name).warning("something to say")
"""


@pytest.fixture(autouse=True)
def unbound() -> Iterator[None]:
    structlog.contextvars.clear_contextvars()
    yield
    structlog.contextvars.clear_contextvars()


def line_of(message: str, *arguments: object) -> str:
    record = logging.LogRecord("portal.web", logging.WARNING, __file__, 1, message, arguments, None)
    return logs.formatter().format(record)


def test_a_line_has_its_time_level_logger_and_event() -> None:
    line = line_of("run %s waits", "abc")

    assert LINE.fullmatch(line)
    assert line.endswith(' level=warning logger=portal.web event="run abc waits"')


def test_a_line_names_what_is_bound() -> None:
    structlog.contextvars.bind_contextvars(request_id="0123456789ab")

    assert line_of("served").endswith(" event=served request_id=0123456789ab")


def test_an_event_stays_one_line_whatever_is_in_it() -> None:
    line = line_of("%s", 'a name\nlevel=error event="forged"')

    assert line.count("\n") == 0
    assert line.endswith(r'event="a name\nlevel=error event=\"forged\""')


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Error handling request GET /d/WyJhIl0.sig-nature", "Error handling request GET /d/…"),
        ("Error handling request /login?next=/runs&password=x", "Error handling request /login?…"),
        ("Is it up? Then try again.", "Is it up? Then try again."),
    ],
)
def test_a_line_holds_no_token_and_no_query(message: str, shown: str) -> None:
    assert line_of(message).endswith(f'event="{shown}"')


def test_lines_of_all_loggers_look_alike_and_name_the_request(settings: Settings) -> None:
    script = [sys.executable, "-c", SPEAKING]
    done = subprocess.run(script, env=environment(settings), capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    shown = re.search(r"request <code>(\w+)", done.stdout)
    assert shown is not None
    lines = [line for line in done.stderr.splitlines() if line.startswith("time=")]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    loggers = [re.findall(r"logger=(\S+)", line)[0] for line in lines]
    assert loggers[:2] == ["portal.orders", "portal"]
    assert loggers[2:] == ["gunicorn.error", "rq.worker", "sqlalchemy.pool", "flask-limiter"]
    assert all(f"request_id={shown[1]}" in line for line in lines[:2])
    assert "RuntimeError: broke" in done.stderr
    assert "hidden" not in done.stderr


def test_gunicorn_writes_through_the_root_logger(app: Flask) -> None:
    gunicorn = Gunicorn(app)
    gunicorn.cfg.logger_class(gunicorn.cfg)  # type: ignore[union-attr]

    logger = logging.getLogger("gunicorn.error")
    assert (logger.handlers, logger.propagate) == ([], True)


def test_lines_of_a_job_name_its_run(app: Flask) -> None:
    tasks.execute_run("no-such-run")

    assert line_of("what a library says").endswith(" run=no-such-run")
