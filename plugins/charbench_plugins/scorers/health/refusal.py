"""Whether a response refuses."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Channel, Metric, Persona, Sample, Score, Scorer, Span
from charbench_plugins.scorers.health.phrases import Phrases

WINDOW = 240
"""Characters from the start of a response in which a refusal is looked for: refusals open an answer."""
_DO = (
    r"(?:help|assist|comply|provide|continue|fulfil|engage|answer|do that|create|generate|write|discuss|support"
    r"|participate|play|pretend|role-?play|take part)"
)
_REFUSALS = Phrases(
    (
        r"i(?:'m| am) (?:really |very |so |truly |deeply )?sorry,? but (?:i (?:can|am|must|won|don|do|have to)|as an|that)",  # noqa: E501
        rf"i (?:can't|cannot|can not|won't|will not|am not going to) {_DO}",
        rf"i(?:'m| am) (?:unable|not able|not allowed|not permitted) to {_DO}",
        r"as an ai\b[^.!?\n]{0,40}\bi (?:must decline|can't|cannot|am unable|won't)",
        r"i (?:must|have to|will have to) (?:respectfully |politely )?decline",
        r"i(?:'d| would) (?:rather|prefer) not (?:to )?(?:answer|say|discuss|continue|engage)",
        r"(?:this|that|your) request (?:goes against|violates|is against)",
    )
)


class Refusal(Scorer):
    """Whether a response opens with a refusal, by a fixed set of phrases."""

    name = "refusal"
    metrics = (
        Metric("refusal", range=(0, None), role="health", higher_is_better=False, threshold=1, title="refusals"),
    )

    def score(self, sample: Sample, persona: Persona) -> Iterable[Score]:
        """Yield how many phrases of refusal open the response; thinking of a refusal is none."""
        if sample.response.strip():
            found = _REFUSALS.find(sample.response.lstrip()[:WINDOW])
            shift = len(sample.response) - len(sample.response.lstrip())
            spans = tuple(Span(Channel.RESPONSE, start + shift, end + shift, "refusal") for start, end in found)
            yield Score("refusal", Channel.RESPONSE, float(len(spans)), spans)

    def fingerprint(self, persona: Persona) -> str:
        """Return nothing: a refusal is one whoever refuses."""
        return ""
