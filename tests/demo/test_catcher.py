import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from portal.demo import mailbox
from portal.demo.services import LOOPBACK, kept_port, smtp_answers, wait_until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20.0


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    chosen = kept_port(tmp_path / "mail-port")
    options = ["--port", str(chosen), "--directory", str(tmp_path / "mailbox")]
    process = subprocess.Popen([sys.executable, "-m", "portal.demo.catcher", *options], cwd=ROOT)
    try:
        assert wait_until(lambda: smtp_answers(chosen), PATIENCE)
        yield chosen
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def _message(recipient: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Weekly cases"
    message["From"] = "exports@portal.example"
    message["To"] = recipient
    message.set_content("12 rows\n.\nand a line that is one dot\n")
    return message


def test_it_keeps_what_it_accepts(port: int, tmp_path: Path) -> None:
    with smtplib.SMTP(LOOPBACK, port, timeout=PATIENCE) as server:
        assert server.send_message(_message("ada@acme.example"), from_addr="bounce@portal.example") == {}

    (summary,) = mailbox.messages(tmp_path / "mailbox", limit=10)
    mail = mailbox.read(tmp_path / "mailbox", summary.id)
    assert mail.subject == "Weekly cases"
    assert mail.envelope_from == "bounce@portal.example"
    assert mail.envelope_to == ("ada@acme.example",)
    assert mail.text.splitlines() == ["12 rows", ".", "and a line that is one dot"]


@pytest.mark.parametrize(
    ("recipient", "code", "reply"),
    [
        ("refused@acme.example", 550, b"5.1.1 User unknown"),
        ("Refused.By.Server@acme.example", 550, b"5.1.1 User unknown"),
        ("deferred@acme.example", 451, b"4.7.1 Greylisted, try again later"),
    ],
)
def test_it_turns_some_recipients_away(
    recipient: str, code: int, reply: bytes, port: int, tmp_path: Path
) -> None:
    with (
        smtplib.SMTP(LOOPBACK, port, timeout=PATIENCE) as server,
        pytest.raises(smtplib.SMTPRecipientsRefused) as refusal,
    ):
        server.send_message(_message(recipient))

    assert refusal.value.recipients == {recipient: (code, reply)}
    assert mailbox.messages(tmp_path / "mailbox", limit=10) == []


def test_one_refusal_keeps_no_mail_from_the_others(port: int, tmp_path: Path) -> None:
    recipients = ["ada@acme.example", "refused@acme.example"]
    with smtplib.SMTP(LOOPBACK, port, timeout=PATIENCE) as server:
        refused = server.send_message(_message("ada@acme.example"), to_addrs=recipients)

    assert list(refused) == ["refused@acme.example"]
    (summary,) = mailbox.messages(tmp_path / "mailbox", limit=10)
    assert summary.envelope_to == ("ada@acme.example",)


def test_it_takes_an_attachment_as_large_as_the_portal_sends(port: int, tmp_path: Path) -> None:
    message = _message("ada@acme.example")
    content = bytes(range(256)) * 60_000  # 15 MB, 21 MB on the wire
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename="cases.bin")

    with smtplib.SMTP(LOOPBACK, port, timeout=PATIENCE) as server:
        server.send_message(message)

    (summary,) = mailbox.messages(tmp_path / "mailbox", limit=10)
    assert mailbox.attachment(tmp_path / "mailbox", summary.id, 0)[1] == content


def test_it_says_when_it_could_not_keep_a_message(port: int, tmp_path: Path) -> None:
    (tmp_path / "mailbox").write_text("a file where the folder should be")

    with (
        smtplib.SMTP(LOOPBACK, port, timeout=PATIENCE) as server,
        pytest.raises(smtplib.SMTPDataError) as refusal,
    ):
        server.send_message(_message("ada@acme.example"))

    assert refusal.value.smtp_code == 452
