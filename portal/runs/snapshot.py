"""What a run keeps of its schedule: nothing that is changed later changes what the run does."""

from typing import Any

from portal.datasets.service import newest_versions
from portal.schedules.models import ScheduledExport
from portal.schedules.service import describe


def snapshot_of(schedule: ScheduledExport) -> dict[str, Any]:
    """Return all that a run needs to know of its schedule, as it stands now."""
    return snapshot(schedule, newest_versions([schedule.dataset_id])[schedule.dataset_id])


def snapshot(schedule: ScheduledExport, version_id: int) -> dict[str, Any]:
    """Return the same for a dataset's version that is known already."""
    return {
        **describe(schedule),
        "schedule": schedule.public_id,
        "dataset_version": version_id,
        "revision": schedule.revision,
        "organization_name": schedule.organization.name,
        "organization_slug": schedule.organization.slug,
        "owner": schedule.owner.email,
    }
