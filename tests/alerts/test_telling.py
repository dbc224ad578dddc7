"""Who is told of an alert by mail, when, and what a mail server's answers do to it."""

import sqlite3
import threading
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal.alerts import service, telling
from portal.alerts.models import Alert, Cause
from portal.config import Settings
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.permissions import Role
from portal.schedules.models import ScheduledExport
from tests import factories
from tests.conftest import SmtpServer
from tests.factories import NOW
from tests.mail_servers import HANG_UP, SILENCE, USUAL, Scripted, pointed_at, scripted

MINUTE = timedelta(minutes=1)
DAY = timedelta(hours=24)


def raised(
    schedule: ScheduledExport, cause: Cause = Cause.RUN_FAILED, message: str = "The source does not answer."
) -> Alert:
    service.raise_alert(schedule, cause, message, run_id="run-1", now=NOW)
    db.session.commit()
    return db.session.scalars(
        select(Alert).where(Alert.schedule_id == schedule.id, Alert.cause == cause, Alert.closed_at.is_(None))
    ).one()


def fresh(alert: Alert) -> Alert:
    db.session.refresh(alert)
    return alert


def addressees(smtp: SmtpServer) -> list[str]:
    return sorted(str(message["To"]) for message in smtp.messages())


@pytest.fixture
def to(app: Flask, settings: Settings) -> "Servers":
    return Servers(app, settings)


