"""Makes foreign text fit for a spreadsheet: it is shown, and never taken for a formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""OWASP, "CSV injection"; the last four are the full-width forms of the first."""
MARK = "'"
"""What is put before a text that would be a formula."""


def no_formula(text: str) -> str:
    """Return text with an apostrophe before it where a spreadsheet would take it for a formula."""
    return MARK + text if _formula(text) else text


def as_written(text: str) -> str:
    """Return the text that :func:`no_formula` was given."""
    return text[1:] if text.startswith(MARK) and _formula(text) else text


def no_formulas(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a CSV file, names of columns too, with :func:`no_formula` done to each text in it.

    Every CSV file that charbench writes is written by way of this. Numbers stay numbers.
    """
    return {no_formula(name): no_formula(value) if isinstance(value, str) else value for name, value in row.items()}


def _formula(text: str) -> bool:
    return text.lstrip(MARK).startswith(_BEGINS_FORMULA)
