"""What visitors get while Redis is gone, or takes connections and answers nothing: pages and limits."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.app import create_app
from portal.config import Settings
from portal.extensions import limiter
from portal.organizations.models import User
from portal.queue import connect_briefly
from portal.runs.handover import hand_over
from tests.conftest import Browser, settings_below


class MuteRedis:
    """Takes connections and says nothing; `calls` counts them."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._held: list[socket.socket] = []
        self.url = f"redis://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def calls(self) -> int:
        return len(self._held)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self._held:
            connection.close()

    def _listen(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                self._held.append(self._server.accept()[0])


@pytest.fixture
def mute() -> Iterator[MuteRedis]:
    server = MuteRedis()
    yield server
    server.close()


def client_over(redis_url: str, settings: Settings) -> FlaskClient:
    made = create_app(settings_below(settings.data_dir, redis_url))
    made.config["WTF_CSRF_ENABLED"] = False
    made.test_client_class = Browser
    return made.test_client()


@pytest.fixture
def without_redis(app: Flask, settings: Settings) -> FlaskClient:
    return client_over("redis://127.0.0.1:1", settings)


def test_a_run_by_hand_asks_a_mute_redis_once(mute: MuteRedis, settings: Settings) -> None:
    over_mute = settings.model_copy(update={"redis_url": mute.url})

    assert not hand_over([("a-run", 0)], over_mute)
    assert mute.calls == 1


def test_the_count_of_requests_asks_a_mute_redis_once(mute: MuteRedis, settings: Settings) -> None:
    client_over(mute.url, settings)

    assert not limiter.storage.check()
    assert mute.calls == 1


@pytest.mark.parametrize("scheme", ["redis", "unix"])
def test_a_brief_connection_waits_a_second(settings: Settings, scheme: str) -> None:
    """Seen as settings of the socket: tests here measure no time."""
    somewhere = settings.model_copy(update={"redis_url": f"{scheme}://127.0.0.1/1"})
    with connect_briefly(somewhere) as redis:
        made = redis.connection_pool.make_connection()

    assert (made.socket_connect_timeout, made.socket_timeout) == (1.0, 1.0)


def test_pages_are_not_counted_while_redis_is_away(without_redis: FlaskClient) -> None:
    assert {without_redis.get("/login").status_code for _ in range(45)} == {200}


def test_brute_force_meets_its_wait_while_redis_is_away(without_redis: FlaskClient, manager: User) -> None:
    statuses = [
        without_redis.post("/login", data={"email": manager.email, "password": f"guess {number}"}).status_code
        for number in range(6)
    ]

    assert statuses == [200] * 5 + [429]
