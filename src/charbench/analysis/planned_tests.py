"""The tests that comparisons use, with what they have to expect of more prompts: their power.

How many prompts a difference needs by them is told by :mod:`charbench.analysis.power`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from charbench.analysis.distributions import normal_chance, normal_quantile
from charbench.analysis.families import Families
from charbench.analysis.likeness import CERTAIN
from charbench.analysis.planned_intervals import UnevenRates
from charbench.analysis.simulated_answers import MOST_ANSWERS
from charbench.analysis.special_functions import special
from charbench.analysis.tiers import LEVEL
from charbench.analysis.unpaired import LEAST_CLUSTERS

MOST_SIMULATED = 1000
"""More families than this are not simulated: there the noncentral t distribution tells the power."""
_FEW = 30
"""Fewer even families than this are simulated where answers have steps."""
ALONE = Families((1.0,))
"""Every prompt is a family of its own."""
_MANY = 10
"""Flips of so many families or more within the level: the steps between p-values do not matter."""


class Test(Protocol):
    """A test whose power is known; ``least`` prompts (a side) it takes to reach a level at all."""

    def power(self, prompts: float, difference: float, level: float) -> float:
        """Return the chance (0 to 1) that so many prompts (a side) show the difference at this level."""
        ...

    def least(self, level: float) -> float:
        """Return how many prompts the test takes to reach the level, whatever they answer."""
        ...

    @property
    def known(self) -> float:
        """The number of degrees of freedom that the variance of one prompt was estimated with."""
        ...

    @property
    def spread(self) -> tuple[float, ...]:
        """What the variance would be multiplied by with the quantiles of how alike families may be."""
        ...

    def varied(self, factor: float) -> Test:
        """Return the test of answers whose variance is so many times as large."""
        ...

    def without_skewness(self) -> Test:
        """Return the test of values that are not skewed, and need no more prompts for any test than such."""
        ...

    def averaged(self, level: float, power: float) -> Test:
        """Return the test that has this power on average over what is not known of how answers vary."""
        ...

    def is_simulated(self, prompts: float) -> bool:
        """Whether the power of so many prompts is that of simulated labs."""
        ...

    def by_formula(self) -> Test:
        """Return the test whose power is never simulated."""
        ...

    def __hash__(self) -> int:
        """Equal tests have equal hashes: their powers are kept."""
        ...

    def near(self, difference: float) -> tuple[Test, float]:
        """Return one of few tests that is nearly this one in another unit, and the difference in that unit."""
        ...

    def kind(self, prompts: float, width: float) -> tuple[object, ...]:
        """Return what tests have in common whose simulated power differs from the formula's by about as much.

        ``prompts`` are those that the formula says are enough; the smaller the ``width``, the more they have in common.
        """
        ...


@dataclass(frozen=True, slots=True)
class PairedTest:
    """McNemar's test (``single``: one yes or no of each side on each prompt), else signs flipped by family.

    ``variance`` is that of the mean difference times the number of prompts, in the metric's unit squared, so with
    what ``families`` add to it; ``step`` what one answer changes of a prompt's difference (1/epochs for shares, 0 for
    metrics without steps); ``known`` the number of degrees of freedom that the variance of one prompt was estimated
    with, and ``spread`` what how alike families may be makes of ``variance`` (:mod:`charbench.analysis.likeness`).

    Where one side was asked more often, ``uneven`` tells of the rates whose interval has to leave 0 out too, ``noise``
    of the means what answers alone add to the variance of one prompt's difference.
    """

    variance: float
    families: Families = ALONE
    step: float = 0.0
    single: bool = False
    known: float = math.inf
    spread: tuple[float, ...] = CERTAIN
    simulate: bool = True
    uneven: UnevenRates | None = None
    noise: float = 0.0

    def power(self, prompts: float, difference: float, level: float) -> float:
        """Return the chance to show the difference: McNemar's exactly, that of flips by simulated labs or Student's t.

        Flipped signs and t order samples alike, so with many families, or even ones and no steps, they have the same
        power but for what is tied with the sum that was seen (half a step; one family is taken off for the rest of it)
        and the few flips of few families: where 2⁻ᵏ of k families is near the level, hardly a family may speak against
        the difference. Else labs are simulated (:mod:`charbench.analysis.simulated_power`). Sources: Connor (1987),
        Biometrics 43:207, for McNemar; Hoeffding (1952), Ann Math Stat 23:169, for flips.
        """
        if self.single:
            differing = min(1.0, max(self.variance + difference**2, abs(difference)))
            return _mcnemar_power(round(prompts), differing, abs(difference), level)
        if self.is_simulated(prompts):
            return self._simulated(round(prompts), abs(difference), level)
        families = prompts / self.families.effective
        if self.step:
            families -= 1
        if families <= 1:
            return 0.0
        gap = max(0.0, abs(difference) - self.step / prompts)
        variance = self.variance / (families * self.families.effective)
        degrees = families - 1 if self.step else self.families.degrees(prompts)
        power = _student_power(gap, variance, degrees, level)
        return min(power, self._few_against(abs(difference), prompts / self.families.effective, level))

    def is_simulated(self, prompts: float) -> bool:
        """Whether the power of so many prompts is that of simulated labs."""
        if self.single or not self.simulate or not self.variance > 0:
            return False
        count = self.families.number(prompts)
        if self.uneven:
            return count <= MOST_SIMULATED and prompts <= MOST_ANSWERS
        few = _FEW if self.step else 0
        return count <= few if self.families.even and not self.noise else count <= MOST_SIMULATED

    def _simulated(self, prompts: int, gap: float, level: float) -> float:
        variance = self.variance / self.families.effect
        if self.uneven:
            from charbench.analysis.simulated_intervals import simulated_rates_power

            return simulated_rates_power(prompts, gap, variance, self.families, level, self.uneven)
        from charbench.analysis.simulated_power import simulated_paired_power

        return simulated_paired_power(prompts, gap, variance, self.families, level, self.step, self.noise)

    def by_formula(self) -> PairedTest:
        """Return the test whose power is never simulated."""
        return replace(self, simulate=False)

    def near(self, difference: float) -> tuple[PairedTest, float]:
        """Return the test of families nearly as alike, in about the standard deviation of one prompt's difference."""
        families, unit = self.families.about(), math.sqrt(self.variance / self.families.effect)
        if self.uneven:
            unit = unit / about(unit, 0.1)
        uneven, noise = self.uneven and self.uneven.about(), about(self.noise / unit**2, 0.1)
        step, variance = about(self.step / unit, 0.1), self.variance / self.families.effect / unit**2 * families.effect
        test = PairedTest(variance, families, step, uneven=uneven, noise=noise, simulate=self.simulate)
        return test, about(difference / unit, 0.1)

    def kind(self, prompts: float, width: float) -> tuple[object, ...]:
        """Return its families, and of unevenly asked sides their rate and how unevenly."""
        sides = self.uneven
        times = sorted(sides.answers) if sides else (1.0, 1.0)
        rate = sides and round(2 / width * abs(2 * sides.rate - 1))
        return (
            *kind_of(self.families, prompts, width),
            self.step > 0,
            about(times[1] / times[0], 0.7 * width),
            rate,
            self.simulate,
        )

    def _few_against(self, gap: float, families: float, level: float) -> float:
        """Return the chance that no more families speak against the difference than the level allows flips of."""
        allowed = math.log2(level) + families - 1
        if allowed > _MANY or not self.variance > 0:
            return 1.0
        against = normal_chance(-(gap - self.step / 2) / math.sqrt(self.variance / self.families.effective))
        return float(special().bdtr(max(0, math.floor(allowed)), round(families), against))

    def least(self, level: float) -> float:
        """Return the prompts of :func:`least_prompts` families, of the smallest that there are."""
        return least_prompts(level) * min(self.families.sizes)

    def varied(self, factor: float) -> PairedTest:
        """Return the test with so many times the variance, as families are more alike, or else as prompts vary more."""
        return replace(self, variance=self.variance * factor, families=self.families.more_alike(factor))

    def without_skewness(self) -> PairedTest:
        """Return the test itself."""
        return self

    def averaged(self, level: float, power: float) -> PairedTest:
        """Return the test with the variance that gives this power on average over what it may be.

        Not with steps over how alike families are: simulations find the numbers of small sets large enough by
        themselves. There the prompts that :func:`charbench.analysis.power.variance_of_differences` adds are enough for
        the rest too, as long as they differ by more than others: not where each was answered several times.
        """
        added = 2 * self.step**2 > 3 * self.variance / self.families.effect
        if self.single or added:
            return self
        known = inflation(self.known, level, power)
        return self.varied(known if self.step else known * for_likeness(self.spread, level, power))


