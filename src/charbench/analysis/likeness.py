"""How alike the values of a family of prompts are, and how little a set of prompts tells of it."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charbench.analysis.cluster_degrees import chance_above_zero
from charbench.analysis.clusters import cluster_codes

QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Of the confidence distribution: the middles of five parts of one size."""
CERTAIN = (1.0,) * len(QUANTILES)
_GRID = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_FINE = 20
_Sizes = tuple[tuple[float, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike the values of a family are: their correlation ``alike`` (0 to 1).

    The variance of one value is ``times`` the sample variance, which families make too small, and known with ``known``
    degrees of freedom. ``spread`` tells by what the variance of the mean would be multiplied if values were as alike
    as the :data:`QUANTILES` of the confidence distribution say.
    """

    alike: float
    times: float
    known: float
    spread: tuple[float, ...]


def likeness(values: ArrayLike, clusters: Sequence[Hashable]) -> Likeness:
    """Return how alike the values of a cluster are, by the variation of cluster sums beside that of all values.

    The ratio r of the clustered variance (CR2) of the mean to the plain one would be larger, with normal values that
    correlate by ρ, with a probability that grows with ρ, and that is computed exactly (Imhof 1961). The correlation
    for which it is one half is the estimate, those for which it is q are the quantiles of its confidence distribution.
    So it is of little use to see one family only: then all correlations may be. Sources: Thomas and Hultquist (1978),
    "Interval estimation for the unbalanced case of the one-way random effects model", Ann Stat 6:582, for intervals by
    inversion; Xie and Singh (2013), "Confidence distribution", Int Stat Rev 81:3.
    """
    array = np.asarray(values, dtype=float)
    codes = cluster_codes(clusters)
    sizes: NDArray[np.float64] = np.bincount(codes).astype(float) if array.size else np.zeros(0)
    deviations = array - array.mean() if array.size else array
    squares = float(deviations @ deviations)
    if sizes.size < 2 or sizes.size == array.size or not squares > 0:
        return Likeness(0.0, 1.0, max(1.0, array.size - 1.0), CERTAIN)
    sums = np.bincount(codes, weights=deviations)
    ratio = float((sums**2 / (1 - sizes / array.size)).sum()) / squares
    each, counts = np.unique(sizes, return_counts=True)
    key = tuple(each.tolist()), tuple(counts.tolist())
    return _likeness(key, round(_FINE * math.log(max(ratio, 1e-6))))


def together(variances: Sequence[float], sides: Sequence[Likeness]) -> tuple[float, tuple[float, ...]]:
    """Return how alike the values of two sides' families are, and the spread of the sum of their means' variances.

    Deviations from the middle are put together by squares (as :func:`charbench.analysis.differences.square_and_add`).
    """
    total = sum(variances)
    if not total > 0:
        return 0.0, CERTAIN
    apart = [[each / total * (one - 1) for one in side.spread] for each, side in zip(variances, sides, strict=True)]
    spread = [1 + math.copysign(math.hypot(*of), sum(of)) for of in zip(*apart, strict=True)]
    return sum(each * side.alike for each, side in zip(variances, sides, strict=True)) / total, tuple(spread)


@lru_cache(maxsize=4096)
def _likeness(sizes: _Sizes, ratio: int) -> Likeness:
    """Return the likeness of clusters of these sizes; the ratio is that of cluster sums' squares, in 5% steps."""
    chances = np.maximum.accumulate([_chance(sizes, math.exp(ratio / _FINE), alike) for alike in _GRID])
    quantiles = np.interp(QUANTILES, chances, _GRID)
    alike = float(quantiles[len(QUANTILES) // 2])
    each, times = np.array(sizes[0]), np.array(sizes[1], dtype=float)
    count = float(each @ times)
    more = float(each**2 @ times) / count - 1
    total = (count - 1) / (count - 1 - more * quantiles)
    variances = total * (1 + more * quantiles)
    middle = len(QUANTILES) // 2
    return Likeness(
        alike,
        float(total[middle]),
        _degrees(each, times, alike),
        tuple((variances / variances[middle]).tolist()),
    )


def _chance(sizes: _Sizes, ratio: float, alike: float) -> float:
    """Return the probability of a larger ratio: that Σ R²/(1 − w) − ratio · (all squares) is above 0."""
    each, times = np.array(sizes[0]), np.array(sizes[1], dtype=float)
    count = float(each @ times)
    variance = each * (1 + (each - 1) * alike)
    weights = 1 / (1 - each / count)
    pulls = weights * each / count
    own = weights - ratio / each
    shared = float((weights * (each / count) ** 2) @ times) - pulls[:, None] - pulls + ratio / count
    spread = np.sqrt(variance)
    form = np.diag(own * variance) + shared * np.outer(np.sqrt(times) * spread, np.sqrt(times) * spread)
    values = np.concatenate([np.linalg.eigvalsh(form), own * variance, [-ratio * (1 - alike)]])
    counts = np.concatenate([np.ones(each.size), times - 1, [count - times.sum()]])
    return chance_above_zero(values, counts, float(times.sum()))


def _degrees(each: NDArray[np.float64], times: NDArray[np.float64], alike: float) -> float:
    """Return the degrees of freedom of the sample variance (Satterthwaite's)."""
    count, variance = float(each @ times), each * (1 + (each - 1) * alike)
    within = count - float(times.sum())
    expected = float((variance * (1 / each - 1 / count)) @ times) + within * (1 - alike)
    squares = (
        float(((variance / each) ** 2 - 2 / count * variance**2 / each) @ times)
        + (float(variance @ times) / count) ** 2
    )
    return expected**2 / (squares + within * (1 - alike) ** 2)
