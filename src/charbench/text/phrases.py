"""Finds phrases in time linear in the text, whatever the text: RE2 expressions, compiled on first use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

_BLANK = re.compile(r"\[(?:\\.|[^\]\\])*\]| ")
_APOSTROPHES = str.maketrans("’‘ʼ“”", "'''\"\"")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


class Phrases:
    """Expressions of which any may match. A blank outside of brackets stands for any white space.

    Letter case does not matter, except within ``(?-i:...)``. Texts are searched as :func:`plain` returns them.
    """

    def __init__(self, patterns: Sequence[str], before: str = r"\b") -> None:
        self._pattern = f"{before}(?:{with_any_space('|'.join(patterns))})"
        self._compiled: Any = None

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where each phrase is, ``text[start:end]``, in order and without overlaps."""
        if self._compiled is None:
            self._compiled = _compile(self._pattern)
        # RE2 takes UTF-8; every character keeps its position. Of bytes its wrapper counts no characters.
        searched = text.encode() if text.isascii() else _HALF_A_PAIR.sub("\ufffd", text)
        for match in self._compiled.finditer(searched):
            yield match.span()


def with_any_space(pattern: str) -> str:
    """Return an expression in which each blank outside of brackets stands for any white space."""
    return _BLANK.sub(lambda match: r"\s+" if match.group() == " " else match.group(), pattern)


def plain(text: str) -> str:
    """Return the text with straight quotes and apostrophes; every character keeps its position."""
    return text if text.isascii() else text.translate(_APOSTROPHES)


def _compile(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True  # groups are not read, and finding them takes a slower machine
    return re2.compile(pattern, options=options)
