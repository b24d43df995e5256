"""How many prompts a difference needs, and how small a difference a set of prompts can show.

Computed for the tests that :mod:`charbench.analysis.paired` and :mod:`charbench.analysis.unpaired` really use, with
families counted. The figures hold if the rates and their variation stay as they were observed or assumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from charbench.analysis.distributions import normal_quantile
from charbench.analysis.planned_tests import Test
from charbench.analysis.special_functions import special
from charbench.analysis.tiers import LEVEL

POWER = 0.8
WELL_KNOWN = 30
"""Degrees of freedom from which on it is said without a range how many prompts a difference needs."""
MOST_PROMPTS = 10_000_000
"""More prompts than this are not looked for."""
_SMALL = 0.06
"""A number of prompts by simulated labs is looked for until the next step would be smaller than this part of it."""
_MOST_STEPS = 12
MOST_PAIRS = 190
"""At the level of more pairs than this (20 checkpoints) tests of one kind are simulated once."""
_FINE = 0.4
"""The width of kinds for numbers of prompts; for the ends of their ranges it is 1."""


def prompts_needed(difference: float, test: Test, level: float = LEVEL, power: float = POWER) -> int | None:
    """Return how many prompts (a side, for unpaired tests) show a difference with this power.

    ``difference`` is in the metric's unit (its sign does not matter, 0 is an error), ``level`` that of the
    two-sided test, divided by the number of pairs where there are several. None where ten million are too few.
    """
    if not difference:
        raise ValueError("no number of prompts shows a difference of 0")
    _check(level, power)
    return _needed(abs(difference), test, level, power)


@lru_cache(maxsize=1024)
def _needed(difference: float, test: Test, level: float, power: float) -> int | None:
    test = test.averaged(level, power)
    found = _by_formula(difference, test, level, power)
    if found is None or not test.is_simulated(found):
        return found
    if _is_of_many_pairs(level):
        return _nearly(difference, test, level, power, _FINE)
    return _by_simulation(difference, test, level, power, found)


def _nearly(difference: float, test: Test, level: float, power: float, width: float = 1.0) -> int | None:
    """Return how many prompts show a difference as those of like tests do; ``width`` is that of kinds of many tests."""
    found = _by_formula(difference, test, level, power)
    if found is None or not test.is_simulated(found):
        return found
    near, gap = test.near(difference)
    if _is_of_many_pairs(level):
        times = _times_of_kind(_OfKind(test.kind(found, width), near, gap), level, power)
    else:
        times = _times(near, gap, level, power)
    return max(_least(test, level), round(found * times))


def _is_of_many_pairs(level: float) -> bool:
    return level * MOST_PAIRS < LEVEL * (1 - 1e-9)


@dataclass(frozen=True, slots=True)
class _OfKind:
    """A test and a difference, equal to all others of the kind: the first one is simulated for all."""

    kind: tuple[object, ...]
    test: Test = field(compare=False)
    difference: float = field(compare=False)


@lru_cache(maxsize=4096)
def _times_of_kind(one: _OfKind, level: float, power: float) -> float:
    return _times(one.test, one.difference, level, power)


@lru_cache(maxsize=4096)
def _times(test: Test, difference: float, level: float, power: float) -> float:
    """Return how many times as many prompts as by the formula the simulated test takes."""
    found = _by_formula(difference, test, level, power)
    if found is None or not test.is_simulated(found):
        return 1.0
    return _by_simulation(difference, test, level, power, found) / found


def _by_formula(difference: float, test: Test, level: float, power: float) -> int | None:
    """Return the fewest prompts that the formula's power is enough for."""
    low, formula = _least(test, level), test.by_formula()
    return fewest(low, 2 * low, lambda prompts: formula.power(prompts, difference, level) >= power)


def _by_simulation(difference: float, test: Test, level: float, power: float, guess: int) -> int:
    """Return about the fewest prompts that the simulated power is enough for."""
    return _crossing(_least(test, level), guess, lambda prompts: test.power(prompts, difference, level), level, power)


def _least(test: Test, level: float) -> int:
    """Return the fewest prompts with which anything can be significant."""
    return max(1, math.ceil(test.least(level) - 1e-9))


