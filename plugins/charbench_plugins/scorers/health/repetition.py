"""Whether a text runs in circles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from charbench import Metric, Persona, Sample, Score, Scorer

WORDS = 5
"""Words that are looked at together."""
LOOPS_FROM = 0.3
"""Share of repeated runs from which on a text loops; prose and verse with a refrain stay well below."""
_CHARS = 10
_LONG_WORD = 30
"""Mean length of a word above which a text is taken for one written without spaces."""


class Repetition(Scorer):
    """The share of a text that it has said before: runs of five words that stood there already."""

    name = "repetition"
    metrics = (
        Metric("repetition", range=(0, 1), role="health", higher_is_better=False, threshold=LOOPS_FROM, title="loops"),
    )

    def score(self, sample: Sample, persona: Persona) -> Iterable[Score]:
        """Yield the share for each channel, 0 to 1."""
        for channel, text in sample.channels():
            yield Score("repetition", channel, repeated(text))

    def fingerprint(self, persona: Persona) -> str:
        """Return nothing: a loop is one in every character."""
        return ""


def repeated(text: str) -> float:
    """Return the share of runs of five words that are not the first of their kind; 0 for a text too short to tell.

    Duplicate n-grams as in Rae et al. 2021 (Gopher, table A1), with a threshold for answers instead of web
    pages. Where a text has no spaces between its words, runs of ten characters are looked at.
    """
    words = text.split()
    if len(text) > _LONG_WORD * max(1, len(words)):
        return _share([text[at : at + _CHARS] for at in range(len(text) - _CHARS + 1)])
    return _share(list(zip(*(words[start:] for start in range(WORDS)), strict=False)))


def _share(runs: Sequence[object]) -> float:
    return 1 - len(set(runs)) / len(runs) if runs else 0.0
