"""Makes foreign text fit for a spreadsheet: it is shown, and never taken for a formula."""

from __future__ import annotations

_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""OWASP, "CSV injection"."""
_MARK = "'"


def no_formula(text: str) -> str:
    """Return text with an apostrophe before it where a spreadsheet would take it for a formula."""
    return _MARK + text if _formula(text) else text


def as_written(text: str) -> str:
    """Return the text that :func:`no_formula` was given."""
    return text[1:] if text.startswith(_MARK) and _formula(text) else text


def _formula(text: str) -> bool:
    return text.lstrip(_MARK).startswith(_BEGINS_FORMULA)
