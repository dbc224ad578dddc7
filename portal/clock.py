"""The only clock. Operations read it once, at their edge, and hand the value down."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Return the current instant, timezone-aware, in UTC."""
    return datetime.now(UTC)
