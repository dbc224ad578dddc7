"""The message: both its parts, its headers, its one attachment, and what an answer means."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask import Flask

from portal.config import Settings
from portal.delivery import email
from portal.delivery.email import Letter, NoRowsLetter
from portal.delivery.models import DeliveryStatus
from tests.conftest import SmtpServer
from tests.mail_servers import HANG_UP, SILENCE, certificate, pointed_at, scripted

EVERYONE = ("ann@example.org", "bob@example.org")
LINK = "http://portal.example/d/token-of-ann"
LETTER = Letter(
    organization="Acme Co.",
    schedule="Weekly cases",
    due_at=datetime(2025, 3, 10, 7, 0, tzinfo=UTC),
    timezone="Europe/Berlin",
    filename="weekly-cases-2025-03-10-0800.csv",
    media_type="text/csv",
    size=1_234_567,
    rows=4711,
    sha256="ab" * 32,
    facts=(("Dataset", "Cases"), ("Opened", "Previous week")),
    everyone=EVERYONE,
)


def compose(
    settings: Settings, attachment: bytes | None = b"id\n1\n", letter: Letter = LETTER
) -> EmailMessage:
    """Build Ann's message and read it as she would."""
    message = email.compose(
        letter,
        "ann@example.org",
        link=LINK,
        until=datetime(2025, 3, 17, 7, 0, tzinfo=UTC),
        message_id="<1@portal.example>",
        attachment=attachment,
        settings=settings,
    )
    return message_from_bytes(message.as_bytes(), policy=policy.default)


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_it_has_the_link_in_its_text_and_its_html(app: Flask, settings: Settings) -> None:
    message = compose(settings)

    assert message["Subject"] == "Weekly cases, 10 March 2025"
    assert LINK in part(message, "plain")
    assert f'href="{LINK}"' in part(message, "html")


def test_it_says_what_the_file_is(app: Flask, settings: Settings) -> None:
    text = part(compose(settings), "plain")

    for said in ("4,711", LETTER.filename, "17 March 2025, 08:00", LETTER.sha256):
        assert said in text


def test_it_names_all_recipients_and_hides_none(app: Flask, settings: Settings) -> None:
    message = compose(settings)

    assert sorted(str(message["To"]).split(", ")) == ["ann@example.org", "bob@example.org"]
    assert message["From"] == "Export Portal <exports@portal.example>"
    assert message["Bcc"] is None
    assert message["Message-ID"] == "<1@portal.example>"
    assert message["Auto-Submitted"] == "auto-generated"


def test_it_attaches_the_file_as_it_is(app: Flask, settings: Settings) -> None:
    content = bytes(range(256))

    (attached,) = compose(settings, content).iter_attachments()

    assert attached.get_filename() == LETTER.filename
    assert attached.get_content_type() == "text/csv"
    assert attached.get_content_disposition() == "attachment"
    assert attached.get_payload(decode=True) == content


def test_it_attaches_nothing_that_is_too_large_and_says_so(app: Flask, settings: Settings) -> None:
    message = compose(settings, None)

    assert list(message.iter_attachments()) == []
    assert "too large" in part(message, "plain")
    assert LINK in part(message, "plain")


def test_it_carries_other_scripts_in_names(app: Flask, settings: Settings) -> None:
    letter = Letter(**{**vars(LETTER), "schedule": "Fälle für 東京", "filename": "fälle-東京.csv"})

    message = compose(settings, letter=letter)

    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "fälle-東京.csv"
    assert message["Subject"] == "Fälle für 東京, 10 March 2025"


def test_it_writes_names_into_html_as_text(app: Flask, settings: Settings) -> None:
    letter = Letter(**{**vars(LETTER), "schedule": "<script>alert(1)</script> & more"})

    html = part(compose(settings, letter=letter), "html")

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_it_gives_a_message_id_that_stays_until_it_is_sent_anew(settings: Settings) -> None:
    first = email.message_id("run-1", "ann@example.org", settings)

    assert first == email.message_id("run-1", "ann@example.org", settings)
    assert first.endswith("@portal.example>")
    assert first.startswith("<run-1.")
    others = {
        email.message_id("run-1", "bob@example.org", settings),
        email.message_id("run-2", "ann@example.org", settings),
        email.message_id("run-1", "ann@example.org", settings, resend=1),
        email.message_id("run-1", "ann@example.org", settings, resend=2),
    }
    assert len(others | {first}) == 5
    assert "ann" not in first


# Answers


def send(app: Flask, settings: Settings) -> email.Answer:
    app.config["PORTAL"] = settings
    message = email.compose(
        LETTER,
        "ann@example.org",
        link=LINK,
        until=LETTER.due_at,
        message_id="<1@portal.example>",
        attachment=None,
        settings=settings,
    )
    return email.send(message, "ann@example.org", settings)


