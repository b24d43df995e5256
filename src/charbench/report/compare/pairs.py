"""The comparison itself: every pair of sides tested, adjusted for their number, and put into tiers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from charbench.analysis.clustered_rates import ClusteredRate, clustered_rate
from charbench.analysis.clusters import ClusteredMean, clustered_mean, design_effect
from charbench.analysis.differences import Difference
from charbench.analysis.erosion import Erosion, erosion
from charbench.analysis.multiplicity import holm
from charbench.analysis.paired import paired_means, paired_rates
from charbench.analysis.power import prompts_needed, variance_of_differences
from charbench.analysis.tiers import LEVEL, tiers_of_pairs
from charbench.analysis.unpaired import unpaired_means, unpaired_rates
from charbench.report.compare.metric import Measure
from charbench.report.compare.sides import Side, UnitKey


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sides by their places, the first the better one, and what tells them apart.

    ``adjusted`` is the p-value after Holm over all pairs, ``variance`` that of one prompt's difference,
    ``pairs`` how many pairs there are in all.
    """

    first: int
    second: int
    difference: Difference
    adjusted: float
    variance: float
    effect: float
    pairs: int

    @property
    def apart(self) -> bool:
        """Whether the two differ significantly."""
        return self.adjusted < LEVEL

    def needed(self, difference: float) -> int | None:
        """Return how many prompts show this difference (80% power); None where it is not known.

        The level is divided by the number of pairs: that is what Holm asks of the surest of them.
        """
        if not difference or not math.isfinite(self.variance):
            return None
        return prompts_needed(difference, self.variance, LEVEL / self.pairs, design_effect=self.effect)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Sides from the best on, each with its tier and estimate, and every pair of them."""

    measure: Measure
    sides: list[Side]
    estimates: list[ClusteredRate | ClusteredMean]
    erosions: list[Erosion | None]
    tiers: list[int]
    pairs: list[Pair]


def compare_all(sides: Sequence[Side], measure: Measure) -> Comparison:
    """Compare every pair of sides and put the sides in order, the best first."""
    estimates = {id(side): _estimate(side, measure) for side in sides}
    ordered = sorted(sides, key=lambda side: _rank(estimates[id(side)].value, measure, side.label))
    numbers = list(combinations(range(len(ordered)), 2))
    found = [_compare(ordered[a], ordered[b], measure) for a, b in numbers]
    p_values = [difference.p for difference, _, _ in found]
    adjusted = holm(p_values)
    return Comparison(
        measure,
        ordered,
        [estimates[id(side)] for side in ordered],
        [_erosion(side, measure) for side in ordered],
        tiers_of_pairs(len(ordered), numbers, p_values),
        [
            Pair(a, b, difference, p, variance, effect, len(numbers))
            for (a, b), (difference, variance, effect), p in zip(numbers, found, adjusted, strict=True)
        ],
    )


def shared_prompts(a: Side, b: Side) -> list[UnitKey]:
    """Return the prompts that both sides have a value for: what makes them a pair."""
    return [key for key in a.known if key in b.units and math.isfinite(b.units[key].value)]


def _rank(value: float, measure: Measure, label: str) -> tuple[float, str]:
    if math.isnan(value):
        return math.inf, label
    return (-value if measure.higher_is_better else value), label


def _estimate(side: Side, measure: Measure) -> ClusteredRate | ClusteredMean:
    keys = side.known
    values, clusters = side.values(keys), side.clusters(keys)
    if measure.is_rate:
        return clustered_rate(values, clusters, side.judged_in(keys))
    return clustered_mean(values, clusters)


def _erosion(side: Side, measure: Measure) -> Erosion | None:
    keys = [key for key in side.known if math.isfinite(side.units[key].thinking)]
    if not measure.has_thinking or not keys:
        return None
    thinking = [side.units[key].thinking for key in keys]
    return erosion(
        thinking, side.values(keys), side.clusters(keys), side.judged_in(keys), side.in_thinking, side.in_both
    )


def _compare(a: Side, b: Side, measure: Measure) -> tuple[Difference, float, float]:
    shared = shared_prompts(a, b)
    return _paired(a, b, shared, measure) if shared else _unpaired(a, b, measure)


def _paired(a: Side, b: Side, shared: list[UnitKey], measure: Measure) -> tuple[Difference, float, float]:
    first, second, clusters = a.values(shared), b.values(shared), a.clusters(shared)
    if measure.is_rate:
        difference = paired_rates(first, second, clusters, (a.judged_in(shared), b.judged_in(shared)))
    else:
        difference = paired_means(first, second, clusters)
    gaps = [x - y for x, y in zip(first, second, strict=True)]
    variance = variance_of_differences(gaps, shares=measure.is_rate)
    return difference, variance, design_effect(gaps, clusters)


def _unpaired(a: Side, b: Side, measure: Measure) -> tuple[Difference, float, float]:
    keys_a, keys_b = a.known, b.known
    first, second = a.values(keys_a), b.values(keys_b)
    clusters = a.clusters(keys_a), b.clusters(keys_b)
    if measure.is_rate:
        counts = a.judged_in(keys_a), b.judged_in(keys_b)
        difference = unpaired_rates(first, clusters[0], second, clusters[1], counts)
    else:
        difference = unpaired_means(first, clusters[0], second, clusters[1])
    variance = _variance(first, measure) + _variance(second, measure)
    effects = [design_effect(v, c) for v, c in zip((first, second), clusters, strict=True) if v]
    return difference, variance, max(effects, default=1.0)


def _variance(values: Sequence[float], measure: Measure) -> float:
    """Return the variance of a prompt's value; for rates with a hit and a miss added (Agresti and Caffo, 2000)."""
    known = [*values, 0.0, 1.0] if measure.is_rate else list(values)
    if len(known) < 2:
        return math.nan
    mean = sum(known) / len(known)
    return sum((value - mean) ** 2 for value in known) / (len(known) - (not measure.is_rate))
