"""The comparison itself: every pair of sides tested, adjusted for their number, and put into tiers."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean, variance
from typing import TypeAlias

from charbench.analysis.clusters import ClusteredMean, clustered_mean
from charbench.analysis.differences import Difference
from charbench.analysis.erosion import Erosion, erosion
from charbench.analysis.families import Families
from charbench.analysis.likeness import likeness, together
from charbench.analysis.multiplicity import holm
from charbench.analysis.paired import exchangeable, paired_means, paired_rates
from charbench.analysis.planned_fisher import FisherTest
from charbench.analysis.planned_intervals import uneven_rates
from charbench.analysis.planned_tests import PairedTest, Test, WelchTest
from charbench.analysis.power import likely_prompts, prompts_needed, variance_of_differences
from charbench.analysis.rate_intervals import ClusteredRate, clustered_rate
from charbench.analysis.tiers import LEVEL, tiers_of_pairs
from charbench.analysis.unpaired import (
    LEAST_BY_SKEWNESS,
    LEAST_CLUSTERS,
    TOO_FEW,
    clusters_needed,
    unpaired_means,
    unpaired_rates,
)
from charbench.report.compare.metric import Measure
from charbench.report.compare.sides import Side, UnitKey, same_answers
from charbench.report.compare_runs import compare_runs
from charbench.report.shared_prompts import shared_of_each

OTHER_MARKERS = "none: judged by different markers"
"""The test of two sides whose values are not of one kind: none."""
NOT_COMPARED = {OTHER_MARKERS, TOO_FEW}
"""The tests of sides that are not compared."""
_BY_CHANCE = 2.7
"""Skewness whose square is this many of its variances or less is what chance gives: 90% of values without any."""
_SAFELY = 2.0
"""Other answers may be more skewed: with twice the clusters that these need, most new sides are tested."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sides by their places, the first the better one, and what tells them apart.

    ``adjusted`` is the p-value after Holm over all pairs, ``planned`` the test with what it is to expect of more
    prompts (None: nothing is known of them), ``pairs`` how many pairs there are in all.
    """

    first: int
    second: int
    difference: Difference
    adjusted: float
    planned: Test | None
    pairs: int

    @property
    def apart(self) -> bool:
        """Whether the two differ significantly."""
        return self.adjusted < LEVEL

    @property
    def was_compared(self) -> bool:
        """Whether there is a test of the two; without one nothing is known of their difference."""
        return math.isfinite(self.difference.p) and self.difference.test not in NOT_COMPARED

    def needed(self, difference: float) -> int | None:
        """Return how many prompts show this difference with 80% power, if rates stay as observed.

        A side, where the pair is unpaired. None where it is not known. The level is divided by the number of
        pairs: that is what Holm asks of the surest of them.
        """
        if not difference or self.planned is None:
            return None
        return prompts_needed(difference, self.planned, LEVEL / self.pairs)

    def likely(self, difference: float) -> tuple[int | None, int | None] | None:
        """Return between how many prompts that number is likely to lie; None where enough was asked to know it."""
        if not difference or self.planned is None:
            return None
        return likely_prompts(difference, self.planned, LEVEL / self.pairs)


_Told: TypeAlias = tuple[Difference, Test | None]
"""What tells two sides apart, and what it is to expect of more prompts: as in :class:`Pair`."""


@dataclass(frozen=True, slots=True)
class GroupComparison:
    """Sides from the best on, each with its tier and estimate, and every pair of them."""

    measure: Measure
    sides: list[Side]
    estimates: list[ClusteredRate | ClusteredMean]
    erosions: list[Erosion | None]
    tiers: list[int]
    pairs: list[Pair]
    shared: list[frozenset[UnitKey] | None]
    """The prompts that each side is ranked by; None: all of its own, which the others were asked too."""


def compare_all(
    sides: Sequence[Side], measure: Measure, runs: Mapping[int, Sequence[Side]] | None = None
) -> GroupComparison:
    """Compare every pair of sides and put the sides in order, the best first.

    ``runs`` holds the training runs of sides (by their place) that have several: where both sides of a pair do, runs
    are what is compared, and not prompts.
    """
    several = {id(sides[place]): mine for place, mine in (runs or {}).items()}
    estimates = {id(side): _estimate(side, measure) for side in sides}
    shared = _shared(sides, is_rate=measure.is_rate)
    ordered = sorted(sides, key=lambda side: _rank(side, _ranked(side, estimates, shared), measure))
    numbers = list(combinations(range(len(ordered)), 2))
    found = [_compare(ordered[a], ordered[b], measure, several) for a, b in numbers]
    p_values = [difference.p for difference, _ in found]
    adjusted = holm(p_values)
    return GroupComparison(
        measure,
        ordered,
        [estimates[id(side)] for side in ordered],
        [_erosion(side, measure) for side in ordered],
        tiers_of_pairs(len(ordered), numbers, p_values),
        [
            Pair(a, b, difference, p, planned, len(numbers))
            for (a, b), (difference, planned), p in zip(numbers, found, adjusted, strict=True)
        ],
        [shared[id(side)] for side in ordered],
    )


def shared_prompts(a: Side, b: Side) -> list[UnitKey]:
    """Return the prompts that both sides have a value for: what makes them a pair."""
    return [key for key in a.known if key in b.units and math.isfinite(b.units[key].value)]


def _apart(a: Side, b: Side) -> tuple[Side, Side]:
    """Return two sides that differ in prompts alone, without the prompts of both.

    Shared answers say nothing of a difference: as pairs they would be without any. Of a set within the other nothing
    would be left, so it stays whole, and is compared with the other's rest.
    """
    both = a.units.keys() & b.units.keys()
    rests = [{key: unit for key, unit in side.units.items() if key not in both} for side in (a, b)]
    first, second = (replace(side, units=rest or side.units) for side, rest in zip((a, b), rests, strict=True))
    return first, second


def _shared(sides: Sequence[Side], *, is_rate: bool) -> dict[int, frozenset[UnitKey] | None]:
    """Return by which prompts each side (by ``id``) is ranked among those of its personas, as in a report."""
    found: dict[int, frozenset[UnitKey] | None] = {}
    by_persona: dict[str, list[Side]] = {}
    for side in sides:
        by_persona.setdefault(side.personas, []).append(side)
    for mine in by_persona.values():
        each = shared_of_each(frozenset(side.known if is_rate else side.units) for side in mine)
        found |= {id(side): keys for side, keys in zip(mine, each, strict=True)}
    return found


def _ranked(
    side: Side,
    estimates: Mapping[int, ClusteredRate | ClusteredMean],
    shared: Mapping[int, frozenset[UnitKey] | None],
) -> float:
    """Return the value that a side is ranked by: on the prompts that it shares where it was asked others."""
    keys = shared[id(side)] or ()
    known = [value for value in side.values(keys) if math.isfinite(value)]
    return fmean(known) if known else estimates[id(side)].value


def _rank(side: Side, value: float, measure: Measure) -> tuple[float | str | list[str], ...]:
    """Best first, in the order of a report: by the value, of rates then given a response, then by responses."""
    responses = side.responses / side.samples if side.samples else math.nan
    order = [value if measure.higher_is_better else -value]
    order += [side.given_response, responses] if measure.is_rate else [responses]
    return (*(-one if one == one else math.inf for one in order), side.personas, side.label, side.uris)


def _estimate(side: Side, measure: Measure) -> ClusteredRate | ClusteredMean:
    keys = side.known
    values, clusters = side.values(keys), side.clusters(keys)
    if measure.is_rate:  # of samples, as report has it: a prompt weighs as many as it has
        counts = [side.units[key].samples for key in keys]
        rates = [side.units[key].hits / count for key, count in zip(keys, counts, strict=True)]
        return clustered_rate(rates, clusters, sum(counts), weights=counts)
    return clustered_mean(values, clusters).within(*measure.ends)


def _erosion(side: Side, measure: Measure) -> Erosion | None:
    """Compare thinking with responses; None where no sample of the side holds any thinking."""
    if not any(group.totals["thinking_chars"] for group in side.groups):
        return None
    keys = [key for key in side.known if math.isfinite(side.units[key].thinking)]
    if not measure.has_thinking or not keys:
        return None
    thinking = [side.units[key].thinking for key in keys]
    counts = [side.units[key].in_thinking for key in keys], [side.units[key].in_both for key in keys]
    asked = sum(side.units[key].thought for key in keys), side.judged_in(keys)
    return erosion(thinking, side.values(keys), side.clusters(keys), asked, *counts)


def _compare(a: Side, b: Side, measure: Measure, runs: Mapping[int, Sequence[Side]]) -> _Told:
    if id(a) in runs and id(b) in runs:
        difference = compare_runs(runs[id(a)], runs[id(b)], measure)
        if difference is not None:
            return difference, None
    if same_answers(a, b):
        a, b = _apart(a, b)
    shared = shared_prompts(a, b)
    if shared:
        return _paired(a, b, shared, measure)
    if not measure.comparable({persona for side in (a, b) for persona, _ in side.units}):
        nothing = math.nan
        count, least = len(a.known) + len(b.known), min(len(a.known), len(b.known))
        return Difference(nothing, nothing, nothing, nothing, OTHER_MARKERS, False, count, least, True), None
    return _unpaired(a, b, measure)


def _paired(a: Side, b: Side, shared: list[UnitKey], measure: Measure) -> _Told:
    sides, planned = (a.values(shared), b.values(shared), a.clusters(shared)), planned_pair(a, b, shared, measure)
    if measure.is_rate:
        samples = a.judged_by_prompt(shared), b.judged_by_prompt(shared)
        uneven = uneven_rates(*sides, samples)
        return paired_rates(*sides, samples), replace(planned, uneven=uneven) if planned else None
    noise = _noise(a, b, shared)
    each = (noise or 0.0) * len(shared)
    return paired_means(*sides, noise=noise), replace(planned, noise=each) if planned else None


def _noise(a: Side, b: Side, shared: Sequence[UnitKey]) -> float | None:
    """Return the variance of the mean difference if all answers vary as both sides' do; None for exchangeable sides."""
    if exchangeable((a.judged_by_prompt(shared), b.judged_by_prompt(shared))):
        return None
    units = [(a.units[key], b.units[key]) for key in shared]
    twice = [unit for pair in units for unit in pair if math.isfinite(unit.variance)]
    freedom = sum(unit.samples - 1 for unit in twice)
    if not freedom:
        return None
    pooled = sum((unit.samples - 1) * unit.variance for unit in twice) / freedom
    return pooled * sum(1 / one.samples + 1 / other.samples for one, other in units) / len(units) ** 2


