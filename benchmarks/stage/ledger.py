"""Whether the promises held (P1, P2, P6, P8, P9, P10 of the product's list), and the account of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median, quantiles

from portal.delivery.models import Delivery, DeliveryStatus
from portal.runs.models import UNFINISHED, RunStatus, ScheduledExportRun

from .books import Books, Mail
from .fleet import Fault

RESCUED_WITHIN = timedelta(minutes=2)
TWICE = "Possibly sent twice"
SHOWN = 12  # broken promises in the ledger; all of them are in the history


@dataclass(frozen=True)
class Broken:
    """A promise that did not hold, and the run, by its public id, of which there may be none."""

    promise: str
    what: str
    run_id: str | None = None

    def __str__(self) -> str:
        return f"{self.promise}  {self.what}" + (f", run {self.run_id}" if self.run_id else "")


@dataclass(frozen=True)
class Rescue:
    """A run whose worker was killed: how long until another had it, and how long was allowed."""

    run_id: str
    after: timedelta
    allowed: timedelta


@dataclass(frozen=True)
class Ledger:
    """`due` holds each schedule's only occurrence by the schedule's key."""

    books: Books
    due: Mapping[int, datetime]
    faults: Sequence[Fault]

    def broken(self) -> list[Broken]:
        return [
            *self._occurrences(),
            *self._ends(),
            *self._rescues(),
            *self._files(),
            *self._mail(),
            *self._strange_mail(),
            *(Broken("P10", f"{where} does not verify") for where in self.books.bad_chains),
        ]

    def _occurrences(self) -> Iterator[Broken]:
        made = Counter((run.schedule_id, run.due_at) for run in self.books.runs)
        for occurrence in self.due.items():
            if not made[occurrence]:
                yield Broken("P1", f"schedule {occurrence[0]} has no run for {occurrence[1]:%H:%M}")
        for run in self.books.runs:
            if made[run.schedule_id, run.due_at] > 1:
                yield Broken("P1", "its occurrence has several", run.public_id)
            if run.schedule_id is None or self.due.get(run.schedule_id) != run.due_at:
                yield Broken("P1", f"nothing was due at {run.due_at:%H:%M:%S}", run.public_id)

    def _ends(self) -> Iterator[Broken]:
        for run in self.books.runs:
            if run.status in UNFINISHED:
                yield Broken("P2", f"still {run.status.value}", run.public_id)
            elif run.status is not RunStatus.SUCCESS and not run.reason:
                yield Broken("P2", f"{run.status.value} without a reason", run.public_id)
            if run.status not in UNFINISHED and self.books.closings.get(run.public_id) != 1:
                times = self.books.closings.get(run.public_id, 0)
                yield Broken("P10", f"the trail ends it {times} times", run.public_id)

    def rescues(self) -> Iterator[Rescue]:
        """Find, for each attempt that a kill ended, when the next one began."""
        killed = {fault.pid: fault.at for fault in self.faults if fault.of == "worker"}
        flushes = [fault.at for fault in self.faults if fault.kind == "flush"]
        for run in self.books.runs:
            for lost, following in zip(run.attempts, run.attempts[1:], strict=False):
                at = killed.get(int(lost.worker.rpartition("-")[2]))
                if lost.outcome != "worker lost" or at is None:
                    continue
                meanwhile = sum(at < flush < following.started_at for flush in flushes)
                yield Rescue(run.public_id, following.started_at - at, RESCUED_WITHIN * (1 + meanwhile))

    def _rescues(self) -> Iterator[Broken]:
        for rescue in self.rescues():
            if rescue.after > rescue.allowed:
                seconds = rescue.after.total_seconds()
                yield Broken("P6", f"taken over {seconds:.0f} s after its worker was killed", rescue.run_id)

    def _files(self) -> Iterator[Broken]:
        for run in self.books.runs:
            file = run.artifact
            if file is None and run.status in (RunStatus.SUCCESS, RunStatus.PARTIAL):
                yield Broken("P8", "has no file", run.public_id)
            elif file is not None and self.books.files.get(file.storage_key) != file.sha256:
                state = "altered" if file.storage_key in self.books.files else "missing"
                yield Broken("P8", f"its file is {state}", run.public_id)

    def _mail(self) -> Iterator[Broken]:
        arrived = self._arrived()
        for run in self.books.runs:
            owed = self.books.deliveries.get(run.id, [])
            targets = sorted(delivery.target for delivery in owed)
            if owed and targets != sorted(run.snapshot["recipients"]):
                yield Broken("P9", "its deliveries are not its recipients", run.public_id)
            for delivery in owed:
                mails = arrived.get((delivery.message_id, (delivery.target,)), [])
                wrong = _wrong_count(delivery, len(mails))
                if wrong:
                    yield Broken("P9", f"{delivery.target}: {wrong}", run.public_id)
                if run.artifact and any(mail.sha256 != run.artifact.sha256 for mail in mails):
                    yield Broken("P9", f"{delivery.target} got other bytes than the file's", run.public_id)

    def _strange_mail(self) -> Iterator[Broken]:
        owed = {
            (delivery.message_id, (delivery.target,))
            for deliveries in self.books.deliveries.values()
            for delivery in deliveries
        }
        for message_id, recipients in self._arrived():
            if (message_id, recipients) not in owed:
                yield Broken("P9", f"nobody owed {message_id} to {', '.join(recipients)}")

    def _arrived(self) -> dict[tuple[str | None, tuple[str, ...]], list[Mail]]:
        found: dict[tuple[str | None, tuple[str, ...]], list[Mail]] = {}
        for mail in self.books.mails:
            if mail.is_export:
                found.setdefault((mail.message_id, mail.recipients), []).append(mail)
        return found

    # ---- in words

    def lines(self) -> Iterator[str]:
        yield f"faults       {self._faults_in_words()}"
        yield f"occurrences  {self._occurrences_in_words()}"
        statuses = Counter(run.status.value for run in self.books.runs)
        yield f"status       {_counts(statuses)}"
        for reason, count in Counter(run.reason for run in self.books.runs if run.reason).most_common(5):
            yield f"  reason     {count:,} times: {reason}"
        yield f"attempts     {_counts(Counter(f'{len(run.attempts)} in all' for run in self.books.runs))}"
        outcomes = Counter(
            attempt.outcome or "not ended" for run in self.books.runs for attempt in run.attempts
        )
        yield f"  ended      {_counts(outcomes)}"
        yield f"taken over   after the kill {_spread(rescue.after for rescue in self.rescues())}"
        yield f"recorded     after due {_spread(_since_due(self.books.runs, 'created_at'))}"
        yield f"started      after due {_spread(_since_due(self.books.runs, 'started_at'))}"
        yield f"completed    after due {_spread(_since_due(self.books.runs, 'completed_at'))}"
        yield f"mail         {self._mail_in_words()}"
        yield f"files        {self._files_in_words()}"
        bad = len(self.books.bad_chains)
        yield f"trail        {self.books.chains - bad} of {self.books.chains} chains verify"

    def _faults_in_words(self) -> str:
        kills = Counter(fault.of for fault in self.faults if fault.kind == "kill")
        busy = sum(fault.busy for fault in self.faults)
        flushes = sum(fault.kind == "flush" for fault in self.faults)
        return (
            f"{kills.total()} kills -9: {kills['scheduler']} of schedulers, {kills['worker']} of workers,"
            f" {busy} of them with a child at work; Redis flushed {flushes} times"
        )

    def _occurrences_in_words(self) -> str:
        made = Counter((run.schedule_id, run.due_at) for run in self.books.runs)
        once = sum(made[occurrence] == 1 for occurrence in self.due.items())
        lost = sum(not made[occurrence] for occurrence in self.due.items())
        doubled = sum(count > 1 for count in made.values())
        return f"{len(self.due):,} due: {once:,} have one run, {lost} lost, {doubled} doubled"

    def _mail_in_words(self) -> str:
        owed = [delivery for deliveries in self.books.deliveries.values() for delivery in deliveries]
        arrived = self._arrived()
        times = Counter(len(arrived.get((one.message_id, (one.target,)), [])) for one in owed)
        said = sum((one.note or "").startswith(TWICE) for one in owed)
        others = sum(not mail.is_export for mail in self.books.mails)
        return (
            f"{len(owed):,} owed to a run's recipient: {times[1]:,} came once, {times[0]} never,"
            f" {sum(times.values()) - times[0] - times[1]} more often; the history says of {said}"
            f" “{TWICE.lower()}”; {others} alerts"
        )

    def _files_in_words(self) -> str:
        recorded = {run.artifact.storage_key for run in self.books.runs if run.artifact}
        unrecorded = len(self.books.files.keys() - recorded)
        return (
            f"{len(recorded):,} recorded; {unrecorded} more, of workers killed between storing and recording;"
            f" {self.books.work_files} abandoned work files"
        )


def _wrong_count(delivery: Delivery, mails: int) -> str | None:
    """Say what is wrong with so many mails for a delivery, or None."""
    unsure = (delivery.note or "").startswith(TWICE) or delivery.status is DeliveryStatus.UNKNOWN
    if mails > 1 and not unsure:
        return f"came {mails} times, and the history does not say so"
    if mails == 0 and delivery.status is DeliveryStatus.SENT:
        return "recorded as sent, and never came"
    if mails and delivery.status is not DeliveryStatus.SENT and not unsure:
        return f"came, and is recorded as {delivery.status.value}"
    return None


def _since_due(runs: Sequence[ScheduledExportRun], field: str) -> Iterator[timedelta]:
    return (getattr(run, field) - run.due_at for run in runs if getattr(run, field) is not None)


def _spread(lengths: Iterable[timedelta]) -> str:
    seconds = sorted(length.total_seconds() for length in lengths)
    if not seconds:
        return "none"
    at_95 = quantiles(seconds, n=20)[-1] if len(seconds) >= 20 else seconds[-1]
    return f"median {median(seconds):.1f} s, 95 % {at_95:.1f} s, most {seconds[-1]:.1f} s ({len(seconds):,})"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counter.most_common())
