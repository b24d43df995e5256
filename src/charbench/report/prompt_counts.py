"""What a row of a report counts, prompt by prompt: the rates and their intervals follow from it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter

from charbench.analysis.clusters import ClusteredMean, clustered_mean, prompt_clusters
from charbench.analysis.rate_intervals import ClusteredRate, clustered_rate, rate_of_counts
from charbench.analysis.wilson import Rate
from charbench.store.by_prompt import PromptTally, nobody_looked


@dataclass(slots=True)
class PromptCount:
    """Samples of one prompt, failed ones left out.

    ``judged`` of them it is known of whether their response has the trait (``hits`` do); ``thought`` and
    ``thinking_hits`` are the same for the thinking. ``valued`` responses have a value, with their ``total``.
    """

    name: str
    family: str
    answered: int = 0
    responses: int = 0
    valued: int = 0
    judged: int = 0
    hits: int = 0
    thought: int = 0
    thinking_hits: int = 0
    total: float = 0.0

    def add(self, tally: PromptTally, *, unseen: bool, scored: bool) -> None:
        """Count in a group's samples of this prompt, by the rules of :func:`charbench.report.summary.judged.judged`."""
        self.answered += tally.answered
        self.responses += tally.responses
        self.valued += tally.valued
        self.judged += tally.judged(unseen=unseen)
        self.hits += tally.hits
        if scored:
            self.thought += tally.thought(unseen=unseen)
        self.thinking_hits += tally.thinking_hits
        self.total += tally.total


_COUNTED = ("answered", "responses", "valued", "judged", "hits", "thought", "thinking_hits", "total")


@dataclass(slots=True)
class PromptCounts:
    """The counts of one row by prompt."""

    prompts: dict[str, PromptCount] = field(default_factory=dict)

    def merge(self, other: PromptCounts) -> None:
        """Count in the samples of another row."""
        for key, one in other.prompts.items():
            mine = self.prompts.setdefault(key, PromptCount(one.name, one.family))
            for name in _COUNTED:
                setattr(mine, name, getattr(mine, name) + getattr(one, name))

    def add(self, tallies: Sequence[PromptTally], *, scored: bool, is_rate: bool = True) -> None:
        """Count in the samples of one group; of a metric without a threshold no sample is known to have a trait."""
        unseen = not is_rate or nobody_looked(tallies)
        for tally in tallies:
            mine = self.prompts.get(tally.prompt)
            if mine is None:
                mine = self.prompts[tally.prompt] = PromptCount(tally.name, tally.family)
            mine.add(tally, unseen=unseen, scored=scored)

    def rate(self, hits: str, totals: str, confidence: float = 0.95) -> Rate:
        """Return one count's share of another, with the interval for other prompts of other families."""
        rows = self.prompts.values()
        of, out_of = attrgetter(hits), attrgetter(totals)
        clusters = _clusters(tuple(self.prompts), tuple([row.family for row in rows]))
        return rate_of_counts([of(row) for row in rows], [out_of(row) for row in rows], clusters, confidence)

    def clustered(self, hits: str, totals: str, confidence: float) -> ClusteredRate:
        """Return the same with what the interval is made of; NaN without a sample."""
        known = {key: row for key, row in self.prompts.items() if getattr(row, totals)}
        sizes = [getattr(row, totals) for row in known.values()]
        rates = [getattr(row, hits) / size for row, size in zip(known.values(), sizes, strict=True)]
        clusters = _clusters(tuple(known), tuple([row.family for row in known.values()]))
        return clustered_rate(rates, clusters, sum(sizes), confidence, weights=sizes)

    def mean(self, confidence: float = 0.95) -> ClusteredMean:
        """Return the metric's mean over responses, with the interval for other prompts of other families.

        It is the interval that a comparison gives each side, but of responses: a prompt weighs as much as
        it has responses with a value.
        """
        known = [(key, row) for key, row in self.prompts.items() if row.valued]
        clusters = _clusters(tuple([key for key, _ in known]), tuple([row.family for _, row in known]))
        values, weights = [row.total / row.valued for _, row in known], [row.valued for _, row in known]
        return clustered_mean(values, clusters, confidence, weights=weights or None)

    @property
    def judged(self) -> dict[str, float]:
        """The trait rate of each prompt of which one is known."""
        return {key: row.hits / row.judged for key, row in self.prompts.items() if row.judged}

    @property
    def means(self) -> dict[str, float]:
        """The metric's mean over the responses to each prompt of which one has a value."""
        return {key: row.total / row.valued for key, row in self.prompts.items() if row.valued}

    @property
    def asked(self) -> AbstractSet[str]:
        """The prompts that a row is ranked by: those of which a trait rate is known; where none is, all."""
        return self.judged.keys() or self.prompts.keys()

    def judged_in(self, keys: Sequence[str]) -> list[int]:
        """Return how many samples the trait rate of each of these prompts is out of."""
        return [self.prompts[key].judged for key in keys]


@lru_cache(maxsize=64)
def _clusters(prompts: tuple[str, ...], families: tuple[str, ...]) -> tuple[Hashable, ...]:
    """Most rows of a report were asked the same prompts."""
    return tuple(prompt_clusters(prompts, families))
