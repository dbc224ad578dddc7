"""Handing a run to the workers, and what happens while Redis is away."""

from redis import Redis

from portal import queue
from portal.config import Settings
from portal.runs.handover import hand_over, in_words


def test_it_enqueues_the_runs_next_attempt(settings: Settings, redis: Redis) -> None:
    assert hand_over([("a-run", 2)], settings)

    assert queue.run_queue(redis).get_job_ids() == ["a-run_2"]


def test_it_makes_one_job_of_two(settings: Settings, redis: Redis) -> None:
    hand_over([("a-run", 0)], settings)
    hand_over([("a-run", 0)], settings)

    assert queue.waiting_jobs(redis) == {"a-run_0"}


def test_it_leaves_the_run_to_the_sweep_while_redis_is_away(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})

    assert not hand_over([("a-run", 0)], away)
    assert "within two minutes" in in_words(handed_over=False)
