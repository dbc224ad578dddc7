"""`portal up`: the whole portal on one machine, with its own Redis and mail catcher where none is given."""

import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from portal.config import Settings
from portal.demo.processes import Service, Supervisor
from portal.demo.services import (
    LOOPBACK,
    kept_port,
    port_is_free,
    redis_answers,
    redis_command,
    smtp_answers,
    wait_until,
    web_answers,
)
from portal.errors import ConfigurationError

PORT_FREE_WITHIN = 2.0  # seconds; a web server that was just killed lets go of it by then
MAIL = "mail"  # the catcher's name among the services
Login = tuple[str, str, str]  # role, email, password


def run(settings: Settings, *, echo: Callable[[str], None], logins: Sequence[Login] = ()) -> int:
    """Run everything until Ctrl-C or SIGTERM. Return 0 when asked to stop, 1 when a part did not start.

    Raises ConfigurationError when PORT is taken, another runs on the data directory, or there is no Redis.
    """
    with _sole_user(settings.data_dir):
        if not wait_until(lambda: port_is_free(settings.bind, settings.port), PORT_FREE_WITHIN):
            raise ConfigurationError(
                f"PORT {settings.port} cannot be used on {settings.bind}; set PORT to a free one"
            )
        services = plan(settings, os.environ)
        return Supervisor(services, echo, announcement(settings, services, logins)).run()


def plan(settings: Settings, environ: Mapping[str, str]) -> list[Service]:
    """Return what to start, in order; each knows by its environment where the others are.

    Raises ConfigurationError when the demo needs a Redis server and this machine has none.
    """
    env = {
        "PYTHONUNBUFFERED": "1",
        "PORTAL_DEMO": str(int(settings.demo)),
        "PORTAL_DATA_DIR": str(settings.data_dir.resolve()),
        "PORT": str(settings.port),
    }
    services = []
    if not settings.redis_url:
        argv, url = redis_command(settings.data_dir)
        env["REDIS_URL"] = url
        services.append(Service("redis", argv, answers=lambda: redis_answers(url)))
    if settings.demo and not environ.get("MAIL_SERVER"):
        services.append(_mail_catcher(settings, env))
    services.append(Service("migrate", _portal("migrate"), env=env, once=True))
    if settings.demo:
        services.append(Service("seed-demo", _portal("seed-demo"), env=env, once=True))
    return [*services, *_parts(settings, env)]


def announcement(settings: Settings, services: Sequence[Service], logins: Sequence[Login]) -> str:
    """Return what a person needs to begin; the inbox too, when our own catcher takes the mail."""
    lines = ["", f"  Export Portal is ready: {settings.public_url}", ""]
    width = max((len(email) for _, email, _ in logins), default=0)
    lines += [f"    {role:<8}  {email:<{width}}  {password}" for role, email, password in logins]
    if any(service.name == MAIL for service in services):
        lines += ["", f"  Inbox: {settings.public_url}/inbox"]
    lines += [f"  Data:  {settings.data_dir.resolve()}", "  Ctrl-C stops everything.", ""]
    return "\n".join(lines)


def _mail_catcher(settings: Settings, env: dict[str, str]) -> Service:
    """The catcher; `env` learns where it listens."""
    port = kept_port(settings.data_dir / "mail-port")
    env |= {
        "MAIL_SERVER": LOOPBACK,
        "MAIL_PORT": str(port),
        "MAIL_SECURITY": "none",
        "MAIL_USERNAME": "",
        "MAIL_PASSWORD": "",
        "PORTAL_MAIL_CATCHER": "1",
    }
    directory = str(settings.mailbox_dir)
    argv = (sys.executable, "-m", "portal.demo.catcher", "--port", str(port), "--directory", directory)
    return Service(MAIL, argv, grace=5, env=env, answers=lambda: smtp_answers(port))


def _parts(settings: Settings, env: Mapping[str, str]) -> list[Service]:
    host = LOOPBACK if settings.bind in ("0.0.0.0", "::") else settings.bind  # noqa: S104 - asked, not bound
    return [
        Service(
            "web",
            _portal("web"),
            env=env,
            answers=lambda: web_answers(host, settings.port),
            # gunicorn's workers would look for their parent only now and then; asked, it ends them at once.
            death_signal=signal.SIGTERM,
        ),
        Service("worker", _portal("worker"), grace=30, env=env, copies=settings.workers),
        Service("scheduler", _portal("scheduler"), grace=5, env=env),
    ]


def _portal(command: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "portal.cli", command)


@contextmanager
def _sole_user(data_dir: Path) -> Iterator[None]:
    """Hold the data directory. The lock goes with the process, also when that is killed (flock(2))."""
    path = data_dir.resolve() / "lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise ConfigurationError(f"PORTAL_DATA_DIR {path.parent} cannot be used: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            raise ConfigurationError(
                f"Process {holder} runs on PORTAL_DATA_DIR {path.parent} already; stop it, or name another"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
