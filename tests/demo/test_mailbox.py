from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from portal.demo import mailbox
from portal.demo.mailbox import MailAttachment
from portal.errors import NotFound

NOON = datetime(2026, 3, 29, 12, 0, 0, 123456, tzinfo=UTC)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _export_mail() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Fälle der Woche № 12 rows"
    message["From"] = "Export Portal <exports@portal.example>"
    message["To"] = "Zoë <zoe@acme.example>, ben@acme.example"
    message["Date"] = datetime(2026, 3, 29, 8, 0, tzinfo=UTC)
    message.set_content("12 rows, grüezi\n")
    message.add_alternative("<p>12 rows, grüezi</p>\n", subtype="html")
    message.add_attachment(
        b"PK\x03\x04", maintype=XLSX.split("/")[0], subtype=XLSX.split("/")[1], filename="fälle.xlsx"
    )
    message.add_attachment("id,title\r\n", subtype="csv", filename="cases.csv")
    return message


def _keep(directory: Path, content: bytes, received_at: datetime = NOON) -> str:
    return mailbox.keep(
        directory,
        content,
        sender="bounce@portal.example",
        recipients=["zoe@acme.example"],
        received_at=received_at,
    )


def test_a_message_is_read_as_it_was_sent(tmp_path: Path) -> None:
    message_id = _keep(tmp_path, _export_mail().as_bytes(policy=SMTP))

    mail = mailbox.read(tmp_path, message_id)

    assert mail.subject == "Fälle der Woche № 12 rows"
    assert mail.sender == "Export Portal <exports@portal.example>"
    assert mail.to == "Zoë <zoe@acme.example>, ben@acme.example"
    assert mail.date == datetime(2026, 3, 29, 8, 0, tzinfo=UTC)
    assert mail.received_at == NOON
    assert mail.envelope_from == "bounce@portal.example"
    assert mail.envelope_to == ("zoe@acme.example",)
    assert mail.text.strip() == "12 rows, grüezi"
    assert mail.html.strip() == "<p>12 rows, grüezi</p>"
    assert mail.attachments == (
        MailAttachment(0, "fälle.xlsx", XLSX, 4),
        MailAttachment(1, "cases.csv", "text/csv", 10),
    )
    assert ("Subject", "Fälle der Woche № 12 rows") in mail.headers


def test_an_attachment_has_the_bytes_that_were_sent(tmp_path: Path) -> None:
    message_id = _keep(tmp_path, _export_mail().as_bytes(policy=SMTP))

    found, content = mailbox.attachment(tmp_path, message_id, 0)

    assert found.filename == "fälle.xlsx"
    assert content == b"PK\x03\x04"


def test_the_file_is_the_envelope_and_then_the_message_unchanged(tmp_path: Path) -> None:
    content = b"Subject: a\r\n\r\nline one\r\n.line two\r\n"

    message_id = mailbox.keep(
        tmp_path, content, sender="a@x.example", recipients=["b@x.example", "c@x.example"], received_at=NOON
    )

    assert [path.name for path in tmp_path.iterdir()] == [f"{message_id}.eml"]
    assert (tmp_path / f"{message_id}.eml").read_bytes() == (
        b"X-Envelope-From: a@x.example\r\nX-Envelope-To: b@x.example\r\nX-Envelope-To: c@x.example\r\n"
        + content
    )


def test_the_newest_messages_come_first(tmp_path: Path) -> None:
    ids = [
        _keep(tmp_path, f"Subject: number {number}\r\n\r\n".encode(), NOON + timedelta(microseconds=number))
        for number in range(4)
    ]

    found = mailbox.messages(tmp_path, limit=3)

    assert [summary.subject for summary in found] == ["number 3", "number 2", "number 1"]
    assert found[0].id == ids[3]
    assert found[0].received_at == NOON + timedelta(microseconds=3)
    assert found[0].envelope_to == ("zoe@acme.example",)


def test_a_list_takes_only_finished_messages(tmp_path: Path) -> None:
    message_id = _keep(tmp_path, b"Subject: a\r\n\r\n")
    (tmp_path / f".{message_id}.tmp").write_bytes(b"half")
    (tmp_path / "notes.eml").write_bytes(b"mine")

    assert [summary.id for summary in mailbox.messages(tmp_path, limit=10)] == [message_id]


def test_a_mailbox_that_was_never_used_is_empty(tmp_path: Path) -> None:
    assert mailbox.messages(tmp_path / "mailbox", limit=10) == []


@pytest.mark.parametrize(
    "message_id",
    [
        "",
        "../secret",
        "20260329T120000123456-00000000/../../secret",
        "20260329T120000123456-0000000G",
        "20260329T120000123456-00000000\n",
        "\u0662\u0660260329T120000123456-00000000",
        "20260329T120000123456-00000000",
    ],
)
def test_an_id_that_is_none_of_ours_is_not_found(message_id: str, tmp_path: Path) -> None:
    box = tmp_path / "mailbox"
    box.mkdir()
    (tmp_path / "secret.eml").write_bytes(b"Subject: secret\r\n\r\n")

    with pytest.raises(NotFound):
        mailbox.read(box, message_id)


@pytest.mark.parametrize("index", [-1, 2])
def test_an_attachment_that_is_not_there_is_not_found(index: int, tmp_path: Path) -> None:
    message_id = _keep(tmp_path, _export_mail().as_bytes(policy=SMTP))

    with pytest.raises(NotFound):
        mailbox.attachment(tmp_path, message_id, index)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"no header at all", "no header at all"),
        (b"Content-Type: text/plain; charset=klingon\r\n\r\nqapla\xff\r\n", "qapla�\r\n"),
        (b"Content-Type: text/plain; charset=utf-8\r\nDate: never\r\n\r\n\xff\r\n", "�\r\n"),
        (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--y\r\n\r\n", ""),
    ],
)
def test_a_broken_message_can_still_be_read(content: bytes, text: str, tmp_path: Path) -> None:
    mail = mailbox.read(tmp_path, _keep(tmp_path, content))

    assert mail.text.splitlines() == text.splitlines()
    assert mail.subject == ""
    assert mail.date is None


def test_an_attached_message_can_be_saved(tmp_path: Path) -> None:
    message = EmailMessage()
    message.set_content("forwarded\n")
    inner = EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("inside\n")
    message.add_attachment(inner)

    found, content = mailbox.attachment(tmp_path, _keep(tmp_path, message.as_bytes(policy=SMTP)), 0)

    assert found == MailAttachment(0, "attachment-1", "message/rfc822", len(content))
    assert b"Subject: inner" in content
