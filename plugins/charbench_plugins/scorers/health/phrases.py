"""Finds phrases in linear time: one expression that says of most texts at once that they hold none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

_APOSTROPHES = str.maketrans("’‘ʼ", "'''")


class Phrases:
    """RE2 expressions, compiled on first use; case and the kind of apostrophe do not matter."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._pattern = r"\b(?:" + "|".join(patterns) + ")"
        self._compiled: Any = None

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where each phrase stands, ``text[start:end]``."""
        if self._compiled is None:
            self._compiled = _compile(self._pattern)
        plain = text if text.isascii() else text.translate(_APOSTROPHES)
        if self._compiled.search(plain) is not None:
            for match in self._compiled.finditer(plain):
                yield match.span()


def _compile(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.case_sensitive = False
    return re2.compile(pattern, options=options)