def planned_pair(a: Side, b: Side, shared: Sequence[UnitKey], measure: Measure) -> PairedTest | None:
    """Return the test of two sides on prompts like these, asked as often; None where nothing is known of them."""
    gaps = [x - y for x, y in zip(a.values(shared), b.values(shared), strict=True)]
    clusters = a.clusters(shared)
    step = _step(a, b, shared) if measure.is_rate else 0.0
    variance = variance_of_differences(gaps, step=step)
    if not math.isfinite(variance):
        return None
    alike = likeness(gaps, clusters)
    families = Families.of(clusters, alike.alike)
    single = measure.is_rate and families.effective == 1 and a.judged_in(shared) == len(shared) == b.judged_in(shared)
    return PairedTest(variance * alike.times * families.effect, families, step, single, alike.known, alike.spread)


def _step(a: Side, b: Side, shared: Sequence[UnitKey]) -> float:
    """Return what one answer changes of a prompt's difference of shares, by the mean number of answers."""
    return 2 * len(shared) / (a.judged_in(shared) + b.judged_in(shared))


def _unpaired(a: Side, b: Side, measure: Measure) -> tuple[Difference, Test | None]:
    keys_a, keys_b = a.known, b.known
    first, second = a.values(keys_a), b.values(keys_b)
    clusters = a.clusters(keys_a), b.clusters(keys_b)
    if measure.is_rate:
        counts = a.judged_in(keys_a), b.judged_in(keys_b)
        difference = unpaired_rates(first, clusters[0], second, clusters[1], counts)
        return difference, _planned_rates(a, b) if keys_a and keys_b else None
    difference = unpaired_means(first, clusters[0], second, clusters[1])
    return difference, _planned_means((first, second), clusters)