@dataclass(frozen=True, slots=True)
class WelchTest:
    """Welch's t of two unpaired means; ``variance`` is that of both sides' means times the prompts of one side.

    ``families`` are those of the side whose families are the more uneven, ``clusters`` how many effective ones a side
    needs for any test of such values (:func:`charbench.analysis.unpaired.clusters_needed`). ``known`` and ``spread``
    are as in :class:`PairedTest`.
    """

    variance: float
    families: Families = ALONE
    clusters: float = 2.0
    known: float = math.inf
    spread: tuple[float, ...] = CERTAIN
    simulate: bool = True

    def is_simulated(self, prompts: float) -> bool:
        """Whether the power of so many prompts is that of simulated labs: where families are uneven, and not many."""
        few = not self.families.even and self.families.number(prompts) <= MOST_SIMULATED
        return few and self.simulate and self.variance > 0

    def by_formula(self) -> WelchTest:
        """Return the test whose power is never simulated."""
        return replace(self, simulate=False)

    def near(self, difference: float) -> tuple[WelchTest, float]:
        """Return the test of families nearly as alike, in about the standard deviation of a difference of prompts."""
        families, unit = self.families.about(), math.sqrt(self.variance / self.families.effect)
        test = replace(self, variance=families.effect, families=families, known=math.inf, spread=CERTAIN)
        return test, about(difference / unit, 0.1)

    def kind(self, prompts: float, width: float) -> tuple[object, ...]:
        """Return its families."""
        return "means", *kind_of(self.families, prompts, width), about(self.clusters, 0.5 * width), self.simulate

    def without_skewness(self) -> WelchTest:
        """Return the test of values that any test has enough clusters for."""
        return replace(self, clusters=float(LEAST_CLUSTERS))

    def averaged(self, level: float, power: float) -> WelchTest:
        """Return the test with the variance that gives this power on average over what it may be."""
        return self.varied(for_likeness(self.spread, level, power) * inflation(self.known, level, power))

    def varied(self, factor: float) -> WelchTest:
        """Return the test with so many times the variance, as families are more alike, or else as prompts vary more."""
        return replace(self, variance=self.variance * factor, families=self.families.more_alike(factor))

    def power(self, prompts: float, difference: float, level: float) -> float:
        """Return the chance to show the difference, by the noncentral t distribution, and to be tested at all."""
        if self.is_simulated(prompts):
            from charbench.analysis.simulated_power import simulated_welch_power

            variance = self.variance / self.families.effect
            return simulated_welch_power(round(prompts), abs(difference), variance, self.families, level)
        degrees = 2 * self.families.degrees(prompts)
        shown = _student_power(abs(difference), self.variance / prompts, degrees, level)
        return shown * self.families.tested(prompts) ** 2

    def least(self, level: float) -> float:
        """Return the families a side without which nothing is tested."""
        return max(2.0, self.clusters) * self.families.effective


