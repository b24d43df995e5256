"""Values in the form in which they are kept: what numpy and plugins give becomes Python's own, or is refused."""

from __future__ import annotations

import operator
from typing import Any


def number_from(given: Any, what: str) -> float:
    """Return a number as Python's own (an int stays one); raises :class:`TypeError` that names ``what``."""
    if isinstance(given, bool):
        return int(given)
    if type(given) is int or type(given) is float:
        return given
    if isinstance(given, str | bytes) or not hasattr(given, "__float__"):
        raise TypeError(f"{what} is a number or None, not {given!r:.100}")
    return float(given)


def whole_from(given: Any, what: str) -> int:
    """Return a whole number as Python's own; raises :class:`TypeError` that names ``what``."""
    try:
        return operator.index(given)
    except TypeError:
        raise TypeError(f"{what} is a whole number, not {given!r:.100}") from None


def text_from(given: Any, what: str) -> str:
    """Return text as Python's own (a word of a ``StrEnum`` becomes its value)."""
    if not isinstance(given, str):
        raise TypeError(f"{what} is text, not {given!r:.100}")
    return str(given)


def texts_from(given: Any, what: str) -> tuple[str, ...]:
    """Return a tuple of texts; a lone text is none."""
    if isinstance(given, str) or not isinstance(given, tuple | list):
        raise TypeError(f"{what} are a tuple of texts, not {given!r:.100}")
    return tuple([one if type(one) is str else text_from(one, what) for one in given])
