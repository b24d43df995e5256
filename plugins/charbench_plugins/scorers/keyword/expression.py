"""One regular expression of a persona, searched for by RE2: in time linear in the text, whatever the expression."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

_NOWHERE = -1, -1


def options() -> Any:
    """Return how all expressions are searched for."""
    import re2

    made = re2.Options()
    made.log_errors = False
    made.case_sensitive = False
    made.never_capture = True  # groups are not read, and finding them takes a slower machine
    return made


class Expression:
    """A compiled expression."""

    def __init__(self, pattern: str) -> None:
        import re2

        self._compiled = re2.compile(pattern, options=options())
        try:  # what the public methods are made of: without them, and an object for each match, it takes half the time
            self._match: Any = partial(self._compiled._regexp.Match, re2._Anchor.UNANCHORED)
        except AttributeError:
            self._match = None

    def spans(self, text: str | bytes) -> Iterator[tuple[int, int]]:
        """Yield where the expression matches, in order and without overlaps; positions are those of ``text``."""
        if self._match is None or isinstance(text, str):
            for match in self._compiled.finditer(text):
                yield match.span()
            return
        at, size = 0, len(text)
        while (found := self._match(text, at, size)[0]) != _NOWHERE:
            yield found
            if at == size:
                return
            at = found[1] if found[1] > at else at + 1

    def is_in(self, text: bytes) -> bool:
        """Whether the expression matches anywhere."""
        if self._match is None:
            return self._compiled.search(text) is not None
        return bool(self._match(text, 0, len(text))[0] != _NOWHERE)
