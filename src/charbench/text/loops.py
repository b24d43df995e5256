"""How much of a text repeats what it has said before, and from which share on it loops."""

from __future__ import annotations

from collections.abc import Iterable

WORDS = 5
"""Words that are looked at together."""
LOOPS_FROM = 0.3
"""Share of repeated runs of words from which on a text loops; prose and verse with a refrain stay well below."""
_CHARS = 10
_LONG_WORD = 30
"""Mean length of a word above which a text is taken for one written without spaces."""


def repeated_share(text: str) -> float:
    """Return the share of runs of five words that are not the first of their kind, 0 to 1; 0 for a short text.

    Duplicate n-grams as in Rae et al. 2021 (Gopher, table A1), with a threshold for answers instead of web
    pages. Where a text has no spaces between its words, runs of ten characters are looked at.
    """
    words = text.split()
    if len(text) > _LONG_WORD * max(1, len(words)):
        return _share((text[at : at + _CHARS] for at in range(len(text) - _CHARS + 1)), len(text) - _CHARS + 1)
    count = len(words) - WORDS + 1
    # Where no run has the words at both ends and in the middle of another, none repeats: most texts end here.
    if len(set(zip(words, words[WORDS // 2 :], words[WORDS - 1 :], strict=False))) == count:
        return 0.0
    return _share(zip(*(words[start:] for start in range(WORDS)), strict=False), count)


def is_loop(text: str) -> bool:
    """Whether a text loops: 30% or more of its runs of five words were there before."""
    return repeated_share(text) >= LOOPS_FROM


def _share(runs: Iterable[object], count: int) -> float:
    return 1 - len(set(runs)) / count if count > 0 else 0.0