@dataclass(frozen=True, slots=True)
class _Sides:
    """What two sides that were asked other prompts tell of how values vary: of one prompt's, and of their means."""

    families: list[Families]
    each: list[float]
    parts: list[float]
    spread: tuple[float, ...]
    known: float
    both: Families
    """As uneven as those of the side whose families are the more uneven, and as alike as both sides tell."""


def _sides(values: Sequence[list[float]], clusters: Sequence[list[Hashable]]) -> _Sides:
    sides = [likeness(of, labels) for of, labels in zip(values, clusters, strict=True)]
    families = [Families.of(labels, side.alike) for labels, side in zip(clusters, sides, strict=True)]
    each = [variance(of) * side.times if len(of) > 1 else 0.0 for of, side in zip(values, sides, strict=True)]
    parts = [one * of.effect / len(mine) for one, of, mine in zip(each, families, values, strict=True)]
    alike, spread = together(parts, sides)
    freedom = sum(part**2 / side.known for part, side in zip(parts, sides, strict=True))
    known = sum(parts) ** 2 / freedom if freedom else math.inf
    uneven = max(families, key=lambda one: one.effective)
    return _Sides(families, each, parts, spread, known, Families(uneven.sizes, alike))


def _planned_means(values: tuple[list[float], list[float]], clusters: tuple[list[Hashable], ...]) -> WelchTest | None:
    """Return the test of means of other prompts; None where nothing is known of them, or they are too few to tell."""
    if min(map(len, values)) < 2:
        return None
    sides = _sides(values, clusters)
    least = [float(LEAST_CLUSTERS)]
    for of, labels, one in zip(values, clusters, sides.families, strict=True):
        needed = clusters_needed(of, labels)
        if not needed < math.inf:
            return None
        if needed > LEAST_BY_SKEWNESS * _BY_CHANCE * one.skewness(len(of)) ** 2:
            least.append(_SAFELY * needed)
    of_both = sum(each * one.effect for each, one in zip(sides.each, sides.families, strict=True))
    return WelchTest(of_both, sides.both, max(least), sides.known, sides.spread)


def _planned_rates(a: Side, b: Side) -> FisherTest:
    """Return the test of rates of other prompts, of which both sides tell how alike prompts and their answers are."""
    values, clusters = [side.values(side.known) for side in (a, b)], [side.clusters(side.known) for side in (a, b)]
    sides = _sides(values, clusters)
    rates = [fmean(of) for of in values]
    answers = fmean(side.judged_in(side.known) / len(side.known) for side in (a, b))
    single = sum(rate * (1 - rate) + part for rate, part in zip(rates, sides.parts, strict=True))
    steady = (sum(sides.each) / single - 1 / answers) / (1 - 1 / answers) if single and answers > 1 else 0.0
    return FisherTest(fmean(rates), sides.both, answers, min(1.0, max(0.0, steady)), sides.spread)
