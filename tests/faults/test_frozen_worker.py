"""F6: a worker is frozen past its lease, another one finishes, and then it wakes up."""

import pytest

from portal.delivery.models import DeliveryStatus
from portal.runs.models import RunStatus
from tests.faults.portal import Portal
from tests.faults.process import Fault

pytestmark = pytest.mark.faults

TWO = ("ann@example.org", "bob@example.org")


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    return postgresql_url


@pytest.mark.parametrize(
    "frozen_at",
    [
        Fault("portal.datasets.query:_convert", do="stop"),
        Fault("portal.runs.pipeline:note", nth=2, do="stop"),
        Fault("portal.storage.local:LocalStorage.store", when="after", do="stop"),
        Fault("portal.delivery.email:compose", nth=2, do="stop"),
        Fault("portal.mail:_accepted", nth=2, do="stop"),
    ],
    ids=["reading", "within a transaction", "having stored", "about to connect", "about to send"],
)
def test_a_worker_that_wakes_up_records_nothing_and_starts_no_send(portal: Portal, frozen_at: Fault) -> None:
    portal.schedule(recipients=TWO)
    portal.start("scheduler")
    frozen = portal.start("worker", frozen_at)
    frozen.await_fault()
    portal.start("worker")
    (finished,) = portal.await_end()
    sent = portal.mail_by_recipient()
    frozen.thaw()
    frozen.await_end_of_child()

    run = portal.run()
    assert run.status is RunStatus.SUCCESS
    assert portal.attempts() == [(1, "worker lost"), (2, "SUCCESS")]
    assert [event.message for event in run.events] == [event.message for event in finished.events]
    assert portal.mail_by_recipient() == sent == dict.fromkeys(TWO, 1)
    assert {delivery.status for delivery in portal.deliveries()} == {DeliveryStatus.SENT}
    assert len(portal.stored_files()) == 1
    assert portal.work_files() == []
    assert not frozen.has_ended()
