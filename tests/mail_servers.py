"""Mail servers that misbehave on purpose: each connection plays a script over a real socket."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.config import Settings

HANG_UP = "hang up"
SILENCE = "silence"


@dataclass
class Scripted:
    """A server on a loopback port. `heard` is what it was told, a line each; DATA ends up in `messages`.

    `answers` replaces its usual answer to a command: a reply, HANG_UP or SILENCE. `END` is the final dot.
    """

    answers: Mapping[str, str]
    greeting: str = "220 ready"
    tls: ssl.SSLContext | None = None
    port: int = 0
    heard: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def commands(self) -> list[str]:
        return [line.partition(" ")[0].upper() for line in self.heard]


_NONE: Mapping[str, str] = {}
USUAL = {
    "EHLO": "250-scripted\r\n250-AUTH PLAIN\r\n250 STARTTLS",
    "HELO": "250 scripted",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "END": "250 2.0.0 queued as 4711",
    "RSET": "250 ok",
    "QUIT": "221 bye",
    "STARTTLS": "220 go on",
}


@contextmanager
def scripted(
    *, tls: ssl.SSLContext | None = None, greeting: str = "220 ready", answers: Mapping[str, str] = _NONE
) -> Iterator[Scripted]:
    """Run such a server while the block lasts."""
    server = Scripted(answers, greeting, tls)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(listener, server))
        thread.start()
        try:
            yield server
        finally:
            server.stop.set()
            thread.join(10)


def _serve(listener: socket.socket, server: Scripted) -> None:
    listener.settimeout(0.05)
    while not server.stop.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        connection.settimeout(10)
        try:
            _converse(connection, server)
        except OSError:  # the client hung up, which some of the tests want
            connection.close()


def _converse(connection: socket.socket, server: Scripted) -> None:
    if not _say(connection, server, server.greeting):
        return
    reader = connection.makefile("rb")
    while line := reader.readline():
        server.heard.append(line.decode("utf-8", "replace").rstrip("\r\n"))
        command = server.commands[-1]
        if not _say(connection, server, _answer(server, command)):
            return
        if command == "STARTTLS" and server.tls is not None:
            connection = server.tls.wrap_socket(connection, server_side=True)
            reader = connection.makefile("rb")
        if command == "DATA" and _answer(server, command).startswith("354"):
            server.messages.append(_message(reader.readline))
            if not _say(connection, server, _answer(server, "END")):
                return
        if command == "QUIT":
            break
    connection.close()


def _answer(server: Scripted, command: str) -> str:
    return server.answers.get(command, USUAL.get(command, "502 what?"))


def _say(connection: socket.socket, server: Scripted, answer: str) -> bool:
    if answer == SILENCE:
        server.stop.wait(30)
    if answer in (HANG_UP, SILENCE):
        connection.close()
        return False
    connection.sendall(f"{answer}\r\n".encode())
    return True


def _message(next_line: Callable[[], bytes]) -> bytes:
    lines: list[bytes] = []
    while (line := next_line()) not in (b".\r\n", b""):
        lines.append(line)
    return b"".join(lines)


def certificate(folder: Path, names: Sequence[str] = ("127.0.0.1",)) -> tuple[ssl.SSLContext, Path]:
    """Return a server's context with a self-signed certificate for those addresses, and its PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "scripted")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name)) for name in names]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, key_file = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key_file)
    return context, pem


def pointed_at(settings: Settings, server: Scripted, **changes: object) -> Settings:
    """Return the settings with that mail server."""
    return settings.model_copy(update={"mail_port": server.port, **changes})
