"""A31: what somebody with access to Redis can't make a worker do."""

import json
import os
import pickle
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from portal import queue
from portal.config import Settings
from portal.jobs.worker import PortalWorker


class Trap:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


def payloads(trap: Path) -> dict[str, dict[str, bytes]]:
    command = f"touch {trap}"
    allowed = json.dumps([queue.EXECUTE_RUN, None, ["unknown"], {}]).encode()
    return {
        "os.system": {"data": json.dumps(["os.system", None, [command], {}]).encode()},
        "subprocess": {
            "data": json.dumps(["subprocess.check_call", None, [["touch", str(trap)]], {}]).encode()
        },
        "method of an instance": {"data": json.dumps(["touch", str(trap), [], {}]).encode()},
        "a pickle": {"data": pickle.dumps(Trap(trap))},
        "a pickled job": {"data": pickle.dumps(("os.system", None, (command,), {}))},
        "a callback on success": {"data": allowed, "success_callback_name": b"os.system"},
        "a callback on failure": {
            "data": json.dumps(["nothing", None, [], {}]).encode(),
            "failure_callback_name": b"os.system",
        },
    }


def plant(redis: Redis, fields: dict[str, bytes]) -> None:
    """Put a job into our queue as somebody with access to Redis would."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    common = {"created_at": now, "status": "queued", "origin": queue.QUEUE_NAME}
    redis.hset("rq:job:planted", mapping={**common, **fields})
    redis.sadd("rq:queues", f"rq:queue:{queue.QUEUE_NAME}")
    redis.rpush(f"rq:queue:{queue.QUEUE_NAME}", "planted")


@pytest.mark.parametrize("name", list(payloads(Path("trap"))))
def test_a_worker_runs_nothing_that_is_not_allowed(
    app: Flask, redis: Redis, tmp_path: Path, name: str
) -> None:
    trap = tmp_path / "trap"
    plant(redis, payloads(trap)[name])

    PortalWorker(app, redis).work(burst=True, logging_level="CRITICAL")

    assert redis.llen(f"rq:queue:{queue.QUEUE_NAME}") == 0, "the job was taken"
    assert not trap.exists()


def test_a_job_planted_the_same_way_runs_when_it_is_allowed(
    app: Flask, redis: Redis, settings: Settings
) -> None:
    """The trap above would snap: what keeps it open is the allow-list, not a malformed job."""
    abandoned = settings.files_dir / ".work" / "abandoned"
    abandoned.parent.mkdir(parents=True)
    abandoned.touch()
    os.utime(abandoned, (0, 0))

    plant(redis, {"data": json.dumps([queue.SWEEP_FILES, None, [], {}]).encode()})
    PortalWorker(app, redis).work(burst=True, logging_level="CRITICAL")

    assert not abandoned.exists()


def test_our_own_jobs_are_json(app: Flask, redis: Redis) -> None:
    queue.enqueue_runs(redis, [("run-1", 0)], timeout=60)

    (key,) = redis.scan_iter("rq:job:*")
    assert json.loads(zlib.decompress(redis.hget(key, "data"))) == [queue.EXECUTE_RUN, None, ["run-1"], {}]
