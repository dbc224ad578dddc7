"""What a data source's URL may say: which database, where, as whom, how encrypted, and nothing else."""

import re
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from portal.errors import InvalidInput

DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
PORTS = {"postgresql": 5432, "mysql": 3306}
ENCRYPTIONS = {
    "verify-full": "Encrypted, the server's certificate is verified",
    "require": "Encrypted, whoever answers",
    "prefer": "Encrypted where the server can",
    "disable": "Not encrypted",
}
"""By libpq's names (https://www.postgresql.org/docs/current/libpq-ssl.html), which we use for all servers."""

# Among the other options of the drivers are those that read files, load libraries or undo what we set.
_OPTIONS = {"sqlite": frozenset(), "postgresql": frozenset({"host", "port", "sslmode"})}
_OPTIONS["mysql"] = frozenset({"sslmode"})


_HOST = re.compile(r"/[\w./ -]*|[\w.-]+|[0-9A-Fa-f:.]+(%\w+)?")


def parse_url(text: str) -> URL:
    """Return the URL with the driver we use.

    Raises InvalidInput for another database or driver, and for an option that a source can't have.
    """
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):  # ValueError: the port is no number
        raise InvalidInput("That is not a database URL such as sqlite:///file.db.", "url") from None
    if backend not in DRIVERS or url.drivername not in {backend, DRIVERS.get(backend)}:
        raise InvalidInput(f"Sources can be {', '.join(DRIVERS)}; not {url.drivername}.", "url")
    for option, value in url.query.items():
        if option not in _OPTIONS[backend] or not isinstance(value, str):
            raise InvalidInput(f"A source's URL can't have the option “{option}”.", "url")
        if option == "sslmode" and value not in ENCRYPTIONS:
            raise InvalidInput(f"sslmode is one of {', '.join(ENCRYPTIONS)}.", "url")
    return url.set(drivername=DRIVERS[backend])


def server_url(
    kind: str, host: str, port: int | None, database: str, user: str, password: str, encryption: str
) -> str:
    """Return the URL of a database on a server; a host that begins with `/` is the folder of a unix socket.

    Raises InvalidInput, on the field in question, for what no URL can say.
    """
    if not _HOST.fullmatch(host):
        raise InvalidInput("That is no host such as db.example.org or 192.0.2.7.", "host")
    socket = {"host": host} if host.startswith("/") else {}
    return URL.create(
        kind,
        username=user,
        password=password or None,
        host=None if socket else host,
        port=port,
        database=database,
        query={**socket, "sslmode": encryption},
    ).render_as_string(hide_password=False)


def checked_url(text: str, *, sources_dir: Path, portal_database: str) -> URL:
    """Return the URL of an organization's source.

    SQLite files must lie beneath `sources_dir` once links are resolved; the portal's own database is
    refused. A server needs a host and a user, lest the driver take those of this machine. Raises
    InvalidInput.
    """
    url = parse_url(text)
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "").resolve()
        if not path.is_relative_to(sources_dir.resolve()):
            raise InvalidInput(
                "SQLite files must lie in the organization's part of PORTAL_SOURCES_DIR.", "url"
            )
        url = url.set(database=str(path))
    else:
        host, _ = host_and_port(url)
        if not host or not url.username or not url.database:
            raise InvalidInput("A source on a server needs host, database and user.", "url")
        if "," in host:
            raise InvalidInput("A source has one host.", "url")
    if _place(url) == _place(make_url(portal_database)):
        raise InvalidInput("The portal's own database can't be a source.", "url")
    return url


def host_and_port(url: URL) -> tuple[str, int]:
    """Return where the server of a URL is; the host is a folder where it listens on a unix socket.

    Raises InvalidInput for a port that is none.
    """
    # libpq also takes both from the query: the folder of a unix socket can't be written as a host.
    host, port = url.query.get("host", url.host), url.query.get("port", url.port)
    try:
        number = int(str(port or PORTS[url.get_backend_name()]))
    except ValueError:
        raise InvalidInput(f"“{port}” is no port.", "url") from None
    return str(host or ""), number


def _place(url: URL) -> tuple[object, ...]:
    """Return where a database is, as far as its URL tells."""
    if url.get_backend_name() == "sqlite":
        return (Path(url.database or "").resolve(),)
    host, port = host_and_port(url)
    return (host or "localhost", port, url.database)
