"""Every setting of the portal, typed, from the environment. A wrong value stops the start with one line."""

import os
import secrets
import tempfile
from base64 import urlsafe_b64encode
from contextlib import suppress
from email.utils import parseaddr
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from portal.errors import ConfigurationError
from portal.file_settings import FileSettings
from portal.hosts import PUBLIC_ONLY, AllowedHosts

WELL_KNOWN_SECRETS = frozenset(
    {"change-me", "changeme", "dev", "development", "secret", "secret-key", "password", "test", "insecure"}
)
MINIMUM_SECRET_LENGTH = 32
DATABASE_DIALECTS = frozenset({"sqlite", "postgresql"})

Durations = Annotated[tuple[float, ...], NoDecode]
"""Seconds, written `60,300,1500`."""


class Settings(FileSettings):
    """Settings by their variable. `load()` builds them; tests build them with keyword arguments.

    Durations are in seconds, sizes in bytes.
    """

    demo: bool = Field(False, alias="PORTAL_DEMO")
    data_dir: Path = Field(Path("var"), alias="PORTAL_DATA_DIR")
    database_url: str = Field("", repr=False, alias="PORTAL_DATABASE_URL")
    redis_url: str = Field("", repr=False, alias="REDIS_URL")
    sources_dir: Path | None = Field(None, alias="PORTAL_SOURCES_DIR")
    source_hosts: Annotated[AllowedHosts, NoDecode] = Field(PUBLIC_ONLY, alias="PORTAL_SOURCE_HOSTS")

    secret_key: str = Field("", repr=False, alias="PORTAL_SECRET_KEY")
    previous_secret_keys: str = Field("", repr=False, alias="PORTAL_PREVIOUS_SECRET_KEYS")

    public_url: str = Field("", alias="PORTAL_PUBLIC_URL")
    trusted_proxies: int = Field(0, ge=0, le=10, alias="PORTAL_TRUSTED_PROXIES")
    bind: str = Field("127.0.0.1", alias="PORTAL_BIND")
    port: int = Field(8000, ge=1, le=65535, alias="PORT")
    web_workers: int = Field(2, ge=1, le=64, alias="PORTAL_WEB_WORKERS")
    workers: int = Field(1, ge=1, le=64, alias="PORTAL_WORKERS")
    session_lifetime: int = Field(12 * 3600, ge=300, alias="PORTAL_SESSION_LIFETIME")

    mail_catcher: bool = Field(False, alias="PORTAL_MAIL_CATCHER")
    mail_server: str = Field("", alias="MAIL_SERVER")
    mail_port: int = Field(587, ge=1, le=65535, alias="MAIL_PORT")
    mail_security: Literal["starttls", "ssl", "none"] = Field("starttls", alias="MAIL_SECURITY")
    mail_username: str = Field("", alias="MAIL_USERNAME")
    mail_password: str = Field("", repr=False, alias="MAIL_PASSWORD")
    mail_sender: str = Field("", alias="MAIL_SENDER")
    mail_ca_file: Path | None = Field(None, alias="MAIL_CA_FILE")
    mail_timeout: float = Field(30, gt=0, alias="MAIL_TIMEOUT")
    mail_attachment_limit: int = Field(15_000_000, ge=0, alias="MAIL_ATTACHMENT_LIMIT")

    lease_seconds: float = Field(60, gt=0, alias="PORTAL_LEASE_SECONDS")
    lease_renewal: float = Field(15, gt=0, alias="PORTAL_LEASE_RENEWAL")
    sweep_interval: float = Field(15, gt=0, alias="PORTAL_SWEEP_INTERVAL")
    lost_job_after: float = Field(60, gt=0, alias="PORTAL_LOST_JOB_AFTER")
    misfire_grace: float = Field(60, gt=0, alias="PORTAL_MISFIRE_GRACE")
    worker_grace: float = Field(25, ge=0, alias="PORTAL_WORKER_GRACE")
    retry_delays: Durations = Field((60.0, 300.0, 1500.0), alias="PORTAL_RETRY_DELAYS")
    delivery_retry_delays: Durations = Field(
        (60.0, 300.0, 900.0, 3600.0), min_length=1, alias="PORTAL_DELIVERY_RETRY_DELAYS"
    )
    delivery_retry_for: float = Field(24 * 3600, ge=0, alias="PORTAL_DELIVERY_RETRY_FOR")
    run_timeout: int = Field(3600, ge=1, alias="PORTAL_RUN_TIMEOUT")
    query_timeout: float = Field(600, gt=0, alias="PORTAL_QUERY_TIMEOUT")
    link_days: int = Field(7, ge=1, le=365, alias="PORTAL_LINK_DAYS")
    file_days: int = Field(90, ge=1, alias="PORTAL_FILE_DAYS")

    @field_validator("retry_delays", "delivery_retry_delays", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("retry_delays", "delivery_retry_delays")
    @classmethod
    def _are_durations(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 <= seconds < float("inf") for seconds in value):
            raise ValueError("must be numbers of seconds such as 60,300")
        return value

    @field_validator("source_hosts", mode="before")
    @classmethod
    def _are_hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return AllowedHosts.parse([part.strip() for part in value.split(",") if part.strip()])

    @field_validator("mail_sender")
    @classmethod
    def _is_sender(cls, value: str) -> str:
        _, address = parseaddr(value)
        if value and ("@" not in address or not value.isprintable()):
            raise ValueError("must be an address such as Export Portal <exports@example.org>")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_http_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _is_database_url(cls, value: str) -> str:
        if not value:
            return value
        try:
            dialect = make_url(value).get_backend_name()
        except ArgumentError:
            raise ValueError("is not a database URL") from None
        if dialect not in DATABASE_DIALECTS:
            raise ValueError("must name a sqlite or postgresql database")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis_url(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.lease_renewal * 2 > self.lease_seconds:
            raise ValueError("PORTAL_LEASE_RENEWAL must be at most half of PORTAL_LEASE_SECONDS")
        if self.demo:
            return self
        for value, variable in (
            (self.public_url, "PORTAL_PUBLIC_URL"),
            (self.redis_url, "REDIS_URL"),
            (self.mail_server, "MAIL_SERVER"),
            (self.mail_sender, "MAIL_SENDER"),
        ):
            if not value:
                raise ValueError(f"{variable} must be set")
        return self

    @cached_property
    def effective_database_url(self) -> str:
        """The portal's own database; SQLite in the data directory unless another was set."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'portal.db'}"

    @property
    def job_timeout(self) -> int:
        """RQ's own limit on a run, behind ours: it says nothing to the database."""
        return self.run_timeout + 60

    @property
    def files_dir(self) -> Path:
        return self.data_dir.resolve() / "files"

    @property
    def folders_dir(self) -> Path:
        """Where STORAGE deliveries land, one folder an organization."""
        return self.data_dir.resolve() / "deliveries"

    @property
    def mailbox_dir(self) -> Path:
        """Where the demo's mail catcher keeps what was sent."""
        return self.data_dir.resolve() / "mailbox"

    @property
    def shows_inbox(self) -> bool:
        """Whether anybody may read all mail, in the demo, where nothing but its own catcher takes any."""
        return self.demo and self.mail_catcher

    @property
    def effective_sources_dir(self) -> Path:
        return (self.sources_dir or self.data_dir / "sources").resolve()

    @property
    def secrets(self) -> list[str]:
        """The current secret first, then those it replaced."""
        return [self.secret_key, *filter(None, map(str.strip, self.previous_secret_keys.split(",")))]

    def keys(self, purpose: str) -> list[bytes]:
        """Return a 32-byte key for one purpose from each secret, the current one first (HKDF, RFC 5869).

        Purposes never share a key, so a leaked one opens nothing else.
        """
        return [
            HKDF(algorithm=SHA256(), length=32, salt=None, info=f"export-portal:{purpose}".encode()).derive(
                secret.encode()
            )
            for secret in self.secrets
        ]

    def flask_config(self) -> dict[str, Any]:
        """Return the settings that Flask and its extensions read from `app.config`."""
        session_key, *old = [urlsafe_b64encode(key).decode() for key in self.keys("session")]
        secure = self.public_url.startswith("https://")
        return {
            "SECRET_KEY": session_key,
            "SECRET_KEY_FALLBACKS": old,
            "SQLALCHEMY_DATABASE_URI": self.effective_database_url,
            "SQLALCHEMY_ENGINE_OPTIONS": _engine_options(self.effective_database_url),
            "SESSION_COOKIE_NAME": "__Host-portal" if secure else "portal",
            "SESSION_COOKIE_SECURE": secure,
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SAMESITE": "Lax",
            "PERMANENT_SESSION_LIFETIME": self.session_lifetime,
            # a sign-in ends when it was said to end, and public pages set no cookie
            "SESSION_REFRESH_EACH_REQUEST": False,
            "WTF_CSRF_TIME_LIMIT": None,
            "BOOTSTRAP_SERVE_LOCAL": True,
            "MAX_CONTENT_LENGTH": 2_000_000,
            "MAX_FORM_MEMORY_SIZE": 1_000_000,
            "MAIL_SERVER": self.mail_server or "localhost",
            "MAIL_PORT": self.mail_port,
            "MAIL_USE_TLS": self.mail_security == "starttls",
            "MAIL_USE_SSL": self.mail_security == "ssl",
            "MAIL_USERNAME": self.mail_username or None,
            "MAIL_PASSWORD": self.mail_password or None,
            "MAIL_DEFAULT_SENDER": self.mail_sender or None,
            "RATELIMIT_STORAGE_URI": _limiter_url(self.redis_url),
            "PORTAL": self,
        }


def load(**overrides: Any) -> Settings:
    """Read the settings from the environment; keyword arguments win.

    Raises ConfigurationError with one line naming the first wrong variable.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise ConfigurationError(_first_line(error)) from None
    if settings.demo:
        return _with_demo_defaults(settings)
    _check_secrets(settings)
    return settings


def load_of_files(**overrides: Any) -> FileSettings:
    """Read the settings of files alone, which need no portal. Raises ConfigurationError like `load`."""
    try:
        return FileSettings(**overrides)
    except ValidationError as error:
        raise ConfigurationError(_first_line(error)) from None


def _with_demo_defaults(settings: Settings) -> Settings:
    """The demo makes up what production must state; a secret is drawn once and kept in the data directory."""
    update = {
        "secret_key": settings.secret_key or _kept_secret(settings.data_dir),
        "public_url": settings.public_url or f"http://127.0.0.1:{settings.port}",
        "mail_server": settings.mail_server or "127.0.0.1",
        "mail_security": settings.mail_security if settings.mail_server else "none",
        "mail_sender": settings.mail_sender or "Export Portal <exports@portal.example>",
    }
    return settings.model_copy(update=update)


def _kept_secret(data_dir: Path) -> str:
    """Return the secret of a data directory; whoever comes first draws it, complete or not at all."""
    path = data_dir / "secret"
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        handle, aside = tempfile.mkstemp(prefix=".secret.", dir=data_dir)  # mode 0600
        try:
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(48))
            with suppress(FileExistsError):  # another start drew one meanwhile
                path.hardlink_to(aside)
        finally:
            Path(aside).unlink()
    return path.read_text().strip()


def _check_secrets(settings: Settings) -> None:
    if not settings.secret_key:
        raise ConfigurationError("PORTAL_SECRET_KEY must be set; `openssl rand -base64 48` makes one")
    current, *replaced = settings.secrets
    _check_secret("PORTAL_SECRET_KEY", current)
    for secret in replaced:
        _check_secret("PORTAL_PREVIOUS_SECRET_KEYS", secret)


def _check_secret(variable: str, secret: str) -> None:
    if _is_well_known(secret.lower()):
        raise ConfigurationError(f"{variable} is well known or trivial; draw a random one")
    if len(secret) < MINIMUM_SECRET_LENGTH:
        raise ConfigurationError(f"{variable} must have {MINIMUM_SECRET_LENGTH} characters or more")


def _is_well_known(secret: str) -> bool:
    """Say whether a secret is a well-known word, however often repeated, or hardly varies."""
    return len(set(secret)) < 8 or any(
        not secret.replace(word, "").strip(" -_.!0123456789") for word in WELL_KNOWN_SECRETS
    )


def _engine_options(url: str) -> dict[str, Any]:
    """Have a PostgreSQL server whose host is gone noticed within a minute, where TCP alone takes hours."""
    if make_url(url).get_backend_name() != "postgresql":
        return {}
    limits = {
        "connect_timeout": 10,  # seconds, as are those of keepalives
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,  # milliseconds
    }
    return {"connect_args": limits}


def _limiter_url(redis_url: str) -> str:
    """Flask-Limiter spells a unix socket differently; without Redis it counts in memory."""
    if not redis_url:
        return "memory://"
    return redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url


def _first_line(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    variable = str(first["loc"][0]) if first["loc"] else ""
    message = first["msg"].removeprefix("Value error, ")
    return f"{variable}: {message}" if variable else message