def test_it_reaches_one_envelope_recipient(app: Flask, settings: Settings, smtp: SmtpServer) -> None:
    answer = send(app, settings)

    assert (answer.status, answer.code) == (DeliveryStatus.SENT, 250)
    (received,) = smtp.messages()
    assert received["X-Envelope-To"] == "ann@example.org"
    assert received["Message-ID"] == "<1@portal.example>"


@pytest.mark.parametrize(
    ("answers", "status", "code", "enhanced"),
    [
        ({}, DeliveryStatus.SENT, 250, "2.0.0"),
        ({"RCPT": "550 5.1.1 no such user"}, DeliveryStatus.REFUSED, 550, "5.1.1"),
        ({"RCPT": "451 4.7.1 greylisted"}, DeliveryStatus.DEFERRED, 451, "4.7.1"),
        ({"MAIL": "553 5.7.1 sender unknown"}, DeliveryStatus.REFUSED, 553, "5.7.1"),
        ({"DATA": "451 4.3.0 not now"}, DeliveryStatus.DEFERRED, 451, "4.3.0"),
        ({"DATA": HANG_UP}, DeliveryStatus.DEFERRED, None, None),
        ({"END": "554 no"}, DeliveryStatus.REFUSED, 554, None),
        ({"END": "421 4.3.2 closing"}, DeliveryStatus.DEFERRED, 421, "4.3.2"),
        ({"END": HANG_UP}, DeliveryStatus.UNKNOWN, None, None),
        ({"END": SILENCE}, DeliveryStatus.UNKNOWN, None, None),
        ({"EHLO": SILENCE}, DeliveryStatus.DEFERRED, None, None),
        ({"QUIT": HANG_UP}, DeliveryStatus.SENT, 250, "2.0.0"),
    ],
)
def test_it_knows_what_an_answer_means(
    app: Flask,
    settings: Settings,
    answers: dict[str, str],
    status: DeliveryStatus,
    code: int | None,
    enhanced: str | None,
) -> None:
    with scripted(answers=answers) as server:
        answer = send(app, pointed_at(settings, server, mail_timeout=0.3))

    assert (answer.status, answer.code, answer.enhanced) == (status, code, enhanced)
    assert answer.reply


@pytest.mark.parametrize("greeting", ["554 5.3.2 no service", "421 later", SILENCE, HANG_UP, "nonsense"])
def test_it_tries_later_when_the_server_takes_nobody(app: Flask, settings: Settings, greeting: str) -> None:
    with scripted(greeting=greeting) as server:
        answer = send(app, pointed_at(settings, server, mail_timeout=0.3))

    assert answer.status is DeliveryStatus.DEFERRED


def test_it_says_that_there_were_no_rows(app: Flask, settings: Settings) -> None:
    letter = NoRowsLetter(
        organization="Acme Co.",
        schedule="Cases <new>",
        due_at=LETTER.due_at,
        timezone="Europe/Berlin",
        facts=(("Dataset", "Cases"), ("Opened", "Previous week"), ("Status", "all")),
        everyone=EVERYONE,
    )

    built = email.compose_no_rows(
        letter, "ann@example.org", message_id="<1@portal.example>", settings=settings
    )
    message = message_from_bytes(built.as_bytes(), policy=policy.default)

    assert message["Subject"] == "Cases <new>, 10 March 2025"
    assert message["Message-ID"] == "<1@portal.example>"
    assert set(message["To"].split(", ")) == set(EVERYONE)
    assert message["Auto-Submitted"] == "auto-generated"
    assert list(message.iter_attachments()) == []
    for kind in ("plain", "html"):
        words = " ".join(part(message, kind).split())
        assert "There were no rows this time, so there is no file." in words
        assert "Monday 10 March 2025, 08:00, Europe/Berlin" in words
        assert "Previous week" in words
        assert "ann@example.org gets this because" in words
        assert "Status" not in words
    assert "Cases &lt;new&gt;" in part(message, "html")


def test_it_tries_later_when_the_login_is_wrong(app: Flask, settings: Settings) -> None:
    """A wrong password is ours to mend; it says nothing about the recipient."""
    with scripted(answers={"AUTH": "535 5.7.8 bad credentials"}) as server:
        changed = pointed_at(settings, server, mail_username="portal", mail_password="hunter2")
        answer = send(app, changed)

    assert answer.status is DeliveryStatus.DEFERRED
    assert "bad credentials" in answer.reply
    assert "hunter2" not in answer.reply


def test_it_tries_later_when_nobody_vouches_for_the_server(
    app: Flask, settings: Settings, tmp_path: Path
) -> None:
    context, _ = certificate(tmp_path)
    with scripted(tls=context) as server:
        answer = send(app, pointed_at(settings, server, mail_security="starttls"))

    assert answer.status is DeliveryStatus.DEFERRED
    assert "certificate" in answer.reply
    assert server.messages == []


def test_it_tries_later_when_no_server_is_there(app: Flask, settings: Settings) -> None:
    answer = send(app, settings.model_copy(update={"mail_port": 1}))

    assert answer.status is DeliveryStatus.DEFERRED
    assert answer.reply.startswith("no connection to the mail server")
