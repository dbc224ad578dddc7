"""Results that may not be worth a file: no rows, and the same rows as last time. On both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from portal.alerts.models import Alert, Cause
from portal.delivery.models import Delivery, DeliveryStatus
from portal.downloads.models import DownloadLink
from portal.exporters.options import Packing
from portal.extensions import db
from portal.runs import finish, service
from portal.runs.models import Artifact, RunStatus, ScheduledExportRun, Trigger
from portal.schedules.models import Channel, Empty, ExportFormat, ScheduledExport, Unchanged
from tests import factories
from tests.conftest import SmtpServer
from tests.runs.items import Items, lines
from tests.runs.pages import run_of

SAME_AS_FIRST = "The rows are the same as those of the run of 4 March 2025, 13:00."


@pytest.fixture
def mailed(items: Items, smtp: SmtpServer) -> SmtpServer:
    """The mail server, which the application knows."""
    items.app.config["PORTAL"] = items.settings.model_copy(update={"mail_port": smtp.port})
    return smtp


def artifacts() -> list[Artifact]:
    return list(db.session.scalars(select(Artifact)))


def ledger(run: ScheduledExportRun) -> dict[str, DeliveryStatus]:
    db.session.expire_all()
    return {
        row.target: row.status
        for row in db.session.scalars(select(Delivery).where(Delivery.run_id == run.id))
    }


class TestNoRows:
    def test_it_sends_a_file_without_rows_unless_told_otherwise(self, items: Items) -> None:
        items.fill(0)

        run = items.run(items.schedule())

        assert (run.status, run.row_count) == (RunStatus.SUCCESS, 0)
        (written,) = items.files()
        assert written.read_text("utf-8-sig") == "Number,Amount,Note\n"

    def test_it_skips_the_run_and_makes_no_file(self, items: Items) -> None:
        items.fill(0)
        schedule = items.schedule(empty=Empty.SKIP)

        run = items.run(schedule)

        assert (run.status, run.reason, run.row_count) == (RunStatus.SKIPPED, "There were no rows.", 0)
        assert [attempt.outcome for attempt in run.attempts] == ["SKIPPED"]
        assert lines(run)[-1] == "There were no rows."
        assert (items.files(), artifacts(), ledger(run)) == ([], [], {})
        assert list((items.settings.files_dir / ".work").iterdir()) == []
        db.session.refresh(schedule)
        assert (schedule.last_run_at, schedule.last_status) == (run.due_at, "SKIPPED")
        assert items.execute(run) is None, "a skipped run is over"

        items.fill(1)
        assert items.run(schedule).status is RunStatus.SUCCESS

    def test_it_skips_a_run_by_hand_too(self, items: Items) -> None:
        items.fill(0)

        assert items.run(items.schedule(empty=Empty.SKIP), Trigger.MANUAL).status is RunStatus.SKIPPED

    def test_a_run_that_had_nothing_to_send_ends_what_went_wrong_before(self, items: Items) -> None:
        schedule = items.schedule(empty=Empty.SKIP)
        items.sql("ALTER TABLE items RENAME TO elsewhere")
        assert items.run(schedule).status is RunStatus.FAILED
        items.sql("ALTER TABLE elsewhere RENAME TO items", "DELETE FROM items")

        items.run(schedule)

        alert = db.session.scalars(select(Alert)).one()
        assert (alert.cause, alert.is_open) == (Cause.RUN_FAILED, False)

    def test_it_tells_each_recipient_without_attachment_or_link(
        self, items: Items, mailed: SmtpServer
    ) -> None:
        items.fill(0)
        people = ("ann@example.org", "bob@example.org")

        run = items.run(items.schedule(empty=Empty.TELL, recipients=people))

        assert (run.status, run.row_count) == (RunStatus.SUCCESS, 0)
        assert ledger(run) == dict.fromkeys(people, DeliveryStatus.SENT)
        assert (artifacts(), db.session.scalars(select(DownloadLink)).all()) == ([], [])
        messages = mailed.messages()
        assert [message["X-Envelope-To"] for message in messages] == list(people)
        for message in messages:
            assert list(message.iter_attachments()) == []
            for kind in ("plain", "html"):
                body = message.get_body((kind,))
                assert body is not None
                text = body.get_content()
                assert "There were no rows this time, so there is no file." in text
                assert "Download" not in text
                assert "/d/" not in text

    def test_it_sends_the_file_where_there_are_rows(self, items: Items, mailed: SmtpServer) -> None:
        run = items.run(items.schedule(empty=Empty.TELL, recipients=("ann@example.org",)))

        assert run.status is RunStatus.SUCCESS
        (message,) = mailed.messages()
        assert len(list(message.iter_attachments())) == 1

    def test_it_tells_of_no_rows_on_a_later_attempt_whatever_there_is_by_then(
        self, items: Items, mailed: SmtpServer
    ) -> None:
        """The worker died between deciding and sending."""
        items.fill(0)
        run = items.run(items.schedule(empty=Empty.TELL, recipients=("ann@example.org", "bob@example.org")))
        first = db.session.scalars(select(Delivery).order_by(Delivery.id)).all()[0]
        first.status = DeliveryStatus.PENDING
        run.status, run.completed_at = RunStatus.QUEUED, None
        db.session.commit()
        items.fill(5)

        assert items.execute(run) is RunStatus.SUCCESS

        assert run.row_count == 0
        assert artifacts() == []
        to_ann = [message for message in mailed.messages() if message["X-Envelope-To"] == "ann@example.org"]
        assert len(to_ann) == 2
        assert len({message["Message-ID"] for message in to_ann}) == 1

    def test_those_who_were_not_told_can_be_told_again(self, items: Items, mailed: SmtpServer) -> None:
        items.fill(0)
        people = ("ann@example.org", "refused@example.org")
        run = items.run(items.schedule(empty=Empty.TELL, recipients=people))
        assert (run.status, run.reason) == (RunStatus.PARTIAL, "1 of 2 recipients did not get the mail.")

        count = service.resend_failed(items.owner, run, settings=items.settings, now=factories.NOW)
        db.session.commit()

        assert count == 1
        assert items.execute(run) is RunStatus.PARTIAL
        assert [message["X-Envelope-To"] for message in mailed.messages()] == ["ann@example.org"]


class TestTheSameRows:
    def schedule(self, items: Items, **changes: object) -> ScheduledExport:
        return items.schedule(unchanged=Unchanged.SKIP, **changes)

    def test_it_sends_them_again_unless_told_otherwise(self, items: Items) -> None:
        schedule = items.schedule()

        runs = [items.run(schedule), items.run(schedule)]

        assert [run.status for run in runs] == [RunStatus.SUCCESS] * 2
        assert [run.content_hash for run in runs] == [None] * 2, "nobody wants to compare them"

    def test_it_skips_until_a_value_changes(self, items: Items) -> None:
        schedule = self.schedule(items)

        first, second, third = (items.run(schedule) for _ in range(3))
        items.sql("UPDATE items SET note = 'y' WHERE id = 2")
        fourth = items.run(schedule)
        fifth = items.run(schedule)

        assert first.status is fourth.status is RunStatus.SUCCESS
        for run in (second, third):
            assert (run.status, run.reason, run.row_count) == (RunStatus.SKIPPED, SAME_AS_FIRST, 3)
        assert fifth.reason == SAME_AS_FIRST.replace("4 March", "7 March")
        assert len(items.files()) == len(artifacts()) == 2
        assert list((items.settings.files_dir / ".work").iterdir()) == []
        assert first.content_hash == second.content_hash != fourth.content_hash

    def test_it_compares_rows_and_not_files(self, items: Items) -> None:
        schedule = self.schedule(items)
        items.run(schedule)
        for form, packing in [(ExportFormat.XLSX, Packing.NONE), (ExportFormat.JSON, Packing.GZIP)]:
            items.save(schedule, unchanged=Unchanged.SKIP, format=form, packing=packing)
            assert items.run(schedule).status is RunStatus.SKIPPED

    def test_another_choice_of_columns_is_a_change(self, items: Items) -> None:
        schedule = self.schedule(items)
        items.run(schedule)
        for columns in (("id", "note"), ("note", "id")):
            items.save(schedule, unchanged=Unchanged.SKIP, columns=columns)
            assert items.run(schedule).status is RunStatus.SUCCESS

    def test_a_run_by_hand_is_always_sent_and_counts_for_the_next(self, items: Items) -> None:
        schedule = self.schedule(items)
        items.run(schedule)

        by_hand = items.run(schedule, Trigger.MANUAL)
        after = items.run(schedule)

        assert by_hand.status is RunStatus.SUCCESS
        assert after.reason == SAME_AS_FIRST.replace("4 March", "5 March")

    def test_somebody_who_never_got_them_gets_them(self, items: Items, mailed: SmtpServer) -> None:
        schedule = self.schedule(items, recipients=("ann@example.org",))
        items.run(schedule)
        mail = {"channel": Channel.EMAIL, "location": "", "unchanged": Unchanged.SKIP}
        items.save(schedule, **mail, recipients=("ann@example.org", "bob@example.org"))

        assert items.run(schedule).status is RunStatus.SUCCESS

        items.save(schedule, **mail, recipients=("bob@example.org",))
        assert items.run(schedule).status is RunStatus.SKIPPED

    def test_it_compares_with_the_last_run_that_delivered(self, items: Items) -> None:
        schedule = self.schedule(items)
        delivered = items.run(schedule)
        for status in (RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.SKIPPED):
            run_of(schedule, status, content_hash="0" * 64)
        run_of(items.schedule(name="Other"), RunStatus.SUCCESS, content_hash="0" * 64)

        assert items.run(schedule).status is RunStatus.SKIPPED

        delivered.status, delivered.reason = RunStatus.PARTIAL, "1 of 2 recipients did not get the file."
        db.session.commit()
        assert items.run(schedule).status is RunStatus.SKIPPED

    def test_it_sends_where_the_last_run_kept_no_hash(self, items: Items) -> None:
        schedule = items.schedule()
        items.run(schedule)
        items.save(schedule, unchanged=Unchanged.SKIP)

        assert [items.run(schedule).status for _ in range(2)] == [RunStatus.SUCCESS, RunStatus.SKIPPED]

    def test_it_tells_of_no_rows_once_where_the_same_is_not_sent_again(
        self, items: Items, mailed: SmtpServer
    ) -> None:
        items.fill(0)
        schedule = self.schedule(items, empty=Empty.TELL, recipients=("ann@example.org",))

        statuses = [items.run(schedule).status for _ in range(3)]

        assert statuses == [RunStatus.SUCCESS, RunStatus.SKIPPED, RunStatus.SKIPPED]
        assert len(mailed.messages()) == 1

    def test_it_reads_a_snapshot_of_an_earlier_release(self, items: Items) -> None:
        items.fill(0)
        schedule = items.schedule(empty=Empty.SKIP, unchanged=Unchanged.SKIP)
        run = run_of(schedule, RunStatus.QUEUED, started_at=None)
        later = {"empty", "unchanged", "drift", "revision"}
        run.snapshot = {name: value for name, value in run.snapshot.items() if name not in later}
        db.session.commit()

        assert items.execute(run) is RunStatus.SUCCESS

    def test_a_worker_that_died_before_it_was_over_decides_anew(
        self, items: Items, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing was sent: only what is recorded counts."""
        schedule = self.schedule(items)
        items.run(schedule)

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(finish, "close", die)
            run = run_of(
                schedule,
                RunStatus.QUEUED,
                trigger=Trigger.SCHEDULE,
                started_at=None,
                due_at=datetime.now(UTC),
            )
            with pytest.raises(KeyboardInterrupt):
                items.execute(run)
        db.session.refresh(run)
        assert (run.status, run.row_count) == (RunStatus.RUNNING, None)

        run.lease_expires_at = datetime.now(UTC) - timedelta(minutes=1)
        db.session.commit()
        assert items.execute(run) is RunStatus.SKIPPED
        assert run.reason == SAME_AS_FIRST
