"""Counts a persona's literal markers in each channel, with the spans that are the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from charbench import Channel, Metric, Persona, Prompt, Sample, Score, Scorer, Span, Tier, digest
from charbench_plugins.scorers.keyword.flags import Masks
from charbench_plugins.scorers.keyword.folding import Folded
from charbench_plugins.scorers.keyword.matcher import Hit, Matcher
from charbench_plugins.scorers.keyword.style import FEATURES, HEDGES, features
from charbench_plugins.scorers.keyword.weak import WEIGHTS, dense, supported
from charbench_plugins.scorers.keyword.word_ends import is_unspaced

Ignored = Literal["code", "link", "quote", "prompt", "negated"]
WORD_LENGTH = 6
"""Characters that count as one word in ``keywords_per_100_words``: splitting costs more than it tells."""


_COUNTED = ("keywords", "weighted", "per_100_words", "set_aside")
_TIERS = {tier: tier.value for tier in Tier}
"""Looked up here: to ask a member of an enum for its value is slow in Python 3.11."""
_ZEROS = {
    channel: {name: Score(name, channel, 0.0) for name in (*_COUNTED, "anti_markers", *FEATURES)} for channel in Channel
}
"""Three quarters of all scores are 0 and without evidence: they cannot be changed, and are made once."""


class KeywordScorer(Scorer):
    """The persona's literal markers, counted and weighted (strong 3, moderate 1, style, weak 0.5), style features."""

    name = "keyword"
    is_default = True
    measured_by_runs = True
    metrics = (
        Metric("keywords", range=(0, None), role="headline", threshold=1, title="keywords"),
        Metric("weighted", range=(0, None), title="weighted sum"),
        Metric("per_100_words", range=(0, None), title="keywords per 100 words"),
        Metric("set_aside", range=(0, None), title="markers set aside"),
        Metric(
            "anti_markers",
            range=(0, None),
            role="health",
            higher_is_better=False,
            threshold=1,
            title="anti-markers",
        ),
        *(Metric(name, range=(0, None), title=title) for name, title in FEATURES.items()),
    )

    class Config(Scorer.Config):
        """What counts."""

        cap: int = Field(3, ge=1, description="maximum counted hits of one marker per text")
        ignore: tuple[Ignored, ...] = Field(
            ("code", "link", "quote", "prompt", "negated"),
            description="hits that do not count: in code, links and quotes, copied from the prompt, negated",
        )
        style: bool = Field(True, description="compute style features too")

    config: Config

    def __init__(self, config: Scorer.Config | None = None) -> None:
        super().__init__(config)
        self._compiled: tuple[Persona, Matcher] | None = None

    def fingerprint(self, persona: Persona) -> str:
        """Return a hash of the literal markers: editing the rubric counts nothing again."""
        literal = [[m.text, m.tier, m.form] for m in persona.markers if m.form.literal]
        against = [[m.text, m.form] for m in persona.anti_markers if m.form.literal]
        together = [persona.together] if any(m.tier is Tier.WEAK for m in persona.markers) else []
        density = [{"density": persona.density}] if persona.density is not None else []
        exempt = [{"exempt": sorted(persona.exempt)}] if density and persona.exempt else []
        spoken = ["spoken"] if density and persona.spoken else []
        unspaced = ["unspaced"] if any(is_unspaced(text) for text, *_ in (*literal, *against)) else []
        return digest(literal or "nothing to find", against, *together, *density, *exempt, *spoken, *unspaced)

    def score(self, sample: Sample, persona: Persona) -> Iterable[Score]:
        """Return the metrics of each channel that holds text."""
        matcher = self._matcher(persona)
        scores: list[Score] = []  # not yielded: each of twenty would go through two generators
        for channel, text in sample.channels():
            scores += self._channel(channel, text, sample.prompt, matcher, persona)
        return scores

    def _matcher(self, persona: Persona) -> Matcher:
        """Return the persona's matcher, compiled anew when the persona changes: runs go persona by persona.

        Compared by identity: hashing a persona with all its markers takes as long as scoring a sample.
        """
        if self._compiled is None or self._compiled[0] is not persona:
            hedges = HEDGES if self.config.style else ()
            self._compiled = persona, Matcher(persona.markers, persona.anti_markers, hedges)
        return self._compiled[1]

    def _channel(self, channel: Channel, text: str, prompt: Prompt, matcher: Matcher, persona: Persona) -> list[Score]:
        folded = Folded(text)
        zeros = _ZEROS[channel]
        hits, against, hedges = matcher.find(folded)
        if hits or any(marker.form.literal for marker in persona.markers):
            scores = self._count(channel, text, folded, hits, prompt, persona)
        else:
            why = "the persona has no markers that can be found in text"
            scores = [Score(name, channel, None, explanation=why) for name in _COUNTED]
        if against:
            spans = tuple(_span(channel, folded, hit, ("anti",)) for hit in against)
            scores.append(Score("anti_markers", channel, float(len(spans)), spans))
        else:
            scores.append(zeros["anti_markers"])
        if self.config.style:
            for name, value in features(text, len(hedges)):
                scores.append(Score(name, channel, value) if value else zeros[name])
        return scores

    def _count(
        self, channel: Channel, text: str, folded: Folded, hits: list[Hit], prompt: Prompt, persona: Persona
    ) -> list[Score]:
        """Return what the markers that stand in a text come to."""
        zeros = _ZEROS[channel]
        if not hits:
            return [zeros[name] for name in _COUNTED]
        counted, aside, code = self._judge(channel, folded, hits, prompt)
        words = max(1, round(len(text) / WORD_LENGTH))
        if persona.density is None:
            counted, alone = supported(counted, persona.together, words)
        else:
            counted, alone = dense(counted, text, persona, words - code // WORD_LENGTH)
        aside += alone
        spans = *counted, *aside
        weighted = sum(WEIGHTS[span.tier] for span in counted)
        return [
            Score("keywords", channel, float(len(counted)), spans),
            Score("weighted", channel, weighted) if counted else zeros["weighted"],
            Score("per_100_words", channel, 100.0 * len(counted) / words) if counted else zeros["per_100_words"],
            Score("set_aside", channel, float(len(aside))) if aside else zeros["set_aside"],
        ]

    def _judge(
        self, channel: Channel, folded: Folded, hits: list[Hit], prompt: Prompt
    ) -> tuple[list[Span], list[Span], int]:
        """Tell the hits that count from those set aside, each with the flags that say why; and characters of code."""
        counted: list[Span] = []
        aside: list[Span] = []
        masks = Masks(folded.text, Folded(prompt.text).text)
        ignored, cap = self.config.ignore, self.config.cap
        seen: dict[str, int] = {}
        for hit in hits:
            flags = masks.flags(hit.start, hit.end)
            if not flags or not any(flag in ignored for flag in flags):
                text = hit.marker.text
                seen[text] = times = seen.get(text, 0) + 1
                if times > cap:
                    flags = (*flags, "capped")
                else:
                    counted.append(_span(channel, folded, hit, flags))
                    continue
            aside.append(_span(channel, folded, hit, flags))
        return counted, aside, masks.code


def _span(channel: Channel, folded: Folded, hit: Hit, flags: tuple[str, ...]) -> Span:
    start, end = folded.place(hit.start, hit.end)
    return Span(channel, start, end, hit.marker.text, _TIERS[hit.marker.tier], flags)
