"""Tables for the page's scripts, column by column: a tenth of what rows with their names take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_DIGITS = 5
"""Of numbers that are no counts: a rate is told to a thousandth of a percent."""


def in_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the ``count`` of rows and the ``columns``: name, values, and the texts that values are places of, or None.

    ``page.js`` makes rows of them (``unfold``). All rows have the columns of the first.
    """
    names = list(rows[0]) if rows else []
    return {"count": len(rows), "columns": [_column(name, [row[name] for row in rows]) for name in names]}


def _column(name: str, values: Sequence[Any]) -> list[Any]:
    if all(isinstance(value, str) for value in values):
        places: dict[str, int] = {}
        numbers = [places.setdefault(value, len(places)) for value in values]
        return [name, numbers, list(places)]
    return [name, [round(value, _DIGITS) if isinstance(value, float) else value for value in values], None]
