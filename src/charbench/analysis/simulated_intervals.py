"""Power where one side was asked more often, so that the p-value is an interval's too: both, in simulated labs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.families import Families
from charbench.analysis.paired import LEAST_FOR_CORRELATION
from charbench.analysis.planned_intervals import UnevenRates
from charbench.analysis.rate_intervals import effective_samples_of_each
from charbench.analysis.sign_flips import MOST_PARTS
from charbench.analysis.simulated_answers import (
    Limits,
    levels_of,
    limits_of_rate,
    sums_of_two_sides,
    variance_of_passed,
)
from charbench.analysis.simulated_labs import Floats, layout
from charbench.analysis.simulated_power import told_by_flips
from charbench.analysis.special_functions import special

_ADDED = 0.5
"""As in :func:`charbench.analysis.rate_intervals.effective_samples`."""


def simulated_rates_power(
    prompts: int, gap: float, variance: float, families: Families, level: float, sides: UnevenRates
) -> float:
    """Return the power (0 to 1) of :func:`charbench.analysis.paired.paired_rates`.

    ``gap`` is the true difference of the rates, ``variance`` that of one prompt's difference, and the values of
    ``families`` are those differences.
    """
    sizes = layout(families.sizes, prompts)
    first, second = _sums(sizes, gap, variance, families.alike, sides)
    parts = math.lcm(*(levels_of(answers, sides.steady)[0] for answers in sides.answers))
    step = 1 / parts if parts <= MOST_PARTS else 0.0
    told = told_by_flips(first - second, sizes, families.degrees(prompts), level, step)
    return float((told & leaves_zero_out((first, second), sizes, sides.answers, level)).mean())


def _sums(sizes: NDArray[Any], gap: float, variance: float, alike: float, sides: UnevenRates) -> tuple[Floats, Floats]:
    """Return the sums of both sides' rates: their differences have this variance, and families are so alike in them.

    Both sides' families are as alike as ``sides`` says, or as much more as that takes.
    """
    rates = [min(1 - 1e-6, max(1e-6, sides.rate + sign * gap / 2)) for sign in (1, -1)]
    levels, limits, spreads = [], [], []
    for rate, answers in zip(rates, sides.answers, strict=True):
        count, steady = levels_of(answers, sides.steady)
        of_side: Limits = limits_of_rate(rate, count, steady)
        levels.append(count)
        limits.append(of_side)
        spreads.append(variance_of_passed(of_side) / count**2)
    single = [rate * (1 - rate) for rate in rates]
    more = max(sides.alike, variance * alike / sum(single))
    family = [min(more * one, spread) for one, spread in zip(single, spreads, strict=True)]
    across = (sum(family) - variance * alike) / 2
    same = (sum(spreads) - variance) / 2
    both = levels[0] * levels[1]
    sums = sums_of_two_sides(
        sizes,
        (limits[0], limits[1]),
        (family[0] * levels[0] ** 2, family[1] * levels[1] ** 2, across * both),
        same * both,
    )
    return sums[0] / levels[0], sums[1] / levels[1]


def leaves_zero_out(
    sums: tuple[Floats, Floats], sizes: NDArray[Any], answers: tuple[float, float], level: float
) -> NDArray[np.bool_]:
    """Return in which labs the interval of :func:`charbench.analysis.paired.paired_rates` leaves 0 out.

    ``sums`` are those of each family's rates, of prompts that are asked ``answers`` times.
    """
    every = sizes.sum(axis=1)
    alike = every**2 / (sizes**2).sum(axis=1)
    errors = [_variance(one, sizes) for one in (*sums, sums[0] - sums[1])]
    spread = 2 * np.sqrt(errors[0] * errors[1])
    shared = errors[0] + errors[1] - errors[2]
    correlation = np.clip(np.divide(shared, spread, out=np.zeros_like(shared), where=spread > 0), -1.0, 1.0)
    correlation = np.where(alike < LEAST_FOR_CORRELATION, np.minimum(correlation, 0.0), correlation)
    (low_a, high_a), (low_b, high_b) = (
        _limits(one, sizes, each, alike, level) for one, each in zip(sums, answers, strict=True)
    )
    gap = (sums[0].sum(axis=1) - sums[1].sum(axis=1)) / every
    below = low_a**2 - 2 * correlation * low_a * high_b + high_b**2
    above = high_a**2 - 2 * correlation * high_a * low_b + low_b**2
    told: NDArray[np.bool_] = np.abs(gap) > np.sqrt(np.maximum(0.0, np.where(gap >= 0, below, above)))
    return told


def _variance(sums: Floats, sizes: NDArray[Any]) -> Floats:
    every = sizes.sum(axis=1, keepdims=True)
    deviations = sums - sizes * (sums.sum(axis=1, keepdims=True) / every)
    found: Floats = (deviations**2 / np.maximum(1 - sizes / every, 1e-9)).sum(axis=1) / every[:, 0] ** 2
    return found


def _limits(sums: Floats, sizes: NDArray[Any], answers: float, alike: Floats, level: float) -> tuple[Floats, Floats]:
    """Return how far the limits of :func:`charbench.analysis.rate_intervals.clustered_rate` are below and above."""
    every, upper = sizes.sum(axis=1), 1 - level / 2
    share = np.clip(sums.sum(axis=1) / every, 0.0, 1.0)
    count = effective_samples_of_each(sums * answers, sizes * answers, _ADDED)
    reach = special().stdtrit(alike + 1, upper)
    if math.isclose(answers, 1.0):
        single = sizes.max(axis=1) == 1
        count = np.where(single, every, count)
        reach = np.where(single, special().ndtri(upper), reach)
    square = reach**2
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = reach / (1 + square / count) * np.sqrt(share * (1 - share) / count + square / (4 * count**2))
    low = np.where(share == 0, 0.0, np.maximum(0.0, centre - half))
    high = np.where(share == 1, 1.0, np.minimum(1.0, centre + half))
    return share - low, high - share