def _crossing(least: int, guess: int, power_at: Callable[[int], float], level: float, power: float) -> int:
    """Return a number of prompts from ``least`` on at which a power that takes long to compute is as wanted.

    Looked for around a guess, as if normal quantiles of power grew with the root of the number; between two numbers
    whose powers are known, on the line from one to the other, for a power may have steps. Not computed once more where
    that is a small step.
    """
    edge, wanted = normal_quantile(1 - level / 2), normal_quantile(power)
    prompts, low, high = max(guess, least), (0, 0.0), (MOST_PROMPTS, math.inf)
    for _ in range(_MOST_STEPS):
        reached = normal_quantile(min(0.995, max(0.005, power_at(prompts))))
        if reached < wanted:
            low = prompts, reached
        else:
            high = prompts, reached
            if prompts == least:
                return prompts
        times = min(2.0, max(0.5, ((edge + wanted) / max(edge + reached, edge / 4)) ** 2))
        small = abs(times - 1) < _SMALL
        aim = max(least, math.ceil(prompts * times))
        if low[0] and high[0] < MOST_PROMPTS:
            part = (wanted - low[1]) / max(high[1] - low[1], 1e-9)
            aim = math.ceil(low[0] + min(0.9, max(0.1, part)) * (high[0] - low[0]))
            small = high[0] - low[0] <= max(1, _SMALL * high[0])
        if small or aim == prompts:
            return aim
        prompts = aim
    return prompts


def fewest(least: int, guess: int, shown: Callable[[int], bool]) -> int | None:
    """Return the fewest prompts from ``least`` on that show it: looked for around a guess."""
    high = max(guess, least)
    while not shown(high):
        least, high = high + 1, 2 * high
        if high > 2 * MOST_PROMPTS:
            return None
    while least < high:
        middle = (least + high) // 2
        if shown(middle):
            high = middle
        else:
            least = middle + 1
    return high


def limits(test: Test) -> tuple[float, float] | None:
    """Return between what times its estimate the variance of a mean lies in eight of ten cases (normal values).

    What is not known of one prompt's variance (χ² with its degrees of freedom) and of how alike families are is put
    together by squares. None where that is no more than 30 degrees of freedom (:data:`WELL_KNOWN`) leave.
    """
    least, most = _of_variance(test.known)
    low = math.exp(-math.hypot(math.log(least), math.log(min(1.0, test.spread[0]))))
    high = math.exp(math.hypot(math.log(most), math.log(max(1.0, test.spread[-1]))))
    least, most = _of_variance(WELL_KNOWN)
    return (low, high) if high / low > most / least else None


@lru_cache(maxsize=1024)
def _of_variance(known: float) -> tuple[float, float]:
    if known > MOST_PROMPTS:
        return 1.0, 1.0
    degrees = max(1.0, known)
    return degrees / float(special().chdtri(degrees, 0.1)), degrees / float(special().chdtri(degrees, 0.9))


def likely_prompts(
    difference: float, test: Test, level: float = LEVEL, power: float = POWER
) -> tuple[int | None, int | None] | None:
    """Return between how many prompts the true number for this power lies, in eight of ten cases.

    None where it is known well enough how answers vary (:func:`limits`); None at an end for more than ten million.
    """
    if (factors := limits(test)) is None:
        return None
    told = prompts_needed(difference, test, level, power)
    ends = (test.varied(factors[0]).without_skewness(), test.varied(factors[1]))
    low, high = (_nearly(abs(difference), end, level, power) for end in ends)
    return min((one for one in (low, told) if one), default=None), max(high, told) if high and told else None


def detectable(prompts: int, test: Test, level: float = LEVEL, power: float = POWER, most: float = math.inf) -> float:
    """Return the smallest difference that so many prompts show with this power: :func:`prompts_needed` turned round.

    Infinity where they show none, or none of up to ``most`` (1 for rates).
    """
    _check(level, power)
    test = test.averaged(level, power)
    if prompts < test.least(level) - 1e-9:
        return math.inf
    low, high = 0.0, 1e-6
    if simulated := test.is_simulated(prompts):
        near = detectable(prompts, test.by_formula(), level, power, most)
        high = near / 2 if math.isfinite(near) else 0.1 * min(most, 1.0)
        while high > 1e-9 and test.power(prompts, high, level) >= power:
            high /= 2
    while test.power(prompts, min(high, most), level) < power:
        if high >= most or high > 1e12:
            return math.inf
        low, high = high, 2 * high
    high = min(high, most)
    for _ in range(12 if simulated else 60):
        middle = (low + high) / 2
        if test.power(prompts, middle, level) < power:
            low = middle
        else:
            high = middle
    return high


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
    all do; where that makes the variance smaller, as prompts differ by more, nothing is added. NaN with fewer than
    two values of another metric. Source: Bonett and Price (2012), "Adjusted Wald confidence interval for a difference
    of binomial proportions based on paired data", J Educ Behav Stat 37:479.
    """
    array = np.asarray(differences, dtype=float)
    alone = float(array.var(ddof=1)) if array.size > 1 else math.nan
    return float(np.fmax(np.concatenate([array, [step, -step]]).var(), alone)) if step else alone


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


def _check(level: float, power: float) -> None:
    if not 0 < level < 1 or not 0 < power < 1:
        raise ValueError(f"level {level} and power {power} must be between 0 and 1")