def least_prompts(level: float = LEVEL, comparisons: int = 1) -> int:
    """Return how many prompts an exact paired test needs to reach ``level`` at all: 2 · 2⁻ⁿ <= level / comparisons.

    With 5 prompts even 5 of 5 against 0 of 5 has p = 0.0625.
    """
    return math.ceil(1 - math.log2(level / comparisons) - 1e-9)


@lru_cache(maxsize=1024)
def inflation(degrees: float, level: float, power: float) -> float:
    """Return what a variance that was estimated with so many degrees of freedom is to be multiplied by.

    Then the power is as wanted on average over what the true variance may be, and not where the estimate happens to be
    right: with few degrees half of the estimates are too low, and some by far. 1 where the power is below one half.
    Source: Julious and Owen (2006), "Sample size calculations for clinical studies allowing for uncertainty about the
    variance", Pharm Stat 5:29.
    """
    if power < 0.5 or degrees > 1e5:
        return 1.0
    edge = normal_quantile(1 - level / 2)
    return float(special().nctdtrit(max(1.0, degrees), edge, power) / (edge + normal_quantile(power))) ** 2


@lru_cache(maxsize=4096)
def for_likeness(spread: tuple[float, ...], level: float, power: float) -> float:
    """Return what a variance is to be multiplied by for this power on average over what families may make of it.

    Averaged are powers by the normal distribution. 1 where the power is below one half.
    """
    if power < 0.5 or min(spread) == max(spread):
        return 1.0
    edge = normal_quantile(1 - level / 2)
    reach = edge + normal_quantile(power)
    low, high = min(spread), max(spread)
    for _ in range(30):
        middle = math.sqrt(low * high)
        reached = sum(normal_chance(reach * math.sqrt(middle / each) - edge) for each in spread) / len(spread)
        low, high = (middle, high) if reached < power else (low, middle)
    return high


