"""Which rows of a report differ significantly: the tests of ``compare``, prompt by prompt."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import combinations

import numpy as np

from charbench.analysis.clusters import prompt_clusters
from charbench.analysis.paired import paired_rates_p
from charbench.analysis.tiers import tiers_of_pairs
from charbench.analysis.unpaired import unpaired_rates_p
from charbench.report.summary.rows import Report
from charbench.report.summary.tally import Tally

MOST_ROWS = 50
"""So many rows of a persona, the best ones, get a tier: the pairs grow with their square."""


def tiers_of_report(report: Report) -> list[int | None]:
    """Return the tier of each row of a report's checkpoint table, by the trait rate; none of one that is not scored.

    A persona's tiers are its own: what is in character for one is not for the other, and a report of one persona
    says the same of it as a report of all.
    """
    tiers: list[int | None] = [None] * len(report.checkpoints)
    if not report.is_rate:
        return tiers
    for persona in {row.persona for row in report.checkpoints}:
        mine = [index for index, row in enumerate(report.checkpoints) if row.persona == persona]
        for index, tier in zip(mine, tiers_of_rows([report.checkpoints[i] for i in mine]), strict=True):
            tiers[index] = tier
    return tiers


def tiers_of_rows(rows: Sequence[Tally]) -> list[int | None]:
    """Return the tier of each row, from the best on; None for those without a rate and beyond the first 50."""
    known = [index for index, row in enumerate(rows) if row.counts.judged][:MOST_ROWS]
    sides = [_Side(rows[index]) for index in known]
    pairs = list(combinations(range(len(known)), 2))
    p_values = [_p_value(sides[a], sides[b]) for a, b in pairs]
    given: list[int | None] = [None] * len(rows)
    for index, tier in zip(known, tiers_of_pairs(len(known), pairs, p_values), strict=True):
        given[index] = tier
    return given


_Answers = tuple[np.ndarray, list[Hashable], np.ndarray]
"""Rates by prompt, the prompts' clusters, and how many samples each rate is out of."""


class _Side:
    """A row's trait rates by prompt, and how many samples they are out of."""

    def __init__(self, row: Tally) -> None:
        self.rates = row.counts.judged
        self.keys = list(self.rates)
        self.families = {key: row.counts.prompts[key].family for key in self.keys}
        self.samples = {key: row.counts.prompts[key].judged for key in self.keys}
        self.whole = self._answers(self.keys)

    def answers(self, keys: Sequence[str]) -> _Answers:
        """Return what the side answered to these prompts."""
        return self.whole if keys == self.keys else self._answers(keys)

    def _answers(self, keys: Sequence[str]) -> _Answers:
        return self.of(keys), self.clusters(keys), self.judged(keys)

    def of(self, keys: Sequence[str]) -> np.ndarray:
        return np.array([self.rates[key] for key in keys])

    def judged(self, keys: Sequence[str]) -> np.ndarray:
        return np.array([self.samples[key] for key in keys])

    def clusters(self, keys: Sequence[str]) -> list[Hashable]:
        return prompt_clusters(keys, [self.families[key] for key in keys])


def _p_value(a: _Side, b: _Side) -> float:
    """Return the p-value of the prompts that both share; unpaired where they share none."""
    shared = a.keys if a.keys == b.keys else [key for key in a.keys if key in b.rates]
    (first, clusters, mine), (second, others, its) = (side.answers(shared or side.keys) for side in (a, b))
    if not shared:
        return unpaired_rates_p(first, clusters, second, others, (int(mine.sum()), int(its.sum())))
    return paired_rates_p(first, second, clusters, (mine, its))
