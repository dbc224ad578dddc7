"""Sending over real sockets: what the server says, when it breaks off, and whom we trust."""

import smtplib
import ssl
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_mail import Attachment, Message

from portal.config import Settings
from portal.errors import InvalidInput
from portal.extensions import mail
from portal.mail import OutcomeUnknown, PortalConnection
from tests.conftest import SmtpServer
from tests.mail_servers import HANG_UP, SILENCE, Scripted, certificate, pointed_at, scripted

SENDER = "exports@portal.example"


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "subject": "Weekly cases",
        "recipients": ["ann@example.org", "bob@example.org"],
        "sender": f"Export Portal <{SENDER}>",
        "body": "Two lines\n.and a dot",
        **changes,
    }
    return Message(**values)


def transmit(app: Flask, settings: Settings, sent: Message | None = None) -> tuple[int, str]:
    app.config["PORTAL"] = settings
    with mail.connect() as connection:
        return connection.transmit(sent or message(), SENDER, "ann@example.org")


def test_it_sends_to_one_envelope_recipient_and_shows_all(app: Flask, smtp: SmtpServer) -> None:
    code, reply = transmit(app, app.config["PORTAL"])

    assert code == 250
    (received,) = smtp.messages()
    assert reply.startswith("OK ")
    assert received["X-Envelope-To"] == "ann@example.org"
    assert sorted(received["To"].split(", ")) == ["ann@example.org", "bob@example.org"]
    assert received.get_content().splitlines() == ["Two lines", ".and a dot"]


def test_it_sends_one_message_after_another(app: Flask, smtp: SmtpServer) -> None:
    with mail.connect() as connection:
        for recipient in ("ann@example.org", "bob@example.org"):
            connection.transmit(message(), SENDER, recipient)

    assert {received["X-Envelope-To"] for received in smtp.messages()} == {
        "ann@example.org",
        "bob@example.org",
    }


def test_it_ends_lines_as_the_protocol_wants(app: Flask, settings: Settings) -> None:
    plain = message(body="From here\n.\n..\nQUIT\r\n.end")
    plain.charset = "us-ascii"
    with scripted() as server:
        transmit(app, pointed_at(settings, server), plain)

    (content,) = server.messages
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert content.endswith(b"\r\n\r\nFrom here\r\n..\r\n...\r\nQUIT\r\n..end\r\n")
    assert server.commands == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize(
    ("command", "reply", "code"),
    [
        ("MAIL", "550 5.7.1 we don't know you", 550),
        ("RCPT", "550 5.1.1 no such user", 550),
        ("RCPT", "451 4.7.1 greylisted", 451),
        ("DATA", "554 5.5.1 no valid recipients", 554),
        ("END", "552 5.3.4 too big", 552),
        ("END", "451 4.3.0 try again", 451),
        ("END", "421 4.3.2 shutting down", 421),
        ("RCPT", "252 perhaps", 252),
    ],
)
def test_it_tells_what_the_server_refused(
    app: Flask, settings: Settings, command: str, reply: str, code: int
) -> None:
    with (
        scripted(answers={command: reply}) as server,
        pytest.raises(smtplib.SMTPResponseException) as refused,
    ):
        transmit(app, pointed_at(settings, server))

    assert refused.value.smtp_code == code
    assert refused.value.smtp_error == reply[4:].encode()


def test_it_takes_will_forward_for_yes(app: Flask, settings: Settings) -> None:
    with scripted(answers={"RCPT": "251 will forward"}) as server:
        assert transmit(app, pointed_at(settings, server)) == (250, "2.0.0 queued as 4711")


@pytest.mark.parametrize("how", [HANG_UP, SILENCE])
def test_it_does_not_know_the_outcome_when_it_ends_after_the_final_dot(
    app: Flask, settings: Settings, how: str
) -> None:
    with scripted(answers={"END": how}) as server, pytest.raises(OutcomeUnknown):
        transmit(app, pointed_at(settings, server, mail_timeout=0.3))

    assert len(server.messages) == 1


