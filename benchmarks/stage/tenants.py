"""Organizations with a manager and a dataset each, as the demo's seed makes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.config import Settings
from portal.datasets import service as datasets
from portal.datasets.models import Dataset
from portal.demo import acme
from portal.demo.acme_datasets import CASES_ONLY
from portal.organizations import service as organizations
from portal.organizations.models import Organization, User
from portal.permissions import Role
from portal.schedules.models import Channel, ExportFormat
from portal.sources import service as source_service

COLUMNS = 8  # of the dataset's, chosen by each schedule


@dataclass(frozen=True)
class Tenant:
    organization: Organization
    owner: User
    dataset: Dataset


def tenant(number: int, cases: int, settings: Settings, *, now: datetime) -> Tenant:
    """Add an organization whose dataset has so many rows, or more by a few. The caller commits."""
    name = f"Company {number}"
    organization = organizations.create_organization(name, f"company-{number}", "Europe/Berlin", now=now)
    owner = organizations.create_user(
        organization,
        email=f"manager@company{number}.example",
        name="Ann Manager",
        role=Role.MANAGER,
        password="not used to sign in",  # noqa: S106 - nobody can: there is no web server
        now=now,
    )
    return Tenant(organization, owner, _dataset(organization, cases, settings, now))


def _dataset(organization: Organization, cases: int, settings: Settings, now: datetime) -> Dataset:
    path = source_service.sources_folder(settings, organization) / "compliance.db"
    path.parent.mkdir(parents=True)
    acme.build(path, organization.name, cases, seed=7, today=now.date())
    source = source_service.create_source(
        organization, "Compliance", f"sqlite:///{path}", settings=settings, now=now
    )
    return datasets.create_dataset(
        source,
        name=CASES_ONLY.name,
        description=CASES_ONLY.description,
        export_type=CASES_ONLY.export_type,
        sql=CASES_ONLY.sql,
        parameters=CASES_ONLY.parameters,
        columns=CASES_ONLY.columns,
        key_columns=CASES_ONLY.key_columns,
        now=now,
    )


def schedule(
    of: Tenant,
    name: str,
    due: datetime,
    *,
    rule: dict[str, Any],
    timezone: str,
    form: ExportFormat,
    recipients: Sequence[str],
) -> dict[str, Any]:
    """Return the values of a schedule that is due by e-mail at `due`, for an INSERT of thousands."""
    created = due - timedelta(days=30)
    return {
        "organization_id": of.organization.id,
        "owner_id": of.owner.id,
        "dataset_id": of.dataset.id,
        "name": name,
        "format": form,
        "filters": {},
        "columns": [column.key for column in CASES_ONLY.columns[:COLUMNS]],
        "rule": rule,
        "timezone": timezone,
        "channel": Channel.EMAIL,
        "recipients": list(recipients),
        "next_run_at": due,
        "created_at": created,
        "updated_at": created,
    }
