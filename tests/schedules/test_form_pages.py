"""The form of a schedule as a browser meets it: new, edit and the preview."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.config import Settings
from portal.datasets.models import Dataset
from portal.extensions import db
from portal.organizations import own_days
from portal.organizations.models import User
from portal.schedules import service
from portal.schedules.models import Channel, ScheduledExport
from portal.schedules.rules import Kind, Rule
from portal.sources.service import sources_folder
from tests import factories
from tests.conftest import sign_in
from tests.schedules.pages import actions, error_at, filled_in, instants, schedules_kept, text_of


class TestNew:
    def test_it_asks_for_the_dataset_first(
        self, client: FlaskClient, manager: User, dataset: Dataset
    ) -> None:
        sign_in(client, manager)

        body = client.get("/schedules/new").get_data(as_text=True)

        assert f'href="/schedules/new?dataset={dataset.public_id}"' in body
        assert "All cases" in body

    def test_it_shows_the_datasets_filters_and_columns(
        self, client: FlaskClient, manager: User, dataset: Dataset
    ) -> None:
        sign_in(client, manager)

        body = client.get(f"/schedules/new?dataset={dataset.public_id}").get_data(as_text=True)

        assert body.count('name="columns"') == len(dataset.versions[-1].columns)
        assert 'name="filter_statuses"' in body
        assert 'name="filter_business_units"' in body
        assert "PII" in body
        assert "Every Monday at 08:00, Europe/Berlin" in body
        assert "Up to 10,000,000 rows, as PDF up to 20,000; a run with more fails." in body

    def test_it_saves_and_shows_the_schedule(
        self, client: FlaskClient, manager: User, dataset: Dataset
    ) -> None:
        sign_in(client, manager)

        response = client.post(
            "/schedules/new",
            data=filled_in(dataset, recipients="Ann <ann@a.org>; bob@b.org", loaded=dataset.public_id),
        )

        made = db.session.scalars(select(ScheduledExport)).one()
        assert response.location == f"/schedules/{made.public_id}"
        assert made.recurrence == Rule(Kind.WEEKLY, datetime(2025, 1, 1, 8, 0).time(), weekdays=(0,))  # noqa: DTZ001
        assert made.recipients == ["ann@a.org", "bob@b.org"]
        assert made.columns == ["case_number", "status"]
        assert made.next_run_at is not None
        assert made.next_run_at > datetime.now(UTC)
        assert actions() == ["schedule.create"]
        assert "“Weekly cases” is saved. Next run:" in text_of(client.get(response.location))

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"name": ""}, "name"),
            ({"dataset": "unknown"}, "dataset"),
            ({"format": "exe"}, "format"),
            ({"rhythm": "hourly"}, "rhythm"),
            ({"weekday": None}, "weekday"),
            ({"rhythm": "monthly", "monthday": "32"}, "monthday"),
            ({"time": "25:00"}, "time"),
            ({"timezone": "Europe/Atlantis"}, "timezone"),
            ({"channel": "pigeon"}, "channel"),
            ({"recipients": ""}, "recipients"),
            ({"recipients": "bob"}, "recipients"),
            ({"recipients": " ".join(f"p{n}@example.org" for n in range(201))}, "recipients"),
            ({"channel": "storage", "location": "/etc"}, "location"),
            ({"columns": None}, "columns"),
            ({"columns": ["case_number", "no_such"]}, "columns"),
            ({"weeks": "0"}, "weeks"),
            ({"rhythm": "cron", "cron": "x"}, "cron"),
            ({"ends": "on", "ends_on": "2020-01-01"}, "ends_on"),
            ({"ends": "after", "count": ""}, "count"),
            ({"holidays": "skip", "country": "DE", "region": "CA"}, "region"),
            ({"misfire": "maybe"}, "misfire"),
            ({"overlap": "maybe"}, "overlap"),
            ({"start_window": "9999"}, "start_window"),
            ({"empty": "maybe"}, "empty"),
            ({"empty": "tell", "channel": "storage", "location": "reports"}, "empty"),
            ({"unchanged": "tell"}, "unchanged"),
            ({"drift": "maybe"}, "drift"),
            ({"filter_statuses": ["NEW", "ODD"]}, "filter_statuses"),
            ({"filter_period": ["dates", "2025-02-02", "2025-02-01"]}, "filter_period"),
        ],
    )
    def test_it_says_at_the_field_what_is_wrong_keeps_the_rest_and_saves_nothing(
        self, client: FlaskClient, manager: User, dataset: Dataset, changes: dict[str, Any], field: str
    ) -> None:
        sign_in(client, manager)

        response = client.post(
            "/schedules/new", data=filled_in(dataset, description="kept as typed", **changes)
        )

        body = response.get_data(as_text=True)
        assert response.status_code == 200
        assert error_at(response, field)
        assert f'<a href="#{field}">' in body, "the summary leads to the field"
        assert f'id="{field}"' in body
        assert "1 field" in body or "One field" in body
        assert "kept as typed" in body
        assert schedules_kept() == 0
        assert actions() == []

    def test_it_keeps_the_policies_and_begins_every_other_week_with_the_next(
        self, client: FlaskClient, manager: User, dataset: Dataset
    ) -> None:
        sign_in(client, manager)

        client.post(
            "/schedules/new",
            data=filled_in(dataset, weeks="2", misfire="all", overlap="allow", start_window=" 90 "),
        )

        made = db.session.scalars(select(ScheduledExport)).one()
        assert (made.misfire, made.overlap, made.start_window) == ("all", "allow", 90)
        assert made.next_run_at is not None
        assert made.recurrence.interval == 2
        assert made.recurrence.starts_on == made.next_run_at.date()

    def test_it_keeps_what_becomes_of_results_and_shows_it_again(
        self, client: FlaskClient, manager: User, dataset: Dataset
    ) -> None:
        sign_in(client, manager)

        fresh = client.get(f"/schedules/new?dataset={dataset.public_id}").get_data(as_text=True)
        client.post("/schedules/new", data=filled_in(dataset, empty="tell", unchanged="skip", drift="go on"))

        made = db.session.scalars(select(ScheduledExport)).one()
        assert (made.empty, made.unchanged, made.drift) == ("tell", "skip", "go on")
        edited = client.get(f"/schedules/{made.public_id}/edit").get_data(as_text=True)
        for page, chosen in ((fresh, ("send", "send", "stop")), (edited, ("tell", "skip", "go on"))):
            fold = page.partition("If the result is not as usual")[2].partition("</details>")[0]
            assert re.findall(r'<option selected value="([^"]*)">', fold) == list(chosen)
        assert '<details class="section-fold" open>' in edited
        assert '<details class="section-fold" open>' not in fresh

    def test_it_shows_the_regions_of_a_country_without_script(
        self, client: FlaskClient, manager: User, dataset: Dataset
    ) -> None:
        sign_in(client, manager)

        response = client.post(
            "/schedules/new", data=filled_in(dataset, holidays="skip", country="DE", show="regions")
        )

        assert "Not saved yet: choose the region , then save." in text_of(response)
        assert ">Berlin</option>" in response.get_data(as_text=True)
        assert schedules_kept() == 0

    def test_it_comes_back_with_another_datasets_columns_before_saving(
        self, client: FlaskClient, manager: User, dataset: Dataset, settings: Settings
    ) -> None:
        other = factories.dataset(manager.organization, settings, "Other cases")
        db.session.commit()
        sign_in(client, manager)

        response = client.post(
            f"/schedules/new?dataset={dataset.public_id}", data=filled_in(other, loaded=dataset.public_id)
        )

        body = response.get_data(as_text=True)
        assert "Not saved yet: these are the filters and columns of “Other cases”." in text_of(response)
        assert re.search(rf'name="loaded"\s+value="{other.public_id}"', body)
        assert len(re.findall(r'name="columns"[^>]* checked', body)) == len(other.versions[-1].columns)
        assert 'value="Weekly cases"' in body
        assert schedules_kept() == 0

    def test_it_works_while_the_source_does_not(
        self, client: FlaskClient, manager: User, dataset: Dataset, settings: Settings
    ) -> None:
        (sources_folder(settings, manager.organization) / "compliance.db").unlink()
        sign_in(client, manager)

        page = client.get(f"/schedules/new?dataset={dataset.public_id}")
        saved = client.post("/schedules/new", data=filled_in(dataset, filter_business_units=["BU-01"]))

        assert "The data source could not be asked what there is to choose from" in text_of(page)
        assert saved.status_code == 302
        assert db.session.scalars(select(ScheduledExport)).one().filters == {"business_units": ["BU-01"]}

    def test_it_escapes_what_was_typed(self, client: FlaskClient, manager: User, dataset: Dataset) -> None:
        sign_in(client, manager)

        response = client.post(
            "/schedules/new", data=filled_in(dataset, name="<script>alert(1)</script>", time='"><b>')
        )

        body = response.get_data(as_text=True)
        assert "<script>alert" not in body
        assert "<b>" not in body

    def test_it_is_not_for_auditors(self, client: FlaskClient, auditor: User, dataset: Dataset) -> None:
        sign_in(client, auditor)

        assert client.get("/schedules/new").status_code == 403
        assert client.post("/schedules/new", data=filled_in(dataset)).status_code == 403
        assert schedules_kept() == 0

    def test_it_knows_no_dataset_of_others(
        self, client: FlaskClient, outsider: User, dataset: Dataset
    ) -> None:
        sign_in(client, outsider)

        response = client.post("/schedules/new", data=filled_in(dataset))

        assert client.get(f"/schedules/new?dataset={dataset.public_id}").status_code == 404
        assert error_at(response, "dataset") == "Choose a dataset from the list."
        assert dataset.public_id not in response.get_data(as_text=True)
        assert schedules_kept() == 0


class TestEdit:
    def test_it_shows_what_was_filled_in(self, client: FlaskClient, manager: User, dataset: Dataset) -> None:
        made = factories.schedule(
            manager, dataset, columns=("status",), filters={"statuses": ["OPEN"]}, name="Ours & yours"
        )
        sign_in(client, manager)

        body = client.get(f"/schedules/{made.public_id}/edit").get_data(as_text=True)

        assert 'value="Ours &amp; yours"' in body
        assert re.findall(r'name="columns"\s+value="(\w+)"[^>]*\schecked', body) == ["status"]
        assert re.findall(r'<input checked [^>]*name="filter_statuses"[^>]*value="(\w+)"', body) == ["OPEN"]
        assert re.findall(r'<input checked [^>]*name="weekday"[^>]*value="(\d)"', body) == ["0"]

    def test_it_changes_the_schedule(
        self, client: FlaskClient, manager: User, dataset: Dataset, schedule: ScheduledExport
    ) -> None:
        sign_in(client, manager)

        response = client.post(
            f"/schedules/{schedule.public_id}/edit",
            data=filled_in(
                dataset, name="Monthly", rhythm="monthly", monthday="31", channel="storage", location="a/b"
            ),
        )

        assert response.location == f"/schedules/{schedule.public_id}"
        db.session.refresh(schedule)
        assert (schedule.name, schedule.channel, schedule.location) == ("Monthly", Channel.STORAGE, "a/b")
        assert schedule.recurrence.monthday == 31
        assert schedule.recipients == []
        assert actions()[-1] == "schedule.update"

    def test_it_keeps_the_schedule_as_it_was_when_something_is_wrong(
        self, client: FlaskClient, manager: User, dataset: Dataset, schedule: ScheduledExport
    ) -> None:
        before = service.describe(schedule)
        sign_in(client, manager)

        # The filter is refused by the service, after it began to change the schedule.
        response = client.post(
            f"/schedules/{schedule.public_id}/edit",
            data=filled_in(dataset, name="Changed", filter_statuses=["ODD"]),
        )

        assert error_at(response, "filter_statuses") == "Status has no choice “ODD”."
        assert 'value="Changed"' in response.get_data(as_text=True)
        db.session.rollback()
        db.session.refresh(schedule)
        assert service.describe(schedule) == before


class TestPreview:
    def test_it_follows_the_organizations_days_off(
        self, client: FlaskClient, admin: User, manager: User
    ) -> None:
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        query = "/schedules/preview?rhythm=daily&time=12:00&timezone=UTC&holidays=skip"
        sign_in(client, manager)
        before = client.get(query).get_data(as_text=True)
        own_days.add_days(admin, {tomorrow: "Retreat"}, now=datetime.now(UTC))
        db.session.commit()

        after = client.get(query).get_data(as_text=True)

        assert f'datetime="{tomorrow}T12:00' in before
        assert f'datetime="{tomorrow}T12:00' not in after
        assert after.count("<time") == 5

    def test_it_offers_the_regions_of_a_country(self, client: FlaskClient, manager: User) -> None:
        sign_in(client, manager)

        german = client.get("/schedules/regions?country=DE").get_data(as_text=True)

        assert re.search(r'<option value="BE"\s*>Berlin</option>', german)
        assert client.get("/schedules/regions?country=odd").get_data(as_text=True).count("<option") == 1

    def test_it_shows_the_dates_on_which_the_dispatcher_will_run(
        self, client: FlaskClient, manager: User
    ) -> None:
        sign_in(client, manager)

        body = client.get(
            "/schedules/preview?rhythm=weekly&weekday=0&weekday=3&time=06:30&timezone=America/New_York"
        ).get_data(as_text=True)

        rule = Rule(Kind.WEEKLY, datetime(2025, 1, 1, 6, 30).time(), weekdays=(0, 3))  # noqa: DTZ001
        expected = instants(rule, "America/New_York", after=datetime.now(UTC))
        shown = [datetime.fromisoformat(at) for at in re.findall(r'datetime="([^"]+)"', body)]
        assert "Every Monday and Thursday at 06:30, America/New_York" in body
        assert shown == expected

    @pytest.mark.parametrize(
        ("query", "problem"),
        [
            ("rhythm=weekly&time=08:00&timezone=UTC", "Choose the weekday on which a weekly schedule runs."),
            ("rhythm=daily&time=24:00&timezone=UTC", "The time of day must look like 08:00"),
            ("rhythm=monthly&monthday=40&time=08:00&timezone=UTC", "The day of the month is a number from 1"),
            ("rhythm=daily&time=08:00&timezone=Europe/Berlni", "Did you mean Europe/Berlin?"),
            ("rhythm=yearly&time=08:00&timezone=UTC", "Choose how often it runs."),
            ("rhythm=cron&cron=0+8+31+2+*&timezone=UTC", "its months have no such day"),
            ("rhythm=cron&cron=*+*+*+*+*&timezone=UTC", "15 minutes"),
            (
                "rhythm=daily&time=08:00&timezone=UTC&ends=on&ends_on=2020-01-01",
                "Its last occurrence would",
            ),
            ("", "Choose the weekday on which a weekly schedule runs."),
        ],
    )
    def test_it_says_what_is_wrong_and_shows_no_dates(
        self, client: FlaskClient, manager: User, query: str, problem: str
    ) -> None:
        sign_in(client, manager)

        response = client.get(f"/schedules/preview?{query}")

        assert response.status_code == 200
        assert problem in text_of(response)
        assert "<time" not in response.get_data(as_text=True)
