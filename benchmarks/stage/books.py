"""What a portal left behind: its rows, its stored files and the mailbox of those it wrote to."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, selectinload

from portal.audit.models import AuditEntry, AuditHead
from portal.audit.service import entry_hash
from portal.delivery.models import Delivery
from portal.runs.models import ScheduledExportRun

EXPORT_ID = re.compile(r"<[\w-]{22}\.[0-9a-f]{16}(\.\d+)?@")  # see delivery.email.message_id


@dataclass(frozen=True)
class Mail:
    """A message as the server took it; `sha256` is its first attachment's."""

    message_id: str
    recipients: tuple[str, ...]
    sha256: str | None

    @property
    def is_export(self) -> bool:
        """Whether it carries a run's file, and is no alert."""
        return EXPORT_ID.match(self.message_id) is not None


@dataclass(frozen=True)
class Books:
    """`deliveries` by the run's key; `files` by their storage key, work files apart."""

    runs: Sequence[ScheduledExportRun]
    deliveries: dict[int, list[Delivery]]
    closings: dict[str, int]
    mails: Sequence[Mail]
    files: dict[str, str]
    work_files: int
    chains: int
    bad_chains: Sequence[str]

    def history(self, run: ScheduledExportRun) -> Iterator[str]:
        """Tell all that the database knows of a run, a line a step."""
        yield f"run {run.public_id}, schedule {run.schedule_id} due {run.due_at}: {run.status} {run.reason}"
        for one in run.attempts:
            yield f"  attempt {one.number} by {one.worker}, {one.started_at} to {one.ended_at}: {one.outcome}"
        for event in run.events:
            yield f"  {event.at} {event.message} {event.detail or ''}"
        for owed in self.deliveries.get(run.id, []):
            came = sum(mail.message_id == owed.message_id for mail in self.mails)
            yield f"  {owed.target}: {owed.status} {owed.note}, {owed.message_id} came {came} times"


def read(database_url: str, data_dir: Path, mailbox: Path) -> Books:
    """Read everything, once nothing runs any more. Hashes every file anew."""
    engine = create_engine(database_url)
    with Session(engine) as session:
        run = ScheduledExportRun
        loaded = (selectinload(run.attempts), selectinload(run.artifact), selectinload(run.events))
        runs = session.scalars(select(run).options(*loaded).order_by(run.id)).all()
        deliveries: dict[int, list[Delivery]] = defaultdict(list)
        for delivery in session.scalars(select(Delivery).order_by(Delivery.id)):
            deliveries[delivery.run_id].append(delivery)
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.chain, AuditEntry.seq)).all()
        heads = session.scalars(select(AuditHead)).all()
        session.expunge_all()
    engine.dispose()
    return Books(
        runs=runs,
        deliveries=deliveries,
        closings=_closings(entries),
        mails=list(_mails(mailbox)),
        files=dict(_files(data_dir / "files")),
        work_files=len(list((data_dir / "files" / ".work").glob("*"))),
        chains=len(heads),
        bad_chains=list(_bad_chains(entries, heads)),
    )


def _closings(entries: Sequence[AuditEntry]) -> dict[str, int]:
    """Count, by public id, how often the trail says that a run ended."""
    found: dict[str, int] = defaultdict(int)
    for entry in entries:
        if entry.action == "run.finish":
            found[entry.target.removeprefix("run:")] += 1
    return found


def _bad_chains(entries: Sequence[AuditEntry], heads: Sequence[AuditHead]) -> Iterator[str]:
    """Name each organization's chain that does not hold, with the first entry that is wrong."""
    for head in heads:
        previous, last = "0" * 64, 0
        for entry in (entry for entry in entries if entry.chain == head.chain):
            linked = entry.seq == last + 1 and entry.previous_hash == previous
            if not linked or entry.hash != entry_hash(entry):
                yield f"chain {head.chain}, entry {entry.seq}"
                break
            previous, last = entry.hash, entry.seq
        else:
            if (head.seq, head.hash) != (last, previous):
                yield f"chain {head.chain}, head"


def _mails(mailbox: Path) -> Iterator[Mail]:
    for path in sorted(mailbox.glob("*.eml")):
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        contents = (part.get_payload(decode=True) for part in message.iter_attachments())
        digest = next((hashlib.sha256(one).hexdigest() for one in contents if isinstance(one, bytes)), None)
        recipients = tuple(str(value) for value in message.get_all("x-envelope-to", []))
        yield Mail(str(message["message-id"]), recipients, digest)


def _files(root: Path) -> Iterator[tuple[str, str]]:
    for path in root.glob("*/*"):
        if path.parent.name != ".work":
            yield str(path.relative_to(root)), hashlib.sha256(path.read_bytes()).hexdigest()