class Servers:
    """Points the application at one scripted server after another."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    def __call__(self, server: Scripted, **changes: object) -> Settings:
        settings = pointed_at(self._settings, server, mail_timeout=1, **changes)
        self._app.config["PORTAL"] = settings
        return settings


def test_it_tells_the_owner_and_each_admin_once(
    manager: User,
    admin: User,
    auditor: User,
    schedule: ScheduledExport,
    settings: Settings,
    smtp: SmtpServer,
) -> None:
    alert = raised(schedule)

    assert telling.tell(settings, NOW) == 2
    assert telling.tell(settings, NOW) == 0

    assert addressees(smtp) == ["admin@acme.example", "manager@acme.example"]
    assert (fresh(alert).told, alert.sent_at, alert.send_error) == (1, NOW, None)


def test_it_tells_an_owner_who_is_an_admin_once(
    admin: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    schedule.owner = admin
    raised(schedule)

    telling.tell(settings, NOW)

    assert addressees(smtp) == ["admin@acme.example"]


def test_it_puts_all_that_is_due_into_one_mail_and_shows_owners_only_their_own(
    manager: User, admin: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    theirs = factories.schedule(admin, schedule.dataset, name="Admin's own")
    raised(schedule)
    raised(schedule, Cause.RUN_MISSED, "It was due while nothing ran.")
    raised(theirs)

    assert telling.tell(settings, NOW) == 2

    mails = {str(message["To"]): message for message in smtp.messages()}
    assert str(mails["admin@acme.example"]["Subject"]) == "3 alerts: Acme Co."
    assert str(mails["manager@acme.example"]["Subject"]) == "2 alerts: Acme Co."
    body = mails["manager@acme.example"].get_body(("plain",))
    assert body is not None
    assert "Weekly cases" in body.get_content()
    assert "Admin's own" not in body.get_content()


def test_it_tells_nobody_whose_account_is_disabled(
    manager: User, admin: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    manager.disabled_at = NOW
    other = factories.user(admin.organization, Role.ADMIN, "former@acme.example")
    other.disabled_at = NOW
    raised(schedule)

    telling.tell(settings, NOW)

    assert addressees(smtp) == ["admin@acme.example"]


def test_it_keeps_organizations_apart(
    admin: User,
    schedule: ScheduledExport,
    globex: Organization,
    outsider: User,
    settings: Settings,
    smtp: SmtpServer,
) -> None:
    foreign = factories.schedule(outsider, factories.dataset(globex, settings, "Theirs"), name="Globex cases")
    raised(schedule)
    raised(foreign)

    assert telling.tell(settings, NOW) == 3

    for message in smtp.messages():
        body = message.get_body(("plain",))
        assert body is not None
        own = "globex" if "globex" in str(message["To"]) else "acme"
        assert ("Globex cases" in body.get_content()) is (own == "globex")
        assert ("Weekly cases" in body.get_content()) is (own == "acme")


def test_it_tells_nobody_of_an_archived_organization(
    admin: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    raised(schedule)
    admin.organization.archived_at = NOW
    db.session.commit()

    assert telling.organizations_to_tell(NOW) == []
    assert telling.tell(settings, NOW) == 0


def test_it_reminds_after_a_day_only_if_it_happened_since(
    admin: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    alert = raised(schedule)
    telling.tell(settings, NOW)
    assert telling.tell(settings, NOW + 2 * DAY) == 0, "nothing happened since"

    raised(schedule)
    raised(schedule)
    assert telling.tell(settings, NOW + DAY - MINUTE) == 0
    assert telling.tell(settings, NOW + DAY) == 2
    assert telling.tell(settings, NOW + DAY + MINUTE) == 0

    assert (fresh(alert).told, alert.count) == (3, 3)
    last = smtp.messages()[-1]
    assert str(last["Subject"]) == "Export failed 3 times: Weekly cases"
    body = last.get_body(("plain",))
    assert body is not None
    assert "2 of them since our last mail" in " ".join(body.get_content().split())


def test_it_still_tells_of_a_failure_that_was_over_before_the_mail_left(
    admin: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    raised(schedule)
    service.close_alert(schedule, (Cause.RUN_FAILED,), now=NOW + MINUTE)
    db.session.commit()

    assert telling.tell(settings, NOW + MINUTE) == 2

    body = smtp.messages()[0].get_body(("plain",))
    assert body is not None
    assert "Over since" in body.get_content()


def test_it_tells_nobody_of_what_was_acknowledged_before_the_mail_left(
    manager: User, schedule: ScheduledExport
) -> None:
    service.acknowledge(manager, raised(schedule), "", now=NOW)
    db.session.commit()

    assert telling.organizations_to_tell(NOW) == []


@pytest.mark.parametrize("over", ["acknowledged", "succeeded"])
def test_it_reminds_nobody_of_what_is_over(
    admin: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer, over: str
) -> None:
    alert = raised(schedule)
    telling.tell(settings, NOW)
    raised(schedule)
    if over == "acknowledged":
        service.acknowledge(admin, alert, "", now=NOW)
    else:
        service.close_alert(schedule, (Cause.RUN_FAILED,), now=NOW)
    db.session.commit()

    assert telling.organizations_to_tell(NOW + 2 * DAY) == []


def test_it_tries_again_after_five_minutes_when_the_server_refuses_everybody(
    admin: User, schedule: ScheduledExport, to: Servers, settings: Settings, smtp: SmtpServer
) -> None:
    alert = raised(schedule)
    with scripted(answers={"RCPT": "550 5.7.1 relaying denied"}) as server:
        assert telling.tell(to(server), NOW) == 0
        assert telling.tell(to(server), NOW + 4 * MINUTE) == 0
        assert server.commands.count("RCPT") == 2, "each person once, and not again so soon"

    assert fresh(alert).told == 0
    assert alert.send_error == (
        "Manager: the mail server answered 550 5.7.1 relaying denied;"
        " Admin: the mail server answered 550 5.7.1 relaying denied"
    )
    with scripted() as server:
        assert telling.tell(to(server), NOW + 5 * MINUTE) == 2
    assert fresh(alert).told == 1
    assert fresh(alert).send_error is None


def test_it_tries_a_reminder_again_after_five_minutes_too(
    admin: User, schedule: ScheduledExport, to: Servers
) -> None:
    alert = raised(schedule)
    with scripted() as server:
        telling.tell(to(server), NOW)
    raised(schedule)
    with scripted(answers={"MAIL": "451 4.3.0 try later"}) as server:
        assert telling.tell(to(server), NOW + DAY) == 0

    with scripted() as server:
        assert telling.tell(to(server), NOW + DAY + 5 * MINUTE) == 2
    assert fresh(alert).told == 2


def test_it_says_who_was_not_reached_and_bothers_the_others_no_more(
    admin: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    factories.user(admin.organization, Role.ADMIN, "refused@acme.example")
    alert = raised(schedule)

    assert telling.tell(settings, NOW) == 2
    assert telling.tell(settings, NOW + 10 * MINUTE) == 0

    assert addressees(smtp) == ["admin@acme.example", "manager@acme.example"]
    assert fresh(alert).told == 1
    assert alert.send_error == "Refused: the mail server answered 550 5.1.1 User unknown"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"RCPT": HANG_UP}, "Manager: the connection broke"),
        ({"RCPT": SILENCE}, "Manager: the connection broke: Connection unexpectedly closed: timed out"),
        ({"END": HANG_UP}, "the connection broke after sending, so it may have arrived"),
    ],
)
def test_it_says_how_the_connection_failed(
    manager: User, schedule: ScheduledExport, to: Servers, answers: dict[str, str], words: str
) -> None:
    alert = raised(schedule)
    with scripted(answers=answers) as server:
        assert telling.tell(to(server), NOW) == 0

    assert fresh(alert).told == 0
    assert words in (alert.send_error or "")


def test_it_asks_a_server_that_is_away_once_and_not_for_each_person(
    admin: User, schedule: ScheduledExport, to: Servers
) -> None:
    alert = raised(schedule)
    with scripted(answers={"STARTTLS": "454 4.7.0 not now"}) as server:
        assert telling.tell(to(server, mail_security="starttls"), NOW) == 0

    assert server.commands.count("STARTTLS") == 1
    assert (fresh(alert).send_error or "").count("no connection to the mail server") == 2


def test_it_says_when_there_is_nobody_to_tell(
    manager: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    manager.disabled_at = NOW
    alert = raised(schedule)

    assert telling.tell(settings, NOW) == 0
    assert (fresh(alert).told, alert.send_error) == (
        0,
        "No owner or admin has an account that is enabled.",
    )


def test_it_tells_again_what_a_worker_claimed_and_died_with(
    manager: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    alert = raised(schedule)
    assert telling._claim(alert.organization_id, settings, NOW) is not None

    assert telling.tell(settings, NOW + 4 * MINUTE) == 0
    assert telling.tell(settings, NOW + 5 * MINUTE) == 1


def test_it_writes_nothing_for_a_claim_that_was_made_anew(
    manager: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    alert = raised(schedule)
    slow = telling._claim(alert.organization_id, settings, NOW)
    assert slow is not None
    telling.tell(settings, NOW + 5 * MINUTE)

    telling._record(slow, slow.notices, dict.fromkeys(slow.people[alert.id], "too late"))

    assert (fresh(alert).told, alert.send_error) == (1, None)


def test_no_transaction_is_open_while_mail_goes_out(
    manager: User, schedule: ScheduledExport, to: Servers, settings: Settings
) -> None:
    """The server writes to the portal's database as it answers: an open transaction would refuse it."""
    raised(schedule)
    watching = Watching(settings.data_dir / "portal.db")
    with scripted(answers=watching) as server:
        assert telling.tell(to(server), NOW) == 1

    assert watching.wrote == ["EHLO", "MAIL", "RCPT", "DATA", "END", "QUIT"]


