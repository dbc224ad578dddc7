"""Drivers told to hand over values exactly: no value fails a query, none is rounded, none is guessed."""

import sqlite3
from functools import cache
from typing import Any

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.string import TextLoader

from portal.tally import Tally

UNDECODABLE = "Bytes that are not UTF-8 became U+FFFD (�)"

_BOUNDED = ("date", "timestamp", "timestamptz")
# As the server writes them. JSON keeps its digits, an interval its months, an address its netmask.
_AS_TEXT = (
    *("json", "jsonb", "interval", "time", "timetz", "uuid", "inet", "cidr"),
    *("int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange"),
    *("int4multirange", "int8multirange", "nummultirange", "datemultirange", "tsmultirange"),
    "tstzmultirange",
)
_TEXTS = ("text", "varchar", "bpchar", "name", '"char"', "json", "jsonb")


def load_sqlite_exactly(connection: sqlite3.Connection, tally: Tally) -> None:
    """Replace what is no UTF-8 in text, and count it: sqlite3 would fail the whole query.

    A Python function is the fastest text_factory that can do so: 0.1 µs a text.
    """

    def text(raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return _replaced(raw, tally)

    connection.text_factory = text


def _replaced(raw: bytes, tally: Tally) -> str:
    tally.count(UNDECODABLE)
    return raw.decode(errors="replace")


def load_postgresql_exactly(connection: psycopg.Connection[Any], tally: Tally) -> None:
    """Have types that Python can't hold, or holds differently, arrive as the server's own text.

    Dates before year 1 or after 9999, and infinite ones, are text among dates. A database of encoding
    SQL_ASCII says nothing about its bytes (https://www.postgresql.org/docs/current/multibyte.html): they
    are read as UTF-8, and what is none is replaced and counted.
    """
    adapters = connection.adapters
    for name in _BOUNDED:
        if known := adapters.get_loader(adapters.types[name].oid, Format.TEXT):
            adapters.register_loader(name, _text_where_out_of_bounds(known))
    for name in _AS_TEXT:
        adapters.register_loader(name, TextLoader)
    if connection.info.encoding == "ascii":
        loader = _counting_loader(tally)
        for name in (*_TEXTS, *_AS_TEXT):
            adapters.register_loader(name, loader)
        adapters.register_loader(0, loader)  # all others, such as enums


@cache
def _text_where_out_of_bounds(known: type[Any]) -> type[Loader]:
    class TextWhereOutOfBounds(Loader):
        def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
            super().__init__(oid, context)
            self._load = known(oid, context).load

        def load(self, data: Buffer) -> Any:
            try:
                return self._load(data)
            except psycopg.DataError:
                return bytes(data).decode("ascii")

    return TextWhereOutOfBounds


def _counting_loader(tally: Tally) -> type[Loader]:
    class Utf8OrReplaced(Loader):
        def load(self, data: Buffer) -> str:
            raw = bytes(data)
            try:
                return raw.decode()
            except UnicodeDecodeError:
                return _replaced(raw, tally)

    return Utf8OrReplaced
