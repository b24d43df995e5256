"""Power of the tests of clustered differences where families are few or uneven: by simulated labs.

A family of n prompts has a normal sum with the variance n(1 + (n − 1)ρ) of one prompt's, ρ the correlation of its
prompts; the test that :mod:`charbench.analysis.paired` or :mod:`charbench.analysis.unpaired` uses is applied to the
sums of many labs (:mod:`charbench.analysis.simulated_labs`). The labs are the same at each call, so that more prompts
or a larger difference have more power, and equal questions equal answers. Effective numbers of families do not tell
this: where one family of 30 meets 30 single prompts, flips of signs are decided by the single ones, as nothing but its
sign matters of the large one.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.families import Families
from charbench.analysis.sign_flips import MOST_EXACT
from charbench.analysis.simulated_answers import MOST_ANSWERS, limits_of_gap, sums_of_passed
from charbench.analysis.simulated_labs import LABS, Floats, layout, normal_sums
from charbench.analysis.special_functions import special

_MOST_ENUMERATED = 12
_STEPS = 6
_MOST_SINGLE = 40
_EXACT = 20


def simulated_paired_power(
    prompts: int,
    gap: float,
    variance: float,
    families: Families,
    level: float,
    step: float = 0.0,
    noise: float = 0.0,
) -> float:
    """Return the power (0 to 1) of :func:`charbench.analysis.sign_flips.sign_flip_test`.

    ``gap`` is the true difference and ``variance`` that of one prompt's, in the metric's unit; ``step`` what one answer
    changes of a prompt's difference (0: nothing in particular); ``noise`` what answers alone add to ``variance``, where
    one side was asked more often: then Student's t with it has to find the difference too.
    """
    sizes = layout(families.sizes, prompts)
    if math.isclose(step, 1.0) and prompts <= MOST_ANSWERS:
        sums = sums_of_passed(sizes, limits_of_gap(gap, variance), families.alike, 0) - sizes
    else:
        sums = normal_sums(sizes, gap, variance, families.alike, 0)
        sums = np.rint(sums / step) * step if step else sums
    told = told_by_flips(sums, sizes, families.degrees(prompts), level, step)
    if noise:
        told &= _by_student(sums, sizes, families.degrees(prompts), level, noise / prompts)
    return float(told.mean())


def told_by_flips(sums: Floats, sizes: NDArray[Any], degrees: float, level: float, step: float) -> NDArray[np.bool_]:
    """Return which labs :func:`charbench.analysis.sign_flips.sign_flip_test` finds a difference in.

    ``sums`` are those of the families' differences; without a ``step`` many families are tested by Student's t.
    """
    filled = (np.abs(sums) > 0).sum(axis=1)
    told = np.zeros(len(sums), dtype=bool)
    by_t = filled > MOST_EXACT if not step else np.zeros(len(sums), dtype=bool)
    if by_t.any():
        told[by_t] = _by_student(sums[by_t], sizes[by_t], degrees, level)
    if not by_t.all():
        told[~by_t] = _flipped(np.abs(sums[~by_t]), np.abs(sums[~by_t].sum(axis=1)), step) <= level
    return told


def simulated_welch_power(prompts: int, gap: float, variance: float, families: Families, level: float) -> float:
    """Return the power of :func:`charbench.analysis.unpaired.unpaired_means` for values that are not skewed.

    ``prompts`` of each side, whose difference of one prompt's value has ``variance``: each side has half of it.
    """
    from charbench.analysis.unpaired import LEAST_BY_SKEWNESS, LEAST_CLUSTERS, for_skewness

    sizes = layout(families.sizes, prompts)
    means, parts, thirds = [], [], []
    tested = np.ones(LABS, dtype=bool)
    for side in (0, 1):
        sums = normal_sums(sizes, gap * (1 - side), variance / 2, families.alike, 1 + side)
        mean, squared, deviations = _mean(sums, sizes)
        count = prompts**2 / (sizes**2).sum(axis=1)
        filled = (sizes > 0).sum(axis=1)
        square = (deviations**2).sum(axis=1) / filled
        cubes = (deviations**3).sum(axis=1) / filled
        skewness = cubes / square**1.5 * np.sqrt(count * np.maximum(count - 1, 0)) / np.maximum(count - 2, 1e-9)
        tested &= count >= np.maximum(LEAST_CLUSTERS, LEAST_BY_SKEWNESS * skewness**2)
        means.append(mean)
        parts.append(squared)
        thirds.append(skewness * squared**1.5 / np.sqrt(count))
    error = np.sqrt(parts[0] + parts[1])
    degrees = error**4 / ((parts[0] ** 2 + parts[1] ** 2) / max(0.25, families.degrees(prompts)))
    t = (means[0] - means[1]) / error
    skew = (thirds[0] - thirds[1]) / error**3
    p = 2 * special().stdtr(degrees, -np.minimum(np.abs(t), np.abs(for_skewness(t, skew))))
    return float((tested & (p <= level)).mean())


def _mean(sums: Floats, sizes: NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Return each lab's mean, its squared standard error (CR2), and its families' sums of deviations."""
    every = sizes.sum(axis=1, keepdims=True)
    mean = sums.sum(axis=1, keepdims=True) / every
    deviations = sums - sizes * mean
    squared = (deviations**2 / np.maximum(1 - sizes / every, 1e-9)).sum(axis=1) / every[:, 0] ** 2
    return mean[:, 0], squared, deviations


