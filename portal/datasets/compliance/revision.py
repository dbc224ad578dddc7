"""A built-in dataset chosen anew: what somebody said of its columns and parameters stays."""

from collections.abc import Mapping
from dataclasses import fields, replace

from portal.datasets.compliance.choice import BuiltIn
from portal.datasets.compliance.export_types import definition
from portal.datasets.definition import Definition
from portal.table import Column


def revised(saved: Definition, built_in: BuiltIn, backend: str) -> Definition:
    """Return a saved definition with the query and columns of another choice.

    What the new choice changes counts; for the rest, columns and parameters that stay keep what they say now.
    Raises ValueError for a definition whose query somebody wrote, and for another export type.
    """
    if saved.built_in is None or saved.built_in.export_type is not built_in.export_type:
        raise ValueError("only what was chosen can be chosen anew")
    before, now = definition(saved.built_in, backend), definition(built_in, backend)
    known = {column.key: column for column in saved.columns}
    made = {column.key: column for column in before.columns}
    columns = tuple(_column(column, made, known) for column in now.columns)
    parameters = {one.name: one for one in saved.parameters}
    keys = {column.key for column in columns}
    return replace(
        saved,
        sql=now.sql,
        columns=columns,
        parameters=tuple(parameters.get(one.name, one) for one in now.parameters),
        key_columns=tuple(key for key in saved.key_columns if key in keys),
        built_in=built_in,
    )


def _column(now: Column, made: Mapping[str, Column], known: Mapping[str, Column]) -> Column:
    """Return a column with each of its facts as it is known, unless the choice has just changed it."""
    if now.key not in known or now.key not in made:
        return now
    before, saved = made[now.key], known[now.key]
    kept = {
        fact.name: getattr(saved, fact.name)
        for fact in fields(Column)
        if getattr(now, fact.name) == getattr(before, fact.name)
    }
    return replace(now, **kept)
