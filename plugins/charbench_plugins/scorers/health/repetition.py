"""Whether a text runs in circles."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import LOOPS_FROM, Metric, Persona, Sample, Score, Scorer, repeated_share


class Repetition(Scorer):
    """The share of a text that it has said before: runs of five words that stood there already."""

    name = "repetition"
    is_default = True
    metrics = (
        Metric("repetition", range=(0, 1), role="health", higher_is_better=False, threshold=LOOPS_FROM, title="loops"),
    )

    def score(self, sample: Sample, persona: Persona) -> Iterable[Score]:
        """Yield the share for each channel, 0 to 1."""
        for channel, text in sample.channels():
            yield Score("repetition", channel, repeated_share(text))

    def fingerprint(self, persona: Persona) -> str:
        """Return nothing: a loop is one in every character."""
        return ""
