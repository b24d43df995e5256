"""Whether a response refuses."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Channel, Metric, Persona, Sample, Score, Scorer, Span, find_refusals


class Refusal(Scorer):
    """Whether a response opens with a refusal, by a fixed set of phrases."""

    name = "refusal"
    is_default = True
    version = 2
    metrics = (
        Metric("refusal", range=(0, None), role="health", higher_is_better=False, threshold=1, title="refusals"),
    )

    def score(self, sample: Sample, persona: Persona) -> Iterable[Score]:
        """Yield how many phrases of refusal open the response; thinking of a refusal is none."""
        if sample.response.strip():
            found = find_refusals(sample.response)
            spans = tuple(Span(Channel.RESPONSE, start, end, "refusal") for start, end in found)
            yield Score("refusal", Channel.RESPONSE, float(len(spans)), spans)

    def fingerprint(self, persona: Persona) -> str:
        """Return nothing: a refusal is one whoever refuses."""
        return ""
