"""A board report over an organization's own compliance database."""

import pytest

from portal.datasets.models import Dataset
from portal.extensions import db
from portal.organizations.models import Organization
from portal.reports.board import add_board_report
from portal.reports.models import Report
from tests import factories
from tests.datasets.compliance.conftest import (
    compliance,
    compliance_file,
    mysql_compliance,
    postgresql_compliance,
    sqlite_compliance,
)

__all__ = [
    "compliance",
    "compliance_file",
    "mysql_compliance",
    "postgresql_compliance",
    "report",
    "sqlite_compliance",
]


@pytest.fixture
def report(acme: Organization, dataset: Dataset) -> Report:
    made = add_board_report(acme, dataset.source, actor="system", now=factories.NOW)
    db.session.commit()
    return made
