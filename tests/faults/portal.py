"""The portal under test: its processes, and what its database, its files and its mailbox say afterwards."""

import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

from sqlalchemy import create_engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.pool import NullPool

from portal.clock import utcnow
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.delivery.models import Delivery
from portal.extensions import db
from portal.organizations.models import User
from portal.runs.models import UNFINISHED, RunStatus, ScheduledExportRun
from portal.schedules.models import ScheduledExport
from portal.schedules.rules import Kind, Rule
from tests import factories
from tests.conftest import SmtpServer, wait_until
from tests.faults.process import Fault
from tests.faults.processes import Program, environment

RESCUED_WITHIN = 12.0 + 13.0
"""Seconds: two minutes, shortened tenfold like the lease and the sweep; and what a busy machine adds, where
processes start that need none of those."""
FINAL = frozenset(RunStatus) - frozenset(UNFINISHED)


class Portal:
    """Starts processes on the settings of a test, and reads what they did, in transactions of its own."""

    def __init__(
        self, settings: Settings, owner: User, dataset: Dataset, mailbox: SmtpServer, folder: Path
    ) -> None:
        self.settings = settings
        self.mailbox = mailbox
        self._owner, self._dataset, self._folder = owner, dataset, folder
        self._programs: list[Program] = []
        # Not the application's engine: on SQLite each of its transactions would hold the write lock.
        self._engine = create_engine(settings.effective_database_url, poolclass=NullPool)

    def start(self, command: str, fault: Fault | None = None) -> Program:
        """Start `portal COMMAND`, with a fault built in if one is given."""
        name = f"{command}-{len(self._programs) + 1}"
        log, flag = self._folder / f"{name}.log", self._folder / f"{name}.flag"
        program = Program(name, command, fault or Fault(), environment(self.settings), log, flag)
        self._programs.append(program)
        return program

    def end(self) -> None:
        """End every process; what they said goes to stderr, where pytest shows it with a failure."""
        for program in self._programs:
            program.kill()
        for program in self._programs:
            program.bury()
            print(f"--- {program.name}\n{program.said}", file=sys.stderr)
        self._engine.dispose()

    def schedule(self, due: datetime | None = None, **changes: object) -> int:
        """Make a daily schedule that is due at `due`, by default just now, and next in half a day."""
        now = utcnow()
        at = (now + timedelta(hours=12)).time().replace(second=0, microsecond=0)
        values = {"rule": Rule(Kind.DAILY, at), "timezone": "UTC", **changes}
        made = factories.schedule(self._owner, self._dataset, now=now, **values)
        made.next_run_at = due or now - timedelta(seconds=1)
        key = made.id
        db.session.commit()
        db.session.rollback()
        return key

    def read_with(self, sql: str) -> None:
        """Let the dataset be this query, for schedules that want its column `case_number` alone."""
        self._dataset.versions[0].sql = sql
        db.session.commit()
        db.session.rollback()

    def schedules(self) -> list[ScheduledExport]:
        with Session(self._engine, expire_on_commit=False) as session:
            return list(session.scalars(select(ScheduledExport).order_by(ScheduledExport.id)))

    def runs(self) -> list[ScheduledExportRun]:
        """Return all runs with their attempts, log and file, oldest first."""
        loaded = (
            selectinload(ScheduledExportRun.attempts),
            selectinload(ScheduledExportRun.events),
            selectinload(ScheduledExportRun.artifact),
        )
        with Session(self._engine, expire_on_commit=False) as session:
            return list(
                session.scalars(select(ScheduledExportRun).options(*loaded).order_by(ScheduledExportRun.id))
            )

    def run(self) -> ScheduledExportRun:
        """Return the only run."""
        (found,) = self.runs()
        return found

    def deliveries(self) -> list[Delivery]:
        with Session(self._engine, expire_on_commit=False) as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.id)))

    def attempts(self) -> list[tuple[int, str | None]]:
        """Return number and outcome of the attempts of the only run."""
        return [(attempt.number, attempt.outcome) for attempt in self.run().attempts]

    def await_end(self, count: int = 1, within: float = RESCUED_WITHIN) -> list[ScheduledExportRun]:
        """Wait until there are so many runs and all are over; return them."""

        def all_over() -> bool:
            runs = self.runs()
            return len(runs) >= count and all(run.status in FINAL for run in runs)

        self.wait_until(all_over, f"{count} runs are over", within)
        return self.runs()

    def await_status(self, *statuses: RunStatus, within: float = RESCUED_WITHIN) -> None:
        """Wait until there is a run and all have one of the statuses."""

        def all_have() -> bool:
            runs = self.runs()
            return bool(runs) and all(run.status in statuses for run in runs)

        self.wait_until(all_have, f"all runs are {' or '.join(statuses)}", within)

    def wait_until(self, condition: Callable[[], bool], what: str, within: float = RESCUED_WITHIN) -> None:
        """Wait for what the database says. While it can't be asked, nothing holds."""

        def holds() -> bool:
            try:
                return condition()
            except OperationalError:
                return False

        wait_until(holds, what, within)

    def mail(self) -> list[EmailMessage]:
        """Return the messages that carry the file of a run; alerts are none."""
        ids = tuple(f"<{run.public_id}." for run in self.runs())
        return [one for one in self.mailbox.messages() if str(one["message-id"]).startswith(ids)]

    def mail_by_recipient(self) -> dict[str, int]:
        """Count what each recipient got."""
        return dict(Counter(str(one["x-envelope-to"]) for one in self.mail()))

    def stored_files(self) -> list[Path]:
        """Return what lies below the files' folder, work files apart."""
        return [path for path in self.settings.files_dir.glob("[!.]*/**/*") if path.is_file()]

    def work_files(self) -> list[Path]:
        return list((self.settings.files_dir / ".work").glob("*"))