@lru_cache(maxsize=4096)
def _mcnemar_power(prompts: int, differing: float, gap: float, level: float) -> float:
    """Return the power of McNemar's exact test where a share ``differing`` of the prompts tells the sides apart."""
    from scipy.stats import binom  # type: ignore[import-untyped]

    counts = np.arange(prompts + 1)
    chances: Any = binom.pmf(counts, prompts, differing)
    edges = binom.ppf(level / 2, counts, 0.5)
    edges = np.where(2 * binom.cdf(edges, counts, 0.5) < level, edges, edges - 1)
    for_first = (differing + gap) / (2 * differing)
    told = binom.cdf(edges, counts, 1 - for_first) + binom.cdf(edges, counts, for_first)
    return float((chances * np.where(edges >= 0, told, 0.0)).sum())


def _student_power(gap: float, variance: float, degrees: float, level: float) -> float:
    """Return the power of a two-sided t test of a mean difference with this variance."""
    if not degrees > 0:
        return 0.0
    if not variance > 0:
        return 1.0
    centre, edge = gap / math.sqrt(variance), float(special().stdtrit(degrees, 1 - level / 2))
    if centre > 30 or degrees > 1e5:
        return normal_chance(centre - edge)
    opposite = float(special().nctdtr(degrees, centre, -edge))  # NaN where it is below about 1e-16
    return 1 - float(special().nctdtr(degrees, centre, edge)) + (opposite if opposite > 0 else 0.0)


def kind_of(families: Families, prompts: float, width: float) -> tuple[float, ...]:
    """Return how many prompts there are, and how large, uneven and alike their families are, each roughly."""
    sizes = about(families.largest, 0.7 * width), about(families.effective, 0.7 * width)
    return about(prompts, 0.5 * width), *sizes, round(4 / width * families.alike)


def about(value: float, part: float) -> float:
    """Return the value to this part of itself."""
    return math.exp(round(math.log(value) / part) * part) if value > 0 else 0.0
