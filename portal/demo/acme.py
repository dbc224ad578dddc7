"""The demo's compliance database: a data source to export from, never the portal's own database.

Same arguments, same content, so that hashes of exports made from it can be compared between machines.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from datetime import date
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from portal.demo import acme_words as words
from portal.demo.acme_cases import Case, Investigation, draw_cases, draw_investigations
from portal.demo.acme_disclosures import Disclosure, draw_disclosures
from portal.demo.acme_people import Staff, User, draw_staff
from portal.demo.acme_schema import INDEXES, TABLES

_CASES_PER_DISCLOSURE = 8


def build(path: Path, organization: str, cases: int, seed: int, *, today: date) -> None:
    """Write the SQLite database of one organization with so many `cases` to `path`, replacing what is there.

    It reaches from three years before `today` to the day before, so that "last 30 days" is never empty.
    The file is complete or absent: it is written beside `path` and renamed. Raises OSError and sqlite3.Error.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    unfinished = Path(name)
    try:
        with closing(sqlite3.connect(unfinished)) as connection:
            _fill(connection, organization, cases, Random(seed), today)  # noqa: S311 - repeatable, not secret
        os.fsync(handle)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink()
        raise
    finally:
        os.close(handle)


def _fill(connection: sqlite3.Connection, organization: str, size: int, rng: Random, today: date) -> None:
    # Nothing here needs to survive a crash: an unfinished file is thrown away.
    connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {TABLES}")
    prefix, domain = _prefix(organization), f"{organization.split()[0].casefold()}.example"
    connection.execute("INSERT INTO organizations VALUES (1, ?, ?)", (organization, domain))
    _insert_places(connection)
    people = draw_staff(rng, size, domain)
    _insert(connection, "users", User, people.users)
    _insert_cases(connection, rng, size, prefix, people, today)
    filed = draw_disclosures(rng, size // _CASES_PER_DISCLOSURE, prefix, people, today)
    _insert(connection, "disclosures", Disclosure, filed)
    connection.commit()
    connection.executescript(INDEXES)
    connection.execute("ANALYZE")
    connection.commit()


def _prefix(organization: str) -> str:
    """Return two letters for case numbers: AC for Acme Co., GL for Globex."""
    first, *others = organization.upper().split()
    return first[0] + others[0][0] if others else first[:2]


def _insert_places(connection: sqlite3.Connection) -> None:
    units = [(number, 1, code, name) for number, (code, name) in enumerate(words.BUSINESS_UNITS, start=1)]
    locations = [(number, 1, *place) for number, place in enumerate(words.LOCATIONS, start=1)]
    categories = [
        (number, 1, category.code, category.name, category.area)
        for number, category in enumerate(words.CATEGORIES, start=1)
    ]
    connection.executemany("INSERT INTO business_units VALUES (?, ?, ?, ?)", units)
    connection.executemany("INSERT INTO locations VALUES (?, ?, ?, ?, ?, ?, ?)", locations)
    connection.executemany("INSERT INTO categories VALUES (?, ?, ?, ?, ?)", categories)


def _insert_cases(
    connection: sqlite3.Connection, rng: Random, size: int, prefix: str, people: Staff, today: date
) -> None:
    opened = list(draw_cases(rng, size, prefix, people, today))
    _insert(connection, "cases", Case, opened)
    identities = count(1)
    led = (found for case in opened for found in draw_investigations(rng, case, people, identities))
    _insert(connection, "investigations", Investigation, led)


def _insert(connection: sqlite3.Connection, table: str, row: Any, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write rows whose fields are the table's columns; `row` is their NamedTuple class."""
    columns, marks = ", ".join(row._fields), ", ".join("?" * len(row._fields))
    connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608 - our own names