@pytest.mark.parametrize("how", [HANG_UP, SILENCE])
@pytest.mark.parametrize("command", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_it_knows_that_nothing_was_sent_when_it_ends_before(
    app: Flask, settings: Settings, command: str, how: str
) -> None:
    with (
        scripted(answers={command: how}) as server,
        pytest.raises((smtplib.SMTPServerDisconnected, TimeoutError)),
    ):
        transmit(app, pointed_at(settings, server, mail_timeout=0.3))

    assert server.messages == []


def test_it_gives_up_on_a_server_that_never_greets(app: Flask, settings: Settings) -> None:
    with (
        scripted(greeting=SILENCE) as server,
        pytest.raises((smtplib.SMTPServerDisconnected, TimeoutError)),
    ):
        transmit(app, pointed_at(settings, server, mail_timeout=0.3))

    assert server.heard == []


def test_it_forgives_a_server_that_drops_instead_of_saying_bye(app: Flask, settings: Settings) -> None:
    with scripted(answers={"QUIT": HANG_UP}) as server:
        assert transmit(app, pointed_at(settings, server))[0] == 250


def test_it_logs_in_where_it_has_a_name(app: Flask, settings: Settings) -> None:
    with scripted() as server:
        transmit(app, pointed_at(settings, server, mail_username="portal", mail_password="hunter2"))

    assert server.commands[:3] == ["EHLO", "AUTH", "MAIL"]


def test_it_never_sends_unless_the_connection_is_open(app: Flask, settings: Settings) -> None:
    with pytest.raises(smtplib.SMTPServerDisconnected, match="not open"):
        PortalConnection(mail, settings).transmit(message(), SENDER, "ann@example.org")


# Whom we trust


def secured(
    app: Flask, settings: Settings, server: Scripted, security: str, ca_file: Path | None
) -> tuple[int, str]:
    return transmit(app, pointed_at(settings, server, mail_security=security, mail_ca_file=ca_file))


def test_it_refuses_starttls_with_a_certificate_nobody_vouches_for(
    app: Flask, settings: Settings, tmp_path: Path
) -> None:
    context, _ = certificate(tmp_path)
    with scripted(tls=context) as server, pytest.raises(ssl.SSLCertVerificationError):
        secured(app, settings, server, "starttls", None)

    assert "MAIL" not in server.commands


def test_it_accepts_starttls_with_a_certificate_of_our_authority(
    app: Flask, settings: Settings, tmp_path: Path
) -> None:
    context, ca_file = certificate(tmp_path)
    with scripted(tls=context) as server:
        assert secured(app, settings, server, "starttls", ca_file)[0] == 250

    assert server.commands == ["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


def test_it_refuses_a_certificate_of_another_host(app: Flask, settings: Settings, tmp_path: Path) -> None:
    context, ca_file = certificate(tmp_path, names=("127.0.0.2",))
    with scripted(tls=context) as server, pytest.raises(ssl.SSLCertVerificationError):
        secured(app, settings, server, "starttls", ca_file)

    assert "MAIL" not in server.commands


def test_it_sends_nothing_in_the_clear_when_starttls_is_not_offered(app: Flask, settings: Settings) -> None:
    with (
        scripted(answers={"EHLO": "250 scripted"}) as server,
        pytest.raises(smtplib.SMTPNotSupportedError),
    ):
        secured(app, settings, server, "starttls", None)

    assert "MAIL" not in server.commands


# Line breaks (A18)


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Cases{}Bcc: evil@example.org"},
        {"recipients": ["ann@example.org{}Bcc: evil@example.org"]},
        {"recipients": [("Ann{}Bcc: evil@example.org", "ann@example.org")]},
        {"cc": ["ann@example.org{}Bcc: evil@example.org"]},
        {"reply_to": "ann@example.org{}Bcc: evil@example.org"},
        {"sender": "exports@portal.example{}Bcc: evil@example.org"},
        {"extra_headers": {"X-Run": "4711{}Bcc: evil@example.org"}},
        {"extra_headers": {"X-Run{}Bcc": "evil@example.org"}},
        {"attachments": [Attachment("cases.csv{}X-Evil: 1", "text/csv", b"a")]},
    ],
    ids=["subject", "to", "name", "cc", "reply-to", "sender", "header", "header name", "file name"],
)
def test_it_refuses_line_breaks_in_headers(
    app: Flask, settings: Settings, changes: dict[str, Any], line_break: str
) -> None:
    broken = {name: _with(line_break, value) for name, value in changes.items()}

    with scripted() as server, pytest.raises(InvalidInput, match="can't contain a line break"):
        transmit(app, pointed_at(settings, server), message(**broken))

    assert "MAIL" not in server.commands


def test_it_refuses_a_line_break_in_the_message_id(app: Flask, settings: Settings) -> None:
    broken = message()
    broken.msgId = "<1@portal.example>\nBcc: evil@example.org"

    with scripted() as server, pytest.raises(InvalidInput):
        transmit(app, pointed_at(settings, server), broken)

    assert "MAIL" not in server.commands


def _with(line_break: str, value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("{}", line_break)
    if isinstance(value, dict):
        return {_with(line_break, key): _with(line_break, item) for key, item in value.items()}
    if isinstance(value, Attachment):
        return Attachment(_with(line_break, value.filename), value.content_type, value.data)
    return type(value)(_with(line_break, item) for item in value)
