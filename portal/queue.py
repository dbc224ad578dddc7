"""Redis: what carries run ids to the workers. Nothing in it is needed to know what must happen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redis import Redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.exceptions import InvalidJobOperation
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import import_attribute

from portal.config import Settings

QUEUE_NAME = "exports"
EXECUTE_RUN = "portal.jobs.tasks.execute_run"
SWEEP_FILES = "portal.jobs.tasks.sweep_files"
SEND_ALERTS = "portal.jobs.tasks.send_alerts"
# A second to connect, another to answer, and no second try: redis-py would try for a minute and more.
BRIEFLY: Mapping[str, Any] = {
    "socket_connect_timeout": 1.0,
    "socket_timeout": 1.0,
    "retry": Retry(NoBackoff(), 0),
}
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between tries of a process that waits for Redis
HEARTBEAT_KEY = "portal:scheduler:heartbeat"  # the instant of the scheduler's last tick, ISO 8601
ALLOWED = frozenset({EXECUTE_RUN, SWEEP_FILES, SEND_ALERTS})


class PortalJob(Job):
    """A job whose payload is JSON and that runs nothing but the functions of `ALLOWED`.

    Whoever can write to Redis could otherwise run any function of any module in a worker: by the job's own
    name, by a callback's, or, with RQ's default serializer, by unpickling.
    """

    def __init__(self, id: str | None = None, connection: Redis | None = None, **_: Any) -> None:  # noqa: A002
        super().__init__(id=id, connection=connection, serializer=JSONSerializer)

    @property
    def func(self) -> Callable[..., Any]:
        """The function to run. Raises InvalidJobOperation unless it is allowed."""
        if self.func_name not in ALLOWED or self.instance is not None:
            raise InvalidJobOperation(f"job {self.id} names a function that workers don't run")
        function: Callable[..., Any] = import_attribute(self.func_name)
        return function

    def to_dict(self, include_meta: bool = True, include_result: bool = True) -> dict[str, Any]:
        """Return what Redis keeps of the job. Empty fields are left out: RQ reads them as missing ones, and
        a third of what the dispatcher sends would be they."""
        kept = super().to_dict(include_meta, include_result)
        return {name: value for name, value in kept.items() if value != ""}

    @property
    def success_callback(self) -> None:
        """Never one: a callback is a function named in Redis."""

    @property
    def failure_callback(self) -> None:
        """Never one: a callback is a function named in Redis."""

    @property
    def stopped_callback(self) -> None:
        """Never one: a callback is a function named in Redis."""

    def send_webhooks(self, *_args: Any, **_kwargs: Any) -> None:
        """Never any: a webhook is an address named in Redis."""


class RunQueue(Queue):
    job_class = PortalJob


def connect(settings: Settings) -> Redis:
    """Return a connection that rides out a short break; for processes with nobody waiting for them.

    Each try to connect or to read ends after 5 s; RQ's worker lengthens reading to what its blocking takes.
    """
    return Redis.from_url(
        settings.redis_url,
        socket_connect_timeout=5,
        socket_timeout=5,
        retry=Retry(ExponentialBackoff(cap=1, base=0.1), retries=3),
        health_check_interval=30,
    )


def connect_briefly(settings: Settings) -> Redis:
    """Return a connection that gives up soon, for what a person waits for."""
    return Redis.from_url(settings.redis_url, **BRIEFLY)


def run_queue(connection: Redis) -> RunQueue:
    return RunQueue(QUEUE_NAME, connection=connection, job_class=PortalJob, serializer=JSONSerializer)


def job_id(run_id: str, attempt: int) -> str:
    """Return the id of the job that makes a run's next attempt."""
    return f"{run_id}_{attempt}"


def enqueue_runs(connection: Redis, runs: Sequence[tuple[str, int]], *, timeout: int) -> None:
    """Enqueue runs, each a public id and its attempt so far. Call it only after their rows are committed.

    One that was begun already goes before all others: it was due before them, and may be half delivered.
    """
    if not runs:
        return
    queue = run_queue(connection)
    queue.enqueue_many(
        queue.prepare_data(
            EXECUTE_RUN,
            args=(run_id,),
            job_id=job_id(run_id, attempt),
            timeout=timeout,
            result_ttl=0,
            failure_ttl=86_400,
            description=f"run {run_id}",
            at_front=attempt > 0,
        )
        for run_id, attempt in runs
    )


def enqueue_once(connection: Redis, function: str, *, timeout: int) -> bool:
    """Enqueue a job without arguments before all others, unless one of it waits already; say whether it did.

    Its id is the function's bare name. RQ's own `unique` asks for the job's hash instead: one that a worker
    left behind when it died would keep the job out for ever.
    """
    queue, once = run_queue(connection), function.rpartition(".")[2]
    if queue.get_job_position(once) is not None:
        return False
    queue.enqueue_call(
        function, job_id=once, timeout=timeout, result_ttl=0, failure_ttl=86_400, at_front=True
    )
    return True


def waiting_jobs(connection: Redis) -> frozenset[str]:
    """Return the ids of the jobs that stand in the queue.

    A job that a worker took and did not turn into a claim is lost, whatever RQ's registries say of it; the
    claim decides, so one enqueued twice does no harm.
    """
    return frozenset(run_queue(connection).job_ids)
