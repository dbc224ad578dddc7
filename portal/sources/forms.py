"""The form of a data source, in parts a person knows; the URL is made of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy.engine import URL, make_url
from wtforms import IntegerField, PasswordField, RadioField, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from portal.errors import InvalidInput
from portal.sources.url import ENCRYPTIONS, PORTS, host_and_port, server_url

KINDS = {"postgresql": "PostgreSQL", "mysql": "MySQL or MariaDB", "sqlite": "SQLite file"}


class SourceForm(FlaskForm):
    """`kind` decides which of the other fields count."""

    name = StringField("Name", [DataRequired("Give it a name."), Length(max=120)])
    kind = RadioField("Kind", [InputRequired("Choose a kind.")], choices=KINDS, default="postgresql")
    host = StringField("Host", [Length(max=255)])
    port = IntegerField("Port", [Optional(), NumberRange(1, 65535, "A port is a number up to 65535.")])
    database = StringField("Database", [Length(max=255)])
    user = StringField(
        "User",
        [Length(max=255)],
        description="One that may only read what is exported: users with more rights are refused.",
    )
    password = PasswordField("Password", [Length(max=1000)])
    encryption = SelectField("Connection", choices=ENCRYPTIONS, default="verify-full")
    file = SelectField("File", validate_choice=False)

    def offer_files(self, files: Sequence[str]) -> None:
        """Set the files that can be chosen."""
        self.file.choices = {name: name for name in files}

    def show(self, name: str, kind: str, url: URL | None, folder: Path) -> None:
        """Fill in a saved source, without its password; without a URL only what is known besides."""
        self.name.data, self.kind.data = name, kind
        if url is None:
            return
        if self.kind.data == "sqlite":
            file = Path(url.database or "")
            # one that lies elsewhere, since folders were moved, must be chosen again
            self.file.data = str(file.relative_to(folder)) if file.is_relative_to(folder) else ""
            return
        host, port = host_and_port(url)
        self.host.data, self.port.data = host, port if port != PORTS[self.kind.data] else None
        self.database.data, self.user.data = url.database, url.username
        self.encryption.data = str(url.query.get("sslmode", "prefer"))

    def url(self, folder: Path, saved: URL | None = None) -> str:
        """Return the URL that was described; an empty password means that of `saved`.

        A password is only kept for the server and user it was given for. Raises InvalidInput on the field
        in question.
        """
        if self.kind.data == "sqlite":
            chosen = self.file.data or ""
            if chosen not in (self.file.choices or ()):
                raise InvalidInput("Choose a file from the list.", "file")
            return URL.create("sqlite", database=str(folder / chosen)).render_as_string(hide_password=False)
        for field in (self.host, self.database, self.user):
            if not (field.data or "").strip():
                raise InvalidInput(f"{field.label.text} is needed.", field.name)
        made = self._server_url(self.password.data or "")
        if saved is None or self.password.data:
            return made
        if _whom(made) != _whom(saved.render_as_string(hide_password=False)):
            raise InvalidInput("Type the password again for another server or user.", "password")
        return self._server_url(str(saved.password or ""))

    def say(self, error: InvalidInput) -> bool:
        """Put an error at its field; say whether there is one."""
        of_url = "file" if self.kind.data == "sqlite" else "host"
        field: Any = self._fields.get(of_url if error.field == "url" else error.field or "")
        if field is None:
            return False
        field.errors = [*field.errors, str(error)]
        return True

    def _server_url(self, password: str) -> str:
        return server_url(
            self.kind.data or "",
            (self.host.data or "").strip(),
            self.port.data,
            (self.database.data or "").strip(),
            (self.user.data or "").strip(),
            password,
            self.encryption.data,
        )


def _whom(url: str) -> tuple[object, ...]:
    """Return to whom a password is given."""
    parsed = make_url(url)
    return parsed.get_backend_name(), host_and_port(parsed), parsed.username
