"""Which rows of a report differ significantly, from its totals alone: no sample is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from charbench.analysis.fisher import fisher_exact
from charbench.analysis.multiplicity import holm
from charbench.analysis.rates import Rate
from charbench.analysis.tiers import LEVEL, tiers_of_pairs
from charbench.report.summary.rows import Report

MOST_ROWS = 50
"""So many rows of a persona, the best ones, get a tier: the pairs grow with their square."""
MOST_PERSONAS = 8


@dataclass(frozen=True, slots=True)
class RatePair:
    """Two named rates, their difference (first less second, -1 to 1), and what tells them apart."""

    names: tuple[str, str]
    rates: tuple[Rate, Rate]
    value: float
    low: float
    high: float
    p: float
    adjusted: float

    @property
    def apart(self) -> bool:
        """Whether the two differ significantly."""
        return self.adjusted < LEVEL


@dataclass(frozen=True, slots=True)
class Standing:
    """The tier of each row of a report's checkpoint table, and its personas in pairs."""

    tiers: list[int | None]
    personas: list[RatePair]


def standing(report: Report) -> Standing:
    """Return which of a report's rows differ significantly: checkpoints of one persona by the trait rate that they
    are ranked by, personas by the trait rate given a response. Nothing of a report that is not scored.

    A persona's tiers are its own: what is in character for one is not for the other, and a report of one persona
    says the same of it as a report of all.
    """
    if not report.is_rate:
        return Standing([None] * len(report.checkpoints), [])
    tiers: list[int | None] = [None] * len(report.checkpoints)
    for persona in {row.persona for row in report.checkpoints}:
        mine = [index for index, row in enumerate(report.checkpoints) if row.persona == persona]
        for index, tier in zip(mine, tiers_of_rates([report.checkpoints[i].trait for i in mine]), strict=True):
            tiers[index] = tier
    return Standing(tiers, rate_pairs([(row.persona, row.trait_given_response) for row in report.personas]))


def tiers_of_rates(rates: Sequence[Rate]) -> list[int | None]:
    """Return the tier of each rate, from the best on; None for those without samples and beyond the first 50."""
    known = [index for index, rate in enumerate(rates) if rate.total][:MOST_ROWS]
    pairs = list(combinations(range(len(known)), 2))
    p_values = []
    cache: dict[tuple[int, int, int, int], float] = {}
    for a, b in pairs:
        first, second = rates[known[a]], rates[known[b]]
        key = first.count, first.total, second.count, second.total
        if key not in cache:
            cache[key] = fisher_exact(*key)
        p_values.append(cache[key])
    given: list[int | None] = [None] * len(rates)
    for index, tier in zip(known, tiers_of_pairs(len(known), pairs, p_values), strict=True):
        given[index] = tier
    return given


def rate_pairs(named: Sequence[tuple[str, Rate]]) -> list[RatePair]:
    """Compare every pair of the first eight rates that have samples: Fisher's exact test, Newcombe's interval."""
    from charbench.analysis.unpaired import unpaired_counts

    known = [(name, rate) for name, rate in named if rate.total][:MOST_PERSONAS]
    pairs = list(combinations(known, 2))
    found = [unpaired_counts(a.count, a.total, b.count, b.total) for (_, a), (_, b) in pairs]
    adjusted = holm([difference.p for difference in found])
    return [
        RatePair((one, two), (a, b), d.value, d.low, d.high, d.p, p)
        for ((one, a), (two, b)), d, p in zip(pairs, found, adjusted, strict=True)
    ]


def pair_as_dict(pair: RatePair) -> dict[str, Any]:
    """Return a pair's figures under their full names."""
    first, second = pair.rates
    return {
        "first": pair.names[0],
        "second": pair.names[1],
        "first_with_trait": first.count,
        "first_responses": first.total,
        "second_with_trait": second.count,
        "second_responses": second.total,
        "difference": pair.value,
        "difference_low": pair.low,
        "difference_high": pair.high,
        "p_fisher": pair.p,
        "p_holm": pair.adjusted,
        "told_apart": pair.apart,
    }
