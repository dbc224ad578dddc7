"""SQL as people wrote it: which parameters it names, and where in it a database found fault. No parser.

Strings, quoted names and comments are told from the rest, since a colon in them begins no parameter.
"""

import re
from collections.abc import Collection
from itertools import accumulate
from typing import NamedTuple
from unicodedata import east_asian_width

# Strings, quoted names and comments, then what begins a parameter: `:p`, also before `::type`.
_STRINGS = {
    "sqlite": r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`""",
    "postgresql": r"""\b[eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | \$(\w*)\$.*?\$\1\$""",
    "mysql": r"""'(?:[^'\\]|''|\\.)*' | "(?:[^"\\]|""|\\.)*" | `[^`]*` | \#[^\n]*""",
}
_REST = r""" | --[^\n]* | /\*.*?\*/ | (?<![:\w\\]):(?P<name>\w+)(?!\w)(?!:(?!:))"""
_TOKENS = {
    backend: re.compile(strings + _REST, re.VERBOSE | re.DOTALL) for backend, strings in _STRINGS.items()
}
# What `sqlalchemy.text` takes for a parameter, wherever it stands.
_COLON = re.compile(r"(?<![:\w\\]):(?=\w+(?!:))")


class Place(NamedTuple):
    """Line and column, both from 1."""

    line: int
    column: int


def parameters_in(sql: str, backend: str) -> list[str]:
    """Return the names of the parameters of `sql`, in the order in which they first occur.

    `backend`, which decides what a string is, is `sqlite`, `postgresql` or `mysql`.
    """
    found = (match["name"] for match in _TOKENS[backend].finditer(sql))
    return list(dict.fromkeys(name for name in found if name and not name[0].isdigit()))


def bindable(sql: str, names: Collection[str], backend: str) -> str:
    """Return `sql` for `sqlalchemy.text`, with every colon escaped but those of parameters in `names`."""

    def escaped(match: re.Match[str]) -> str:
        if match["name"] in names:  # in parentheses before `::type`, which `text` would not see through
            return f"({match[0]})" if sql[match.end() : match.end() + 1] == ":" else match[0]
        return _COLON.sub(r"\\:", match[0].replace("\\:", "\\\\:"))

    return _TOKENS[backend].sub(escaped, sql)


def without_end(sql: str, backend: str) -> str:
    """Return `sql` without the semicolons that end it, and without comments behind the first of these."""
    masked = _TOKENS[backend].sub(lambda match: _mask(match[0]) * len(match[0]), sql).rstrip()
    if not masked.endswith(";"):
        return sql
    return sql[: len(masked.rstrip("; \t\n\r\f\v"))]


def _mask(token: str) -> str:
    return " " if token.startswith(("--", "/*", "#")) else "x"


def place_of(sql: str, message: str) -> Place | None:
    """Return where in `sql` the database found fault, as far as its message tells; None where it doesn't.

    PostgreSQL quotes the line with a caret below, MySQL names a line and what follows, SQLite names a word.
    """
    if caret := _CARET.search(message):
        rest = _behind(caret["text"], len(caret["before"]) - len(f"LINE {caret['line']}: "))
        return _found(sql, rest.rstrip("."), int(caret["line"]))
    if near := _NEAR_LINE.search(message):
        line = int(near["line"])
        return _found(sql, near["rest"].split("\n")[0], line) or Place(line, 1)
    if "incomplete input" in message:
        lines = sql.rstrip().split("\n")
        return Place(len(lines), len(lines[-1]) + 1)
    for pattern in _WORDS:
        if word := pattern.search(message):
            return _only(sql, word[1])
    return None


_CARET = re.compile(r"LINE (?P<line>\d+): (?P<text>[^\n]*)\n(?P<before> *)\^")
_NEAR_LINE = re.compile(r"near '(?P<rest>.*)' at line (?P<line>\d+)", re.DOTALL)
_WORDS = (
    re.compile(r'near "([^"]+)"'),
    re.compile(r"no such (?:column|table|function): (?:\w+\.)*(\w+)"),
    re.compile(r"ambiguous column name: (?:\w+\.)*(\w+)"),
    re.compile(r"Unknown column '(?:\w+\.)*(\w+)'"),
    re.compile(r"Table '(?:\w+\.)*(\w+)' doesn't exist"),
)


def _behind(text: str, columns: int) -> str:
    """Return what stands behind so many columns of a terminal, where wide characters take two."""
    widths = accumulate(2 if east_asian_width(character) in "WF" else 1 for character in text)
    return text[sum(width <= columns for width in widths) :]


def _found(sql: str, text: str, line: int) -> Place | None:
    """Return where `text` begins in a line, if it does."""
    lines = sql.split("\n")
    if not text or line > len(lines):
        return None
    whole = lines[line - 1].rstrip()
    column = len(whole) - len(text) if whole.endswith(text) else whole.find(text)
    return Place(line, column + 1) if column >= 0 else None


def _only(sql: str, word: str) -> Place | None:
    """Return where a word stands, if it stands in one place only."""
    places = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", sql)]
    if len(places) != 1:
        return None
    before = sql[: places[0]]
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
