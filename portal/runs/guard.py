"""Before a run reads anything: would personal data go outside that no admin approved?"""

from collections.abc import Iterable

from portal.errors import NotApproved
from portal.extensions import db
from portal.organizations.models import Organization
from portal.runs.models import ScheduledExportRun
from portal.schedules.approval import unapproved
from portal.schedules.models import Channel
from portal.table import Column


def check_approved(run: ScheduledExportRun, columns: Iterable[Column]) -> None:
    """Raise NotApproved, naming columns and recipients. Within the run's transaction.

    The approval is read from the schedule as it stands, not from the run's snapshot, so that a stopped run
    can be retried once somebody approved.
    """
    by_mail = run.snapshot["channel"] == Channel.EMAIL
    recipients = run.snapshot["recipients"] if by_mail else ()
    organization = db.session.get_one(Organization, run.organization_id)
    out = unapproved(run.schedule, columns, recipients, organization)
    if out is not None:
        raise NotApproved(
            f"{out.in_words()}, and no admin has approved that. Nothing was read. Leave these columns or"
            " recipients out, or have an admin approve it on the schedule's page; then retry the run."
        )
