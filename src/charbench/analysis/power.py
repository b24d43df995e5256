"""How many prompts a difference needs, and how small a difference a set of prompts can show.

Computed for the tests that :mod:`charbench.analysis.paired` and :mod:`charbench.analysis.unpaired` really use, with
families counted. The figures hold if the rates and their variation stay as they were observed or assumed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from charbench.analysis.distributions import normal_chance, normal_quantile
from charbench.analysis.effective_fisher import ADDED
from charbench.analysis.families import Families
from charbench.analysis.special_functions import special

LEVEL = 0.05
POWER = 0.8
WELL_KNOWN = 30
"""Degrees of freedom from which on it is said without a range how many prompts a difference needs."""
MOST_PROMPTS = 10_000_000
"""More prompts than this are not looked for."""
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
        """The number of degrees of freedom that the variance was estimated with."""
        ...

    def varied(self, factor: float) -> Test:
        """Return the test of answers whose variance is so many times as large."""
        ...

    def averaged(self, level: float, power: float) -> Test:
        """Return the test that has this power on average over what is not known of how answers vary."""
        ...


@dataclass(frozen=True, slots=True)
class PairedTest:
    """McNemar's test (``single``: one yes or no of each side on each prompt), else signs flipped by family.

    ``variance`` is that of the mean difference times the number of prompts, in the metric's unit squared, so with
    what families add to it; ``family`` the effective number of prompts in a family (1: each is its own); ``step``
    what one answer changes of a prompt's difference (1/epochs for shares, 0 for metrics without steps); ``known`` the
    number of degrees of freedom that ``variance`` was estimated with.
    """

    variance: float
    family: float = 1.0
    step: float = 0.0
    single: bool = False
    known: float = math.inf

    def power(self, prompts: float, difference: float, level: float) -> float:
        """Return the chance to show the difference: McNemar's exactly, that of flips as Student's t has it.

        Flipped signs and t order samples alike, so they have the same power but for what is tied with the sum that
        was seen (half a step; one family is taken off for the rest of it) and the few flips of few families: where
        2⁻ᵏ of k families is near the level, hardly a family may speak against the difference. Sources: Connor (1987),
        Biometrics 43:207, for McNemar; Hoeffding (1952), Ann Math Stat 23:169, for flips.
        """
        if self.single:
            differing = min(1.0, max(self.variance + difference**2, abs(difference)))
            return _mcnemar_power(round(prompts), differing, abs(difference), level)
        families = prompts / self.family
        if self.step:
            families -= 1
        if families <= 1:
            return 0.0
        gap = max(0.0, abs(difference) - self.step / prompts)
        power = _student_power(gap, self.variance / (families * self.family), families - 1, level)
        return min(power, self._few_against(abs(difference), prompts / self.family, level))

    def _few_against(self, gap: float, families: float, level: float) -> float:
        """Return the chance that no more families speak against the difference than the level allows flips of."""
        allowed = math.log2(level) + families - 1
        if allowed > _MANY or not self.variance > 0:
            return 1.0
        against = normal_chance(-(gap - self.step / 2) / math.sqrt(self.variance / self.family))
        return float(special().bdtr(max(0, math.floor(allowed)), round(families), against))

    def least(self, level: float) -> float:
        """Return the prompts of :func:`least_prompts` families."""
        return least_prompts(level) * self.family

    def varied(self, factor: float) -> PairedTest:
        """Return the test with so many times the variance."""
        return replace(self, variance=self.variance * factor)

    def averaged(self, level: float, power: float) -> PairedTest:
        """Return the test with the variance that gives this power on average over what it may be.

        Itself where there are steps: :func:`variance_of_differences` has added two prompts for that.
        """
        return self if self.step or self.single else self.varied(inflation(self.known, level, power))


@dataclass(frozen=True, slots=True)
class FisherTest:
    """Fisher's exact test of two unpaired rates with the mean ``rate`` (0 to 1).

    ``worth`` is how many independent samples a prompt's answers are worth, where there are many prompts; ``clusters``
    how many effective families a prompt is (0: every sample is independent). ``known`` is the number of degrees of
    freedom that ``worth`` was estimated with.
    """

    rate: float
    worth: float = 1.0
    clusters: float = 0.0
    known: float = math.inf

    def samples(self, prompts: float) -> float:
        """Return how many independent samples the test takes so many prompts for: few families count for less.

        :func:`charbench.analysis.rate_intervals.effective_samples` solved for the clusters that it adds.
        """
        spread, families = self.rate * (1 - self.rate), prompts * self.clusters
        if not families or not spread:
            return prompts * self.worth
        own = spread * self.clusters * families / self.worth
        found = spread * (families + 2 * ADDED) * families / (own + ADDED * (1 - 2 * spread))
        return min(found, prompts * self.worth)

    def power(self, prompts: float, difference: float, level: float) -> float:
        """Return the chance to show the difference. Source: Casagrande, Pike and Smith (1978), Biometrics 34:483."""
        samples, gap = self.samples(prompts), abs(difference)
        root = math.sqrt(samples) - 1 / (gap * math.sqrt(samples))
        if root <= 0:
            return 0.0
        high, low = min(1.0, self.rate + gap / 2), max(0.0, self.rate - gap / 2)
        pooled = (high + low) / 2
        spread = (high * (1 - high) + low * (1 - low)) * samples / (prompts * self.worth)
        beyond = gap * root - normal_quantile(1 - level / 2) * math.sqrt(2 * pooled * (1 - pooled))
        return normal_chance(beyond / math.sqrt(spread)) if spread > 0 else float(beyond > 0)

    def least(self, level: float) -> float:
        """Return the prompts a side with which all against none reaches the level."""
        samples = 2
        while 2 / math.comb(2 * samples, samples) > level:
            samples += 1
        prompts = samples / self.worth
        while self.samples(prompts) < samples:
            prompts *= 1.02
        return prompts

    def varied(self, factor: float) -> FisherTest:
        """Return the test with prompts that are worth so many times less; itself where samples are independent."""
        return replace(self, worth=self.worth / factor) if self.clusters else self

    def averaged(self, level: float, power: float) -> FisherTest:
        """Return the test itself."""
        return self


@dataclass(frozen=True, slots=True)
class WelchTest:
    """Welch's t of two unpaired means; ``variance`` is that of both sides' means times the prompts of one side.

    ``families`` are those of the side whose families are the more uneven, ``clusters`` how many effective ones a side
    needs for any test of such values (:func:`charbench.analysis.unpaired.clusters_needed`). ``known`` is the number of
    degrees of freedom that ``variance`` was estimated with.
    """

    variance: float
    families: Families = field(default_factory=lambda: Families((1.0,)))
    clusters: float = 2.0
    known: float = math.inf

    def averaged(self, level: float, power: float) -> WelchTest:
        """Return the test with the variance that gives this power on average over what it may be."""
        return self.varied(inflation(self.known, level, power))

    def varied(self, factor: float) -> WelchTest:
        """Return the test with so many times the variance."""
        return replace(self, variance=self.variance * factor)

    def power(self, prompts: float, difference: float, level: float) -> float:
        """Return the chance to show the difference, by the noncentral t distribution, and to be tested at all."""
        degrees = 2 * self.families.degrees(prompts)
        shown = _student_power(abs(difference), self.variance / prompts, degrees, level)
        return shown * self.families.tested(prompts) ** 2

    def least(self, level: float) -> float:
        """Return the families a side without which nothing is tested."""
        return max(2.0, self.clusters) * self.families.effective


def prompts_needed(difference: float, test: Test, level: float = LEVEL, power: float = POWER) -> int | None:
    """Return how many prompts (a side, for unpaired tests) show a difference with this power.

    ``difference`` is in the metric's unit (its sign does not matter, 0 is an error), ``level`` that of the
    two-sided test, divided by the number of pairs where there are several. None where ten million are too few.
    """
    if not difference:
        raise ValueError("no number of prompts shows a difference of 0")
    _check(level, power)
    test = test.averaged(level, power)
    low = max(1, math.ceil(test.least(level) - 1e-9))
    if test.power(low, difference, level) >= power:
        return low
    high = 2 * low
    while test.power(high, difference, level) < power:
        low, high = high, 2 * high
        if low > MOST_PROMPTS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if test.power(middle, difference, level) < power:
            low = middle
        else:
            high = middle
    return high


def limits(known: float) -> tuple[float, float] | None:
    """Return between what times itself an estimated variance lies in eight of ten cases (normal values).

    None where it was estimated with 30 degrees of freedom (:data:`WELL_KNOWN`) or more.
    """
    if not known < WELL_KNOWN:
        return None
    degrees = max(1.0, known)
    return degrees / float(special().chdtri(degrees, 0.1)), degrees / float(special().chdtri(degrees, 0.9))


def likely_prompts(
    difference: float, test: Test, level: float = LEVEL, power: float = POWER
) -> tuple[int | None, int | None] | None:
    """Return between how many prompts the true number for this power lies, in eight of ten cases.

    None where it is known well enough how answers vary (:func:`limits`); None at an end for more than ten million.
    """
    if (factors := limits(test.known)) is None or (isinstance(test, FisherTest) and not test.clusters):
        return None
    known = replace(test, known=math.inf)  # type: ignore[type-var]
    low, high = (prompts_needed(difference, known.varied(factor), level, power) for factor in factors)
    return low, high


def detectable(prompts: int, test: Test, level: float = LEVEL, power: float = POWER, most: float = math.inf) -> float:
    """Return the smallest difference that so many prompts show with this power: :func:`prompts_needed` turned round.

    Infinity where they show none, or none of up to ``most`` (1 for rates).
    """
    _check(level, power)
    test = test.averaged(level, power)
    if prompts < test.least(level) - 1e-9:
        return math.inf
    low, high = 0.0, 1e-6
    while test.power(prompts, min(high, most), level) < power:
        if high >= most or high > 1e12:
            return math.inf
        low, high = high, 2 * high
    high = min(high, most)
    for _ in range(60):
        middle = (low + high) / 2
        if test.power(prompts, middle, level) < power:
            low = middle
        else:
            high = middle
    return high


def least_prompts(level: float = LEVEL, comparisons: int = 1) -> int:
    """Return how many prompts an exact paired test needs to reach ``level`` at all: 2 · 2⁻ⁿ <= level / comparisons.

    With 5 prompts even 5 of 5 against 0 of 5 has p = 0.0625.
    """
    return math.ceil(1 - math.log2(level / comparisons) - 1e-9)


@dataclass(frozen=True, slots=True)
class Spread:
    """Where the variance of a paired difference comes from, in the metric's unit squared.

    ``prompts``: ω², the variance between prompts of the true difference. ``answers``: σ²_A + σ²_B, the
    variances of one answer of each side to the same prompt. Source: Miller (2024), "Adding error bars to evals",
    arXiv 2411.00640, section 5.
    """

    prompts: float
    answers: float

    def of_a_prompt(self, epochs: int) -> float:
        """Return the variance of the difference that one prompt shows when it is asked so many times."""
        return self.prompts + self.answers / epochs


def variance_of_differences(differences: ArrayLike, *, step: float = 0.0) -> float:
    """Return the variance of the paired differences of prompts.

    ``step`` is what one answer changes of a difference (1/epochs for shares, 0 for other metrics): one prompt is
    added that differs by it, and one by as much the other way, so that five prompts that agree do not promise that
    all do. NaN with fewer than two values of another metric. Source: Bonett and Price (2012), "Adjusted Wald
    confidence interval for a difference of binomial proportions based on paired data", J Educ Behav Stat 37:479.
    """
    array = np.asarray(differences, dtype=float)
    if step:
        return float(np.concatenate([array, [step, -step]]).var())
    return float(array.var(ddof=1)) if array.size > 1 else math.nan


def spread(differences: ArrayLike, answers: ArrayLike, epochs: Sequence[float], *, step: float = 0.0) -> Spread | None:
    """Tell the variance between prompts from that of single answers; None where no prompt was asked twice.

    ``differences`` holds each prompt's difference, ``answers`` the estimated σ²_A + σ²_B of each prompt that
    both sides answered twice or more, ``epochs`` how often each was asked; ``step`` as in
    :func:`variance_of_differences`. Source: as :class:`Spread`.
    """
    within = np.asarray(answers, dtype=float)
    if not within.size:
        return None
    single = float(within.mean())
    total = variance_of_differences(differences, step=step)
    return Spread(max(0.0, total - float(np.mean(single / np.asarray(epochs)))), single)


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
    return 1 - float(special().nctdtr(degrees, centre, edge)) + float(special().nctdtr(degrees, centre, -edge))


def _check(level: float, power: float) -> None:
    if not 0 < level < 1 or not 0 < power < 1:
        raise ValueError(f"level {level} and power {power} must be between 0 and 1")
