"""One row of a report: totals of the samples of one or more checkpoints, and the rates that follow from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from shlex import quote

from charbench.analysis.clusters import ClusteredMean
from charbench.analysis.wilson import Rate
from charbench.report.prompt_counts import PromptCounts
from charbench.report.summary.health import HealthCount, HealthMetric
from charbench.report.summary.judged import Judged


@dataclass
class Tally:
    """Totals of one row: samples of one or more checkpoints, for one persona."""

    persona: str
    label: str
    kinds: set[str] = field(default_factory=set)
    uris: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    samplers: set[str] = field(default_factory=set)
    totals: dict[str, float] = field(default_factory=dict)
    response: dict[str, float] = field(default_factory=dict)
    thinking: dict[str, float] = field(default_factory=dict)
    judged: Judged = field(default_factory=Judged)
    """How many samples the trait rates are out of."""
    health: dict[HealthMetric, HealthCount] = field(default_factory=dict)
    """A count for each health metric of the report, whether or not this row has any."""
    groups: list[int] = field(default_factory=list)
    """The numbers of the groups of samples that were counted in."""
    counts: PromptCounts = field(default_factory=PromptCounts)
    """What the rates and their intervals are made of."""
    ends: tuple[float | None, float | None] = None, None
    """The least and the greatest possible value of the headline metric; None: there is none."""
    shared: frozenset[str] | None = None
    """The prompts by whose rates the row is ranked; None: by all of its own, which the others were asked too."""

    @property
    def selectors(self) -> list[str]:
        """What selects its checkpoints: the name where it is shown by it alone, else the URIs."""
        return [self.label] if self.label in self.names else sorted(self.uris)

    @property
    def options(self) -> str:
        """The options that select its checkpoints in a shell."""
        return " ".join(f"-c {quote(name)}" for name in self.selectors)

    @property
    def failed(self) -> int:
        """Samples that failed."""
        return failed(self.totals)

    @property
    def answered(self) -> int:
        """Samples that did not fail, and were neither filtered nor tool calls: what every rate is out of."""
        return int(self.totals.get("samples", 0) - self.totals.get("errors", 0))

    @cached_property
    def responses(self) -> Rate:
        """Samples with a response."""
        return self.counts.rate("responses", "answered")

    @cached_property
    def trait(self) -> Rate:
        """Samples whose response has the trait, out of all of which that is known: what rows are ranked by.

        A sample without a response has no trait; one whose response has no score is left out.
        """
        return self.counts.rate("hits", "judged")

    @cached_property
    def trait_given_response(self) -> Rate:
        """The same, out of those with a response."""
        return self.counts.rate("hits", "valued")

    @cached_property
    def trait_in_thinking(self) -> Rate:
        """Samples whose thinking has the trait, out of all of which that is known; no thinking has no trait."""
        return self.counts.rate("thinking_hits", "thought")

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The trait rate (0 to 1) if no response without a score had the trait, and if all of them had.

        None where every response has a score, or none has.
        """
        whole = self.trait.total + self.judged.left_out
        if not self.judged.left_out or not self.trait.total:
            return None
        return self.trait.count / whole, (self.trait.count + self.judged.left_out) / whole

    @property
    def ranked(self) -> float:
        """The trait rate (0 to 1) that the row is ranked by: on the prompts that rows share; NaN where unknown."""
        return self._shared(self.counts.judged, self.trait.share)

    @property
    def ranked_mean(self) -> float:
        """The same of a metric without a threshold: its mean over responses, on shared prompts their mean of means."""
        return self._shared(self.counts.means, self.per_response)

    def _shared(self, of: Mapping[str, float], whole: float) -> float:
        if self.shared is None:
            return whole
        mine = [value for key, value in of.items() if key in self.shared]
        return _mean(sum(mine), len(mine)) if mine else whole

    @property
    def per_response(self) -> float:
        """The headline metric's mean over responses; NaN without any."""
        return _mean(self.response.get("total", 0.0), self.response.get("count", 0))

    @cached_property
    def mean_of_responses(self) -> ClusteredMean:
        """The headline metric's mean over responses, with its interval; NaN without any."""
        return self.counts.mean().within(*self.ends)

    @property
    def per_thinking(self) -> float:
        """The same over thinking texts."""
        return _mean(self.thinking.get("total", 0.0), self.thinking.get("count", 0))

    def mean(self, total: str) -> float:
        """Return a total's mean over all samples that rates are out of, empty ones included."""
        return _mean(self.totals.get(total, 0), self.answered)

    @property
    def latency(self) -> float:
        """Mean seconds an answer took; NaN where nobody measured."""
        return _mean(self.totals.get("latency_total", 0.0), self.totals.get("latency_count", 0))


def failed(totals: Mapping[str, float]) -> int:
    """Return how many samples failed; replies that were filtered or called a tool did not."""
    return int(totals.get("errors", 0) - totals.get("filtered", 0) - totals.get("tool_call", 0))


def _mean(total: float, count: float) -> float:
    return total / count if count else math.nan
