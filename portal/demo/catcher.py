"""The demo's mail server: takes every message, delivers none, keeps each as a file of the mailbox.

    python -m portal.demo.catcher --port 2525 --directory var/mailbox

Two kinds of recipients show what a real server may answer:

- an address that begins with `refused` (refused.by.server@acme.example) gets `550 5.1.1 User unknown`: final;
- an address that begins with `deferred` gets `451 4.7.1 Greylisted, try again later`, each time it is tried.
"""

import argparse
import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from portal.clock import utcnow
from portal.demo import mailbox
from portal.demo.services import LOOPBACK

REPLIES = {"refused": "550 5.1.1 User unknown", "deferred": "451 4.7.1 Greylisted, try again later"}
LARGEST_MESSAGE = 50_000_000  # bytes; real servers often take 25 to 50 MB


class Catcher:
    """What the server does at each command; aiosmtpd calls the methods by their names."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        for beginning, reply in REPLIES.items():
            if address.lower().startswith(beginning):
                return reply
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        try:
            message_id = mailbox.keep(
                self.directory,
                envelope.original_content or b"",
                sender=envelope.mail_from or "",
                recipients=envelope.rcpt_tos,
                received_at=utcnow(),
            )
        except OSError as error:
            print(f"could not keep a message: {error.strerror}", flush=True)
            return "452 4.3.1 Insufficient system storage"
        print(f"{message_id} for {', '.join(envelope.rcpt_tos)}", flush=True)
        return f"250 OK {message_id}"


async def serve(port: int, directory: Path) -> None:
    """Take mail on that loopback port until SIGTERM or SIGINT. Raises OSError when the port is taken."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)

    def connection() -> SMTP:
        # A name is given because aiosmtpd would ask DNS for one.
        return SMTP(
            Catcher(directory), hostname="localhost", data_size_limit=LARGEST_MESSAGE, enable_SMTPUTF8=True
        )

    server = await loop.create_server(connection, LOOPBACK, port)
    await stopped.wait()
    server.close()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Take mail on a loopback port and keep it in a folder.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args(arguments)
    asyncio.run(serve(options.port, options.directory))


if __name__ == "__main__":
    main()