def _by_student(
    sums: Floats, sizes: NDArray[Any], degrees: float, level: float, least: float = 0.0
) -> NDArray[np.bool_]:
    mean, squared, _ = _mean(sums, sizes)
    edge = float(special().stdtrit(max(0.25, degrees), 1 - level / 2))
    told: NDArray[np.bool_] = np.abs(mean) >= edge * np.sqrt(np.maximum(squared, least))
    return told


def _flipped(sums: Floats, seen: Floats, step: float) -> Floats:
    """Return the share of flips of these sums (of each lab, 0 or more) whose total is at least as far from 0.

    Enumerated up to twelve families, else the saddlepoint approximation of a sum of random signs. Source: Robinson
    (1982), "Saddlepoint approximations for permutation tests and confidence intervals", J R Stat Soc B 44:91.
    """
    filled, largest = (sums > 0).sum(axis=1), sums.sum(axis=1)
    most = max(1, int(filled.max()))
    if step and most > _MOST_SINGLE:
        parts, counts = _counted(sums, step)
    else:
        parts = -np.sort(-sums, axis=1)[:, :most] if most < sums.shape[1] else sums
        counts = np.ones((1, most))
    if most <= _MOST_ENUMERATED:
        totals = parts @ _signs(most)
        shares: Floats = (np.abs(totals) >= seen[:, None] * (1 - 1e-9) - 1e-12).mean(axis=1)
        return shares
    edge = np.clip(seen - step, 0.0, 0.999 * largest)
    scale = np.maximum(np.sqrt((counts * parts**2).sum(axis=1)), 1e-12)
    parts, edge = parts / scale[:, None], edge / scale
    squares = counts * parts**2
    tilt = edge * (1 + np.minimum((squares * parts**2).sum(axis=1) * edge**2 / 3, 0.25))
    weighed = counts * parts
    for _ in range(_STEPS):
        tanh = np.tanh(tilt[:, None] * parts)
        slope = (squares * (1 - tanh**2)).sum(axis=1)
        tilt = np.minimum(tilt + (edge - (weighed * tanh).sum(axis=1)) / np.maximum(slope, 1e-6), 60.0)
    tilted = tilt[:, None] * parts
    shrunk = np.exp(-2 * tilted)
    slope = np.maximum((squares * 4 * shrunk / (1 + shrunk) ** 2).sum(axis=1), 1e-12)
    cumulant = (counts * (tilted + np.log1p(shrunk) - math.log(2))).sum(axis=1)
    root = np.sqrt(np.maximum(2 * (tilt * edge - cumulant), 1e-12))
    density = np.exp(-(root**2) / 2) / math.sqrt(2 * math.pi)
    tail = special().ndtr(-root) + density * (1 / np.maximum(tilt * np.sqrt(slope), 1e-9) - 1 / root)
    p: Floats = np.where(edge < 0.1, 1.0, np.maximum(2 * tail, 2.0 ** (1.0 - filled)))
    return p


def _counted(sums: Floats, step: float) -> tuple[Floats, Floats]:
    """Return what sums of each lab there are, as multiples of a step, and how many of each: exact up to 20 steps."""
    steps = np.rint(sums / step).astype(np.intp)
    places, values = _places(1 << int(steps.max()).bit_length())
    shown = places[steps] + np.arange(len(steps))[:, None] * values.size
    counts = np.bincount(shown.ravel(), minlength=len(steps) * values.size).reshape(len(steps), values.size)
    met = [place for place in np.flatnonzero(counts.sum(axis=0)).tolist() if place]
    return np.broadcast_to(values[met] * step, (len(steps), len(met))), counts[:, met].astype(float)


@lru_cache(maxsize=16)
def _places(most: int) -> tuple[NDArray[np.intp], Floats]:
    """Return the place of each number up to ``most`` in a list of values, and the list: 0 to 20, then ever wider."""
    edges = np.unique(np.rint(_EXACT * 1.1 ** np.arange(1, 2 + max(0.0, math.log(most / _EXACT, 1.1)))))
    edges = np.concatenate([np.arange(_EXACT + 1), edges[edges > _EXACT]])
    places = np.searchsorted(edges, np.arange(most + 1), side="right") - 1
    return places, np.bincount(places, weights=np.arange(most + 1)) / np.bincount(places)


@lru_cache(maxsize=_MOST_ENUMERATED)
def _signs(count: int) -> Floats:
    """Return all flips of so many sums but the first, as columns: the first sign makes no difference to either side."""
    numbers = np.arange(1 << (count - 1))
    rows = [np.ones(numbers.size)] + [1.0 - 2.0 * (numbers >> place & 1) for place in range(count - 1)]
    return np.array(rows)