class Watching(dict[str, str]):
    """Answers as usual, and takes the database's write lock before each answer."""

    def __init__(self, path: Path) -> None:
        super().__init__(USUAL)
        self._path = path
        self.wrote: list[str] = []

    def get(self, command: str, default: object = None) -> str:
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
        if not self.wrote or self.wrote[-1] != command:
            self.wrote.append(command)
        return USUAL[command]


def test_two_workers_at_once_tell_each_person_once(either_app: Flask, smtp: SmtpServer) -> None:
    settings = either_app.config["PORTAL"].model_copy(update={"mail_port": smtp.port})
    either_app.config["PORTAL"] = settings
    acme = factories.organization("Acme Co.", "acme")
    manager = factories.user(acme, Role.MANAGER, "manager@acme.example")
    factories.user(acme, Role.ADMIN, "admin@acme.example")
    schedule = factories.schedule(manager, factories.dataset(acme, settings))
    raised(schedule)
    db.session.remove()
    accepted: list[int] = []
    ready = threading.Barrier(4)

    def work() -> None:
        with either_app.app_context():
            ready.wait(10)
            accepted.append(telling.tell(settings, NOW))
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(accepted) == [0, 0, 0, 2]
    assert addressees(smtp) == ["admin@acme.example", "manager@acme.example"]


def test_the_envelope_has_exactly_one_recipient_a_message(
    admin: User, schedule: ScheduledExport, to: Servers
) -> None:
    raised(schedule)
    with scripted() as server:
        telling.tell(to(server), NOW)

    assert [line for line in server.heard if line.startswith("rcpt")] == [
        "rcpt TO:<manager@acme.example>",
        "rcpt TO:<admin@acme.example>",
    ]
    messages = [message_from_bytes(raw, policy=policy.default) for raw in server.messages]
    assert [str(message["To"]) for message in messages] == ["manager@acme.example", "admin@acme.example"]
