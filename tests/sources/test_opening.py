"""Opening a source takes no longer than its time, whatever a server says or keeps to itself."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from flask.testing import FlaskClient

from portal.errors import SourceUnavailable
from portal.hosts import EVERYWHERE, AllowedHosts
from portal.organizations.models import User
from portal.sources import connection
from portal.sources.connection import Source, connect
from portal.sources.opening import Opening
from portal.sources.url import parse_url
from tests.conftest import sign_in
from tests.schedules.pages import text_of

LIMIT = 2  # libpq's least
LATE = f"The data source did not answer within {LIMIT} s."

# What a PostgreSQL server says to whoever it lets in: AuthenticationOk, ReadyForQuery
# (https://www.postgresql.org/docs/current/protocol-message-formats.html).
WELCOME = b"R\0\0\0\x08\0\0\0\0" + b"Z\0\0\0\x05I"

Talk = Callable[[socket.socket], None]


@pytest.fixture(autouse=True)
def short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", LIMIT)


@pytest.fixture
def start() -> Iterator[Callable[[Talk], int]]:
    """Start servers on loopback that talk as told to each who connects; returns the port."""
    listening: list[socket.socket] = []

    def serve(server: socket.socket, talk: Talk) -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                client, _ = server.accept()
                threading.Thread(target=talk_to, args=(client, talk), daemon=True).start()

    def started(talk: Talk) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        listening.append(server)
        threading.Thread(target=serve, args=(server, talk), daemon=True).start()
        port: int = server.getsockname()[1]
        return port

    yield started
    for server in listening:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()


def talk_to(client: socket.socket, talk: Talk) -> None:
    with client, suppress(OSError):
        talk(client)
        while client.recv(65536):  # until it hangs up
            pass


def silent(_client: socket.socket) -> None:
    """Say nothing."""


def dripping(client: socket.socket) -> None:
    """Say the beginning of something long, a byte at a time, well within any limit on a single wait."""
    client.sendall(b"\xff\xff\x00\x00\x0a")
    gone = threading.Event()
    while not gone.wait(0.1):
        client.sendall(b"x")


def frozen_postgresql(client: socket.socket) -> None:
    """Let whoever connects in, and say nothing to its first statement."""
    client.recv(65536)
    client.sendall(WELCOME)


def a_source(backend: str, port: int) -> Source:
    url = parse_url(f"{backend}://reader:hunter2@127.0.0.1:{port}/cases?sslmode=disable")
    return Source(url, EVERYWHERE)


@pytest.mark.parametrize(
    ("backend", "talk"),
    [
        ("postgresql", silent),
        ("mysql", silent),
        ("mysql", dripping),
        ("postgresql", frozen_postgresql),
    ],
)
def test_it_waits_for_no_server_longer_than_its_time(
    start: Callable[[Talk], int], backend: str, talk: Talk
) -> None:
    source = a_source(backend, start(talk))

    with pytest.raises(SourceUnavailable) as late, connect(source, timeout=600):
        pass

    assert str(late.value) == LATE
    assert late.value.retryable


@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_neither_does_it_while_encryption_is_agreed_on(start: Callable[[Talk], int], mode: str) -> None:
    source = a_source("postgresql", start(silent))
    source = Source(source.url.update_query_dict({"sslmode": mode}), EVERYWHERE)

    with pytest.raises(SourceUnavailable, match="did not answer within"), connect(source, timeout=600):
        pass


@pytest.mark.parametrize("backend", ["postgresql", "mysql"])
def test_the_page_says_so(
    client: FlaskClient,
    admin: User,
    start: Callable[[Talk], int],
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
) -> None:
    monkeypatch.setattr(AllowedHosts, "has_address", lambda _self, _address: True)
    sign_in(client, admin)
    typed = {"name": "T", "kind": backend, "host": "127.0.0.1", "port": str(start(silent)), "user": "reader"}
    typed |= {"database": "cases", "password": "hunter2", "encryption": "disable", "test": "1"}

    response = client.post("/sources/new", data=typed)

    assert response.status_code == 200
    assert LATE in text_of(response)


def test_several_addresses_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses that nothing answers at: each but the last would take all of it otherwise."""
    waits: list[float] = []

    def refused(_place: object, wait: float) -> socket.socket:
        waits.append(wait)
        raise TimeoutError("timed out")

    monkeypatch.setattr("portal.sources.mysql.addresses_of", lambda *_: ("192.0.2.1", "192.0.2.2"))
    monkeypatch.setattr(socket, "create_connection", refused)

    with pytest.raises(SourceUnavailable, match="can't connect"), connect(a_source("mysql", 1), timeout=600):
        pass

    assert waits == [LIMIT / 2, LIMIT / 2]


def test_an_opening_that_is_over_ends_nobodys_connection() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        opening = Opening(60)
        with opening.limited():
            opening.connected(ours.fileno())
        opening._expire()  # a timer that fired at the very end
        ours.sendall(b"still there")

        assert theirs.recv(100) == b"still there"
