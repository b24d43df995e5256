"""Words of a fixed set, as people and plugins write them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

E = TypeVar("E", bound=StrEnum)


def one_of(words: type[E], given: Any, what: str) -> E:
    """Return the word that ``given`` is, text or one of them already; raises :class:`ValueError` with the choices."""
    try:
        return words(given)
    except ValueError:
        raise ValueError(f"{what} is {given!r}; one of {', '.join(words)} is needed") from None
