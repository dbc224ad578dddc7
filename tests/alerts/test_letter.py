"""The mail of alerts: what it says, where it leads, and its headers."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from flask import Flask

from portal.alerts import letter
from portal.alerts.letter import LISTED, Notice, Person
from portal.alerts.models import Cause
from portal.config import Settings

ANN = Person("Ann", "ann@acme.example")
NOTICE = Notice(
    alert_id=1,
    cause=Cause.RUN_FAILED,
    schedule="Weekly cases",
    message="The source does not answer.",
    count=1,
    told=0,
    first_at=datetime(2025, 3, 10, 7, 0, tzinfo=UTC),
    last_at=datetime(2025, 3, 10, 7, 0, tzinfo=UTC),
    over_at=None,
    next_step="The schedule goes on: its next run is due Monday 17 March 2025, 08:00.",
    run_url="http://portal.example/runs/run-1",
    schedule_url="http://portal.example/schedules/schedule-1",
)


def compose(settings: Settings, *notices: Notice, person: Person = ANN) -> EmailMessage:
    message = letter.compose(
        notices, person, organization="Acme Co.", zone="Europe/Berlin", settings=settings
    )
    return message_from_bytes(message.as_bytes(), policy=policy.default)


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return " ".join(str(found.get_content()).split())


def test_it_says_what_happened_when_and_what_comes_next_in_both_parts(app: Flask, settings: Settings) -> None:
    message = compose(settings, NOTICE)

    assert message["Subject"] == "Export failed: Weekly cases"
    for kind in ("plain", "html"):
        text = part(message, kind)
        for said in (
            "Acme Co.",
            "Weekly cases",
            "The source does not answer.",
            "Monday 10 March 2025, 08:00",
            "Europe/Berlin",
            NOTICE.next_step,
            "http://portal.example/runs/run-1",
            "http://portal.example/schedules/schedule-1",
            "http://portal.example/alerts",
        ):
            assert said in text, (kind, said)


def test_it_says_how_often_since_when(app: Flask, settings: Settings) -> None:
    often = replace(NOTICE, count=5, told=2, last_at=datetime(2025, 3, 12, 7, 0, tzinfo=UTC))

    message = compose(settings, often)

    assert message["Subject"] == "Export failed 5 times: Weekly cases"
    for kind in ("plain", "html"):
        assert (
            "5 times since Monday 10 March 2025, 08:00, last on Wednesday 12 March 2025, 08:00;"
            " 3 of them since our last mail" in part(message, kind)
        )


def test_it_is_from_a_machine_to_one_person(app: Flask, settings: Settings) -> None:
    message = compose(settings, NOTICE)

    assert message["To"] == "ann@acme.example"
    assert message["From"] == "Export Portal <exports@portal.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert (message["Cc"], message["Bcc"]) == (None, None)


def test_its_message_id_stays_for_the_same_news_only(app: Flask, settings: Settings) -> None:
    first = compose(settings, NOTICE)["Message-ID"]

    assert first == compose(settings, NOTICE)["Message-ID"]
    assert first.endswith("@portal.example>")
    others = {
        compose(settings, replace(NOTICE, count=2))["Message-ID"],
        compose(settings, replace(NOTICE, alert_id=2))["Message-ID"],
        compose(settings, NOTICE, person=Person("Bob", "bob@acme.example"))["Message-ID"],
    }
    assert len({first} | others) == 4


def test_it_spells_out_only_so_many(app: Flask, settings: Settings) -> None:
    many = [
        replace(NOTICE, alert_id=number, schedule=f"Schedule no. {number};") for number in range(LISTED + 3)
    ]

    message = compose(settings, *many)

    assert message["Subject"] == "33 alerts: Acme Co."
    for kind in ("plain", "html"):
        text = part(message, kind)
        assert f"Schedule no. {LISTED - 1};" in text
        assert f"Schedule no. {LISTED};" not in text
        assert "And 3 more." in text


def test_it_writes_what_happened_into_html_as_text(app: Flask, settings: Settings) -> None:
    html = part(compose(settings, replace(NOTICE, message="<img src=x> & more")), "html")

    assert "<img" not in html
    assert "&lt;img src=x&gt; &amp; more" in html


def test_no_name_starts_another_header(app: Flask, settings: Settings) -> None:
    message = compose(settings, replace(NOTICE, schedule="Weekly\r\nBcc: eve@example.org"))

    assert message["Subject"] == "Export failed: Weekly Bcc: eve@example.org"
    assert message["Bcc"] is None


def test_it_links_to_no_page_that_is_gone(app: Flask, settings: Settings) -> None:
    text = part(compose(settings, replace(NOTICE, run_url=None, schedule_url=None)), "plain")

    assert "Run:" not in text
    assert "Schedule:" not in text
