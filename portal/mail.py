"""Flask-Mail with what it lacks: time limits, verified TLS, the server's answers, clean headers."""

import re
import smtplib
import ssl
from collections.abc import Callable
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from flask import current_app
from flask_mail import Connection, Mail, Message

from portal.config import Settings
from portal.errors import InvalidInput

AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
"""Headers that keep programs from answering a mail that nobody wrote (RFC 3834)."""
_LINE_END = re.compile(rb"\r\n|\r|\n")


class OutcomeUnknown(smtplib.SMTPException):
    """The connection broke after the message began to leave: the server may have accepted it."""


class PortalConnection(Connection):
    """One SMTP connection, for one message after another.

    Raises smtplib.SMTPException or OSError as smtplib does; an error while saying QUIT is dropped, since
    the message was accepted before it.
    """

    host: smtplib.SMTP | None

    def __init__(self, mail: Mail, settings: Settings) -> None:
        super().__init__(mail)
        self._settings = settings

    def __enter__(self) -> Self:
        self.host = self.configure_host()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self.host is None:
            return
        try:
            self.host.quit()
        except (smtplib.SMTPException, OSError):
            self.host.close()

    def configure_host(self) -> smtplib.SMTP:
        settings = self._settings
        host: smtplib.SMTP
        if settings.mail_security == "ssl":
            host = smtplib.SMTP_SSL(
                settings.mail_server,
                settings.mail_port,
                timeout=settings.mail_timeout,
                context=_tls_context(settings.mail_ca_file),
            )
        else:
            host = smtplib.SMTP(settings.mail_server, settings.mail_port, timeout=settings.mail_timeout)
        try:
            if settings.mail_security == "starttls":
                host.starttls(context=_tls_context(settings.mail_ca_file))
            if settings.mail_username:
                host.login(settings.mail_username, settings.mail_password)
        except (smtplib.SMTPException, OSError):
            host.close()
            raise
        return host

    def transmit(
        self,
        message: Message,
        sender: str,
        recipient: str,
        *,
        before_data: Callable[[], None] = lambda: None,
    ) -> tuple[int, str]:
        """Send a message to exactly one envelope recipient; return the server's final code and reply.

        `before_data` is called when all that is left is to send: what it raises ends the sending.
        Raises smtplib.SMTPResponseException with the code where the server refused the sender, the
        recipient or the message, OutcomeUnknown where the connection broke once the message was on its way,
        smtplib.SMTPServerDisconnected or OSError where it broke before.
        """
        _refuse_line_breaks(message)
        host = self.host
        if host is None:
            raise smtplib.SMTPServerDisconnected("the connection is not open")
        content = _framed(message.as_bytes())
        host.ehlo_or_helo_if_needed()
        _accepted(host.mail(sender))
        _accepted(host.rcpt(recipient))
        before_data()
        _accepted(host.docmd("DATA"), (354,))
        try:
            host.send(content)
            answer = host.getreply()
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            raise OutcomeUnknown(str(error)) from error
        code, reply = _accepted(answer)
        return code, reply.decode("utf-8", "replace")


class PortalMail(Mail):
    """Flask-Mail's extension, connecting through `PortalConnection`."""

    def connect(self) -> PortalConnection:
        return PortalConnection(current_app.extensions["mail"], current_app.config["PORTAL"])


@cache
def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return what verifies a server's certificate. Made once: it reads every certificate of the system."""
    return ssl.create_default_context(cafile=ca_file)


def sender_domain(settings: Settings) -> str:
    """Return the domain that our Message-IDs are of."""
    _, sender = parseaddr(settings.mail_sender)
    return sender.partition("@")[2] or "localhost"


def reply_of(error: smtplib.SMTPResponseException) -> str:
    """Return a server's words as text."""
    reply = error.smtp_error
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply


def _framed(content: bytes) -> bytes:
    """Return what follows DATA: lines end in CRLF, dots at their start are doubled, a lone dot ends it
    (RFC 5321, 4.5.2). smtplib leaves the bare LF that Flask-Mail writes, which strict servers refuse."""
    lines = _LINE_END.sub(b"\r\n", content.rstrip(b"\r\n")) + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n"


def _accepted(answer: tuple[int, bytes], wanted: tuple[int, ...] = (250, 251)) -> tuple[int, bytes]:
    code, reply = answer
    if code not in wanted:  # 251: will forward (RFC 5321, 4.2.3)
        raise smtplib.SMTPResponseException(code, reply)
    return answer


def _refuse_line_breaks(message: Message) -> None:
    """Flask-Mail checks only some headers; a line break in any would start another one."""
    values = [
        message.subject,
        message.msgId,
        *(message.extra_headers or {}),
        *(message.extra_headers or {}).values(),
        *(attachment.filename or "" for attachment in message.attachments),
    ]
    for address in (message.sender, message.reply_to, *message.recipients, *message.cc):
        values.extend(address if isinstance(address, tuple) else (address or "",))
    if any("\n" in value or "\r" in value for value in values):
        raise InvalidInput("A mail header can't contain a line break.")
