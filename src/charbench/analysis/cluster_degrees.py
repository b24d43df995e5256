"""How many degrees of freedom a mean of uneven clusters has, however alike the values of a cluster are."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.distributions import student_quantile

ALIKE = (0.0, 0.1, 0.3, 0.6, 1.0)
"""Intra-class correlations that the degrees of freedom are to hold for."""
LEVEL = 0.05
"""The two-sided error rate that is held exactly; at other levels Student's t is as near as it comes."""
_FEWEST = 0.25
_STEPS = 14
_FINENESS = ((100, 0.25), (500, 0.1), (3000, 0.05), (math.inf, 0.02))
"""Steps of the integral, on a logarithmic scale, up to so many clusters: the more there are, the faster it turns."""

_Floats = NDArray[np.float64]


def degrees_of_freedom(sizes: NDArray[np.float64]) -> float:
    """Return the degrees of freedom of the mean of values in clusters of these sizes; 0 with fewer than two clusters.

    Student's t with them is exceeded by mean / SE of :func:`charbench.analysis.clusters.clustered_variance` in 5% of
    cases or fewer (normal values, true mean 0), whatever the intra-class correlation (:data:`ALIKE`): the most that
    hold for each of them. They are clusters − 1 where all clusters are of one size, and fewer where few clusters hold
    most values. Satterthwaite's approximation, with independent values as the working model, lets 7% through where
    two families of ten meet twenty single prompts and the answers of a family are alike.

    t² exceeds a limit where a quadratic form of the clusters' normal sums is above 0; the probability is exact:
    Imhof (1961), "Computing the distribution of quadratic forms in normal variables", Biometrika 48:419.
    """
    if sizes.size < 2:
        return 0.0
    each, times = np.unique(sizes, return_counts=True)
    return _degrees(tuple(each.tolist()), tuple(times.tolist()))


@lru_cache(maxsize=512)
def _degrees(each: tuple[float, ...], times: tuple[int, ...]) -> float:
    most = float(sum(times) - 1)
    if len(each) == 1:
        return most
    groups = np.array(each), np.array(times, dtype=float)
    if _exceeds(most, *groups) <= LEVEL:
        return most
    low, high = math.log(min(_FEWEST, most)), math.log(most)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _exceeds(math.exp(middle), *groups) <= LEVEL else (low, middle)
    return math.exp(low)


def _exceeds(degrees: float, each: _Floats, times: _Floats) -> float:
    """Return how often t exceeds Student's limit for these degrees where the mean is 0, at most."""
    limit = student_quantile(1 - LEVEL / 2, degrees)
    return max(_chance(limit**2, each, times, alike) for alike in ALIKE)


def _chance(limit: float, each: _Floats, times: _Floats, alike: float) -> float:
    """Return the probability that t² exceeds ``limit`` where values of a cluster correlate by ``alike``.

    With sums S of covariance V, shares w and D = 1/(1 − w): that S'(11' − limit (I − 1w')D(I − w1'))S is above 0.
    Clusters of one size are rotated to their mean and contrasts; the contrasts stand alone.
    """
    variance = each * (1 + (each - 1) * alike)
    shares = each / (each @ times)
    weights = 1 / (1 - shares)
    ones, pulls = np.sqrt(times), shares * np.sqrt(times)
    apart = np.eye(each.size) - np.outer(pulls, ones)
    form = np.outer(ones, ones) - limit * (apart.T * weights) @ apart
    spread = np.sqrt(variance)
    means = np.linalg.eigvalsh(form * np.outer(spread, spread))
    contrasts = -limit * variance * weights
    values = np.concatenate([means, contrasts])
    counts = np.concatenate([np.ones(each.size), times - 1])
    return chance_above_zero(values, counts, float(times.sum()))


def chance_above_zero(values: _Floats, counts: _Floats, clusters: float) -> float:
    """Return the probability that Σ values · χ² is above 0, χ² of ``counts`` degrees of freedom each (Imhof 1961).

    The more ``clusters`` such a form comes from, the finer are the steps of the integral.
    """
    step = next(fine for most, fine in _FINENESS if clusters <= most)
    scaled = np.outer(_points(step), values / np.abs(values).max())
    angle = np.arctan(scaled) @ counts / 2
    size = np.exp(-np.log1p(scaled**2) @ counts / 4)  # a 0, not an overflow, with very many clusters
    return 0.5 + float((np.sin(angle) * size).sum()) * step / math.pi


@lru_cache(maxsize=len(_FINENESS))
def _points(step: float) -> _Floats:
    found: _Floats = np.exp(np.arange(-16.0, 24.0, step))
    found.flags.writeable = False
    return found
