"""The small sources, as fixtures."""

from tests.small_sources import either_source, postgresql_source, sqlite_file, sqlite_source

__all__ = ["either_source", "postgresql_source", "sqlite_file", "sqlite_source"]
