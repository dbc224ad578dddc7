"""Before a run reads anything, and before it sends: would personal data go outside that no admin approved?"""

from collections.abc import Iterator
from dataclasses import replace

from portal.datasets import service as datasets
from portal.datasets.columns import ColumnChoice
from portal.datasets.models import DatasetVersion
from portal.errors import NotApproved
from portal.extensions import db
from portal.organizations.models import Organization
from portal.reports import reading
from portal.reports import service as reports
from portal.runs.models import ScheduledExportRun
from portal.runs.snapshot import is_report
from portal.schedules.approval import Outgoing, unapproved
from portal.schedules.models import Channel
from portal.table import Column


def check_approved(run: ScheduledExportRun) -> None:
    """Raise NotApproved, naming columns and recipients. Within the run's transaction.

    The approval is read from the schedule as it stands, not from the run's snapshot, so that a stopped run
    can be retried once somebody approved.
    """
    out = _unapproved(run)
    if out is not None:
        raise NotApproved(
            f"{out.in_words()}, and no admin has approved that. Nothing was read. Leave these columns or"
            " recipients out, or have an admin approve it on the schedule's page; then retry the run."
        )


def check_sending(run: ScheduledExportRun) -> None:
    """Raise NotApproved for a stored file that may not go outside any more. Within the run's transaction.

    It may have been stored long ago: for a retry, or while a mail server was away.
    """
    out = None if run.told_empty else _unapproved(run)
    if out is not None:
        raise NotApproved(
            f"{out.in_words()}, and no admin has approved that. The stored file was kept back. Have an admin"
            " approve it on the schedule's page; then send it again."
        )


def _unapproved(run: ScheduledExportRun) -> Outgoing | None:
    if run.snapshot["channel"] != Channel.EMAIL:
        return None
    organization = db.session.get_one(Organization, run.organization_id)
    columns = {dataset: list(_marked_since(version, found)) for dataset, version, found in _columns(run)}
    return unapproved(run.schedule, columns, run.snapshot["recipients"], organization)


def _columns(run: ScheduledExportRun) -> Iterator[tuple[str, DatasetVersion, tuple[Column, ...]]]:
    """Yield each dataset's public id, its version of the run, and what of it goes out."""
    kept = run.snapshot
    if is_report(kept):
        parts, versions = reports.get_version(kept["report_version"]).parts, kept["dataset_versions"]
        for dataset, columns in reading.columns_by_dataset(parts, versions).items():
            yield dataset, datasets.get_version(versions[dataset]), columns
    else:
        version = datasets.get_version(kept["dataset_version"])
        yield kept["dataset"], version, datasets.chosen_columns(version, ColumnChoice.of(kept))


def _marked_since(version: DatasetVersion, columns: tuple[Column, ...]) -> Iterator[Column]:
    """Yield columns also with the marks they have by now: a run reads the version it was made with."""
    now = {column.key: column.tags for column in datasets.current_version(version.dataset).table_columns}
    for column in columns:
        yield replace(column, tags=column.tags | now.get(column.key, frozenset()))
