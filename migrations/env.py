"""What Alembic runs. Transactions begin as everywhere in the portal, so two migrating processes queue up."""

from typing import Literal

from alembic import context
from flask import current_app
from sqlalchemy import text

from portal.database import UTCDateTime
from portal.extensions import db

ADVISORY_LOCK = 0x45585054  # any number, the same for every process


def _render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our own column types as what the database knows: a migration imports nothing of ours."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run_migrations() -> None:
    """Bring the schema up to date within one transaction, alone."""
    with db.engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=_render_item,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


run_migrations()
