"""The people and things most tests begin with."""

import functools
import tempfile
from datetime import UTC, datetime, time
from pathlib import Path

from portal.config import Settings
from portal.datasets import service as datasets
from portal.datasets.models import Dataset
from portal.demo import acme
from portal.demo.acme_datasets import CASES_ONLY
from portal.extensions import db
from portal.organizations import service as organizations
from portal.organizations.models import Organization, User
from portal.permissions import Role
from portal.schedules import service as schedules
from portal.schedules.drafts import Draft
from portal.schedules.models import Channel, ExportFormat, ScheduledExport
from portal.schedules.rules import Kind, Rule
from portal.sources import service as source_service

PASSWORD = "correct horse battery"
NOW = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
"""A Monday, well away from any change of clocks."""
CASES = 60


DOMAINS = ["acme.example", "globex.example", "example.org", "a.org", "b.org"]
"""Those of recipients of whom a test says nothing: they are the organization's own."""


def organization(name: str, slug: str) -> Organization:
    made = organizations.create_organization(name, slug, "Europe/Berlin", now=NOW)
    made.email_domains = DOMAINS
    return made


def user(of: Organization, role: Role, email: str, *, operator: bool = False) -> User:
    name = email.partition("@")[0].capitalize()
    return organizations.create_user(
        of, email=email, name=name, role=role, password=PASSWORD, now=NOW, operator=operator
    )


def cases_database(path: Path) -> None:
    """Write a small compliance database, the same on every call."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_cases())


@functools.cache
def _cases() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.db"
        acme.build(path, "Acme Co.", CASES, 7, today=NOW.date())
        return path.read_bytes()


def dataset(of: Organization, settings: Settings, name: str = "Cases") -> Dataset:
    """Return a dataset over the organization's own copy of the compliance database."""
    path = settings.effective_sources_dir / of.slug / "compliance.db"
    if not path.exists():
        cases_database(path)
    source = source_service.create_source(
        of, f"{name} source", f"sqlite:///{path}", settings=settings, now=NOW
    )
    return datasets.create_dataset(
        source,
        name=name,
        description="All cases",
        export_type=CASES_ONLY.export_type,
        sql=CASES_ONLY.sql,
        parameters=CASES_ONLY.parameters,
        columns=CASES_ONLY.columns,
        key_columns=CASES_ONLY.key_columns,
        built_in=CASES_ONLY.built_in,
        now=NOW,
    )


def draft(of: Dataset, **changes: object) -> Draft:
    """Return a complete draft: Mondays at 08:00 Berlin time, CSV, by e-mail to one."""
    values: dict[str, object] = {
        "name": "Weekly cases",
        "dataset_id": of.public_id,
        "format": ExportFormat.CSV,
        "rule": Rule(Kind.WEEKLY, time(8, 0), weekdays=(0,)),
        "timezone": "Europe/Berlin",
        "channel": Channel.EMAIL,
        "recipients": ("ann@example.org",),
        **changes,
    }
    return Draft(**values)  # type: ignore[arg-type]


def schedule(owner: User, of: Dataset, *, now: datetime = NOW, **changes: object) -> ScheduledExport:
    made = schedules.create_schedule(owner, draft(of, **changes), now=now)
    db.session.commit()
    return made
