"""Datasets of an organization, and the demo's five read through the same door as every run."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.config import Settings
from portal.datasets import query, service
from portal.datasets.columns import ColumnChoice
from portal.datasets.definition import Definition
from portal.datasets.filters import parameters_of
from portal.datasets.models import Dataset, DatasetVersion
from portal.datasets.parameters import ParameterKind
from portal.demo import acme as acme_database
from portal.demo.acme_datasets import CASES_ONLY, acme_datasets
from portal.errors import InvalidInput, NotFound, SourceUnavailable
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.sources import service as source_service
from portal.sources.models import DataSource
from portal.table import ColumnType
from tests import factories
from tests.conftest import settings_below
from tests.factories import NOW

DUE = datetime(2025, 3, 10, 7, 0, tzinfo=UTC)
CASES = 400  # enough that some are overdue
Row = dict[str, Any]


def defined(source: DataSource, definition: Definition) -> Dataset:
    made = service.create_dataset(
        source,
        name=definition.name,
        description=definition.description,
        export_type=definition.export_type,
        sql=definition.sql,
        parameters=definition.parameters,
        columns=definition.columns,
        key_columns=definition.key_columns,
        now=NOW,
    )
    db.session.commit()
    return made


@pytest.fixture
def source(acme: Organization, settings: Settings) -> DataSource:
    path = source_service.sources_folder(settings, acme) / "compliance.db"
    path.parent.mkdir(parents=True)
    acme_database.build(path, "Acme Co.", CASES, 7, today=NOW.date())
    made = source_service.create_source(acme, "Compliance", f"sqlite:///{path}", settings=settings, now=NOW)
    db.session.commit()
    return made


def read(
    of: Dataset, settings: Settings, filters: dict[str, Any] | None = None, columns: tuple[str, ...] = ()
) -> list[Row]:
    version = service.current_version(of)
    reading = service.prepare(
        version, filters or {}, ColumnChoice(columns), due_at=DUE, timezone="Europe/Berlin", settings=settings
    )
    with query.open_rows(
        reading.source, reading.sql, reading.values, columns=reading.columns, timeout=30
    ) as rows:
        keys = [column.key for column in rows.columns]
        return [dict(zip(keys, row, strict=True)) for batch in rows.batches for row in batch]


# The demo's datasets


def choices_to_try(of: Dataset, settings: Settings) -> list[tuple[str, Any]]:
    """Return one choice, sometimes several, for each parameter of a dataset."""
    offered = service.choices_for(of, settings)
    tried: list[tuple[str, Any]] = []
    for parameter in parameters_of(service.current_version(of)):
        if parameter.kind is ParameterKind.PERIOD:
            tried += [
                (parameter.name, {"preset": "previous_year"}),
                (parameter.name, {"start": "2024-01-01", "end": "2024-06-30"}),
            ]
        elif parameter.kind is ParameterKind.MULTI_CHOICE:
            values = [value for value, _ in offered[parameter.name]]
            tried += [(parameter.name, values[:1]), (parameter.name, values)]
        else:
            assert parameter.kind is ParameterKind.NUMBER
            tried.append((parameter.name, 50))
    return tried


@pytest.mark.parametrize("definition", acme_datasets(), ids=lambda definition: definition.name)
def test_it_reads_every_demo_dataset_with_each_filter(
    source: DataSource, settings: Settings, definition: Definition
) -> None:
    made = defined(source, definition)

    everything = read(made, settings)
    assert everything
    assert list(everything[0]) == [column.key for column in definition.columns]
    keys = [tuple(row[key] for key in definition.key_columns) for row in everything]
    assert len(set(keys)) == len(keys), "a row a key"
    for name, chosen in choices_to_try(made, settings):
        some = read(made, settings, {name: chosen})
        found = {tuple(row[key] for key in definition.key_columns) for row in some}
        assert found <= set(keys), f"{name} {chosen}"
        if isinstance(chosen, list) and len(chosen) == len(service.choices_for(made, settings)[name]):
            assert found == set(keys), f"all of {name} is everything"


def test_it_filters_as_chosen(source: DataSource, settings: Settings) -> None:
    cases = defined(source, CASES_ONLY)
    everything = read(cases, settings)

    open_only = read(cases, settings, {"statuses": ["OPEN"]})
    in_2024 = read(cases, settings, {"period": {"start": "2024-01-01", "end": "2024-12-31"}})

    assert open_only == [row for row in everything if row["status"] == "OPEN"]
    first, after = datetime(2023, 12, 31, 23, tzinfo=UTC), datetime(2024, 12, 31, 23, tzinfo=UTC)
    assert in_2024 == [row for row in everything if first <= row["opened_at"] < after]
    assert 0 < len(open_only) < len(everything)
    assert 0 < len(in_2024) < len(everything)


def test_it_turns_values_into_what_their_columns_declare(source: DataSource, settings: Settings) -> None:
    cases = defined(source, CASES_ONLY)
    (version,) = cases.versions

    instants = {column.key for column in version.table_columns if column.type is ColumnType.DATETIME}

    assert instants
    for row in read(cases, settings):
        assert all(row[key] is None or row[key].tzinfo is UTC for key in instants)


def test_it_gives_the_chosen_columns_in_their_order(source: DataSource, settings: Settings) -> None:
    cases = defined(source, CASES_ONLY)

    rows = read(cases, settings, columns=("status", "case_number"))

    assert len(rows) == CASES
    assert list(rows[0]) == ["status", "case_number"]


def test_it_leaves_out_a_chosen_column_that_a_newer_version_lacks(dataset: Dataset) -> None:
    version = service.current_version(dataset)

    chosen = service.chosen_columns(version, ColumnChoice(("status", "gone", "case_number")))

    assert [column.key for column in chosen] == ["status", "case_number"]
    assert service.chosen_columns(version, ColumnChoice()) == version.table_columns


# Sources


def test_it_keeps_a_sources_url_encrypted(acme: Organization, settings: Settings) -> None:
    made = source_service.create_source(
        acme, "Cases", "postgresql://reader:hunter2@db.example/cases", settings=settings, now=NOW
    )

    assert "hunter2" not in made.url_encrypted
    assert made.kind == "postgresql"
    assert source_service.opened(made, settings).url.password == "hunter2"


@pytest.mark.parametrize(
    "url", ["sqlite:////etc/passwd", "sqlite:///cases.db", "oracle://db.example/x", "nonsense", "{own}"]
)
def test_it_refuses_sources_an_organization_may_not_read(
    acme: Organization, settings: Settings, url: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        source_service.create_source(
            acme, "Evil", url.format(own=settings.effective_database_url), settings=settings, now=NOW
        )

    assert refused.value.field == "url"
    assert db.session.scalars(select(DataSource)).all() == []


def test_it_refuses_the_file_of_another_organization(
    acme: Organization, globex: Organization, settings: Settings
) -> None:
    theirs = source_service.sources_folder(settings, globex) / "compliance.db"
    factories.cases_database(theirs)

    with pytest.raises(InvalidInput):
        source_service.create_source(acme, "Theirs", f"sqlite:///{theirs}", settings=settings, now=NOW)


def test_it_checks_a_source_again_when_it_is_read(
    dataset: Dataset, settings: Settings, tmp_path: Path
) -> None:
    """A file that was fine when it was added may be a link to another one by now."""
    path = next(settings.effective_sources_dir.glob("acme/*.db"))
    path.rename(tmp_path / "elsewhere.db")
    path.symlink_to(tmp_path / "elsewhere.db")

    with pytest.raises(InvalidInput):
        read(dataset, settings)


def test_a_filter_that_the_dataset_lost_is_never_left_out(dataset: Dataset, settings: Settings) -> None:
    """Rows that nobody asked for would go out otherwise."""
    with pytest.raises(InvalidInput, match="The dataset has no filter “state”"):
        read(dataset, settings, {"state": ["CLOSED"]})


def test_it_says_that_a_source_was_encrypted_under_another_secret(dataset: Dataset, tmp_path: Path) -> None:
    other = settings_below(
        tmp_path, "redis://127.0.0.1:1", secret_key="another secret that is long enough: 123456"
    )

    with pytest.raises(SourceUnavailable, match="PORTAL_SECRET_KEY"):
        source_service.opened(dataset.source, other)


# Finding


def test_it_shows_datasets_to_their_organization_only(
    manager: User, auditor: User, outsider: User, dataset: Dataset
) -> None:
    assert service.list_datasets(auditor) == service.list_datasets(manager) == [dataset]
    assert service.list_datasets(outsider) == []
    assert service.get_dataset(manager, dataset.public_id) is dataset
    for actor, public_id in ((outsider, dataset.public_id), (manager, "unknown"), (manager, "")):
        with pytest.raises(InvalidInput) as refused:
            service.get_dataset(actor, public_id)
        assert refused.value.field == "dataset"


def test_it_offers_no_archived_dataset(manager: User, dataset: Dataset) -> None:
    dataset.archived_at = NOW
    db.session.commit()

    assert service.list_datasets(manager) == []
    with pytest.raises(InvalidInput):
        service.get_dataset(manager, dataset.public_id)


def test_it_uses_the_newest_version_and_finds_older_ones(dataset: Dataset) -> None:
    (first,) = dataset.versions
    second = DatasetVersion(
        number=2,
        sql="SELECT 1 AS one",
        parameters=[],
        columns=[{"key": "one", "label": "One", "type": "integer"}],
        key_columns=["one"],
        created_at=NOW,
    )
    dataset.versions.append(second)
    db.session.commit()

    assert service.current_version(dataset) is second
    assert service.get_version(first.id) is first
    with pytest.raises(NotFound):
        service.get_version(4711)


def test_it_reads_choices_from_the_source(app: Flask, dataset: Dataset, settings: Settings) -> None:
    found = service.choices_for(dataset, settings)

    assert found["statuses"] == [("NEW", "New"), ("OPEN", "Open"), ("CLOSED", "Closed")]
    labels = [label for _, label in found["categories"]]
    assert labels == sorted(labels)
    assert len(labels) > 2


def test_it_offers_no_choices_while_the_source_is_away(dataset: Dataset, settings: Settings) -> None:
    next(settings.effective_sources_dir.glob("acme/*.db")).unlink()

    with pytest.raises(SourceUnavailable):
        service.choices_for(dataset, settings)
