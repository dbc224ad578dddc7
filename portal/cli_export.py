"""`portal export`: a query's rows into a file, with nothing else running; and how CSV is chosen anywhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import click

from portal.clock import utcnow
from portal.config import load_of_files
from portal.datasets import query
from portal.exporters.base import Document
from portal.exporters.options import (
    Delimiter,
    Encoding,
    LineEnd,
    Packing,
    Quoting,
    XlsxSize,
)
from portal.exporters.registry import EXPORTERS
from portal.file_settings import what_helps
from portal.hosts import EVERYWHERE
from portal.runs.rendering import Rendered, options, packed, render
from portal.sources.connection import Source
from portal.sources.url import parse_url
from portal.storage.local import explained

QUERY_TIMEOUT = 3600.0

_DELIMITERS = {one.name.lower(): one.value for one in Delimiter}
_Command = TypeVar("_Command", bound=Callable[..., Any])


def csv_choices(command: _Command) -> _Command:
    """Add the options of CSV to a command, which gets them as `CsvOptions.from_dict` reads them."""
    for option in reversed(
        (
            click.option(
                "--delimiter",
                type=click.Choice(list(_DELIMITERS)),
                default="comma",
                show_default=True,
                callback=lambda _context, _option, name: _DELIMITERS[name],
            ),
            _one_of("--encoding", list(Encoding)),
            _one_of("--line-end", list(LineEnd)),
            _one_of("--quoting", list(Quoting)),
            click.option("--decimal-comma", is_flag=True, help="1234,50 in place of 1234.50."),
        )
    ):
        command = option(command)
    return command


def _one_of(name: str, values: list[str]) -> Callable[[_Command], _Command]:
    return click.option(
        name, type=click.Choice([str(value) for value in values]), default=str(values[0]), show_default=True
    )


@click.command()
@click.option("--source", required=True, metavar="SQLALCHEMY_URL")
@click.option("--sql", required=True)
@click.option("--format", "form", type=click.Choice(list(EXPORTERS)), required=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--title", default="Export", show_default=True)
@click.option("--xlsx-size", type=click.Choice(list(XlsxSize)), help="Instead of PORTAL_XLSX_SIZE.")
@_one_of("--packing", list(Packing))
@csv_choices
def export(
    source: str,
    sql: str,
    form: str,
    output: Path,
    title: str,
    xlsx_size: str | None,
    packing: str,
    **csv_options: str | bool,
) -> None:
    """Write a query's rows to a file, read-only. Needs no running service.

    Limits of rows and of PDF are those of the portal, by the same variables. Prints one line of JSON: rows,
    bytes and SHA-256 of the file, and what was changed on the way into it.
    """
    settings = load_of_files(**({"xlsx_size": xlsx_size} if xlsx_size else {}))
    chosen = options(settings, csv_options, packing)
    exporter = packed(EXPORTERS[form](chosen), chosen.packing, f"{_stem(output)}.{form}")
    document = Document(title=title, organization="", generated_at=utcnow())
    limit = settings.rows_of(form)
    with query.open_rows(
        Source(parse_url(source), EVERYWHERE),  # who may start commands here can connect anywhere
        sql,
        {},
        timeout=QUERY_TIMEOUT,
        maximum_rows=limit.rows,
        limit_note=what_helps(limit.variable),
    ) as rows:
        written = _beside_then_rename(output, lambda path: render(exporter, document, rows, path))
    said = {"rows": written.rows, "bytes": written.size, "sha256": written.sha256}
    click.echo(json.dumps(said | ({"notes": written.notes} if written.notes else {}), ensure_ascii=False))


def _stem(output: Path) -> str:
    """Return the file's name without what says how it is written and packed."""
    name = output.name
    for ending in (".zip", ".gz", *(f".{form}" for form in EXPORTERS)):
        name = name.removesuffix(ending)
    return name


def _beside_then_rename(output: Path, write: Callable[[Path], Rendered]) -> Rendered:
    """Write a file that is complete or absent."""
    with explained("write"):
        aside = output.with_name(f".{output.name}.{uuid4().hex[:8]}")
        aside.touch(exist_ok=False)  # with the mode of any new file, which mkstemp would not give it
        try:
            written = write(aside)
            aside.replace(output)
        finally:
            aside.unlink(missing_ok=True)
    return written
