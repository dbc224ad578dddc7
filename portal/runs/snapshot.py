"""What a run keeps of its schedule: nothing that is changed later changes what the run does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.datasets.service import newest_versions
from portal.reports.models import Report, ReportVersion
from portal.reports.reading import newest
from portal.reports.service import current_versions
from portal.schedules.models import ScheduledExport
from portal.schedules.service import describe


@dataclass(frozen=True)
class Versions:
    """The newest versions of what schedules export, by the dataset's and by the report's id.

    A report's are its own and, by public id, those of the datasets that it shows.
    """

    datasets: Mapping[int, int]
    reports: Mapping[int, dict[str, Any]]

    def of(self, schedule: ScheduledExport) -> dict[str, Any]:
        """Return what a run keeps of them."""
        if schedule.report_id is not None:
            return self.reports[schedule.report_id]
        return {"dataset_version": self.datasets[schedule.dataset_id or 0]}


def versions_of(schedules: Iterable[ScheduledExport]) -> Versions:
    """Read the versions for several schedules at once."""
    found = list(schedules)
    reports = {schedule.report.id: schedule.report for schedule in found if schedule.report}
    versions = current_versions(list(reports.values())) if reports else {}
    return Versions(
        datasets=newest_versions({one.dataset_id for one in found if one.dataset_id is not None}),
        reports={key: _of_report(report, versions[key]) for key, report in reports.items()},
    )


def is_report(kept: Mapping[str, Any]) -> bool:
    """Say of a snapshot whether its run delivers a report."""
    return "report_version" in kept


def snapshot_of(schedule: ScheduledExport) -> dict[str, Any]:
    """Return all that a run needs to know of its schedule, as it stands now."""
    return snapshot(schedule, versions_of([schedule]))


def snapshot(schedule: ScheduledExport, versions: Versions) -> dict[str, Any]:
    """Return the same for versions that are known already."""
    return {
        **describe(schedule),
        **versions.of(schedule),
        "schedule": schedule.public_id,
        "revision": schedule.revision,
        "organization_name": schedule.organization.name,
        "organization_slug": schedule.organization.slug,
        "owner": schedule.owner.email,
    }


def _of_report(report: Report, version: ReportVersion) -> dict[str, Any]:
    return {
        "report_version": version.id,
        "dataset_versions": newest(report.organization_id, version.parts),
    }
