"""Means whose values come in clusters: prompts of one family are alike, and tell less than as many different ones."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charbench.analysis.distributions import student_quantile

ENOUGH_CLUSTERS = 30
"""From so many clusters on, intervals cover what they promise (simulated in the tests); below, precision is low."""


@dataclass(frozen=True, slots=True)
class ClusteredMean:
    """A mean with its standard error and the ends of its interval, in the values' own unit.

    ``count`` values in ``clusters`` clusters. The standard error and the interval are NaN where there are
    fewer than two clusters, the interval also where nothing varies: a standard error of 0 promises nothing. The
    mean is NaN where there is no value.
    """

    value: float
    standard_error: float
    low: float
    high: float
    count: int
    clusters: int

    @property
    def rough(self) -> bool:
        """Whether there are too few clusters to rely on the interval."""
        return self.clusters < ENOUGH_CLUSTERS


def clustered_mean(values: ArrayLike, clusters: Sequence[Hashable], confidence: float = 0.95) -> ClusteredMean:
    """Return the mean of ``values``, each of the cluster that stands at its place in ``clusters``.

    The interval is Student's t with one degree of freedom less than there are clusters. With a cluster for
    each value this is the plain mean with its plain standard error. Raises ValueError for lists of different
    lengths and for a confidence that is not between 0 and 1.

    Source: Miller (2024), "Adding error bars to evals", arXiv 2411.00640, eq. 4; the degrees of freedom after
    Cameron and Miller (2015), "A practitioner's guide to cluster-robust inference", section VI.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    array = np.asarray(values, dtype=float)
    codes = cluster_codes(clusters)
    if array.shape != codes.shape:
        raise ValueError(f"{array.size} values, but {codes.size} clusters")
    if not array.size:
        return ClusteredMean(math.nan, math.nan, math.nan, math.nan, 0, 0)
    count = int(codes.max()) + 1
    mean = float(array.mean())
    error = math.sqrt(clustered_variance(array, codes)) if count > 1 else math.nan
    half = student_quantile((1 + confidence) / 2, count - 1) * error if error > 0 else math.nan
    return ClusteredMean(mean, error, mean - half, mean + half, array.size, count)


def clustered_variance(values: NDArray[np.float64], codes: NDArray[np.intp]) -> float:
    """Return the squared standard error of the mean of two or more values.

    SE² = s²/n + n⁻² Σ_c Σ_{i≠j∈c} (s_i − s̄)(s_j − s̄): the second term is what clustering adds. It is never
    below zero in sum. Source: as :func:`clustered_mean`.
    """
    count = values.size
    deviations = values - values.mean()
    squares = float(deviations @ deviations)
    sums = np.bincount(codes, weights=deviations)
    between = float(sums @ sums) - squares
    return max(0.0, squares / (count * (count - 1)) + between / count**2)


def design_effect(values: ArrayLike, clusters: Sequence[Hashable]) -> float:
    """Return by how much clustering multiplies the variance of the mean, 1 where it does nothing or cannot be told.

    Source: Kish (1965), "Survey sampling", section 5.4.
    """
    array = np.asarray(values, dtype=float)
    codes = cluster_codes(clusters)
    plain = float(array.var(ddof=1)) / array.size if array.size > 1 else 0.0
    if plain <= 0 or int(codes.max()) < 1:
        return 1.0
    return clustered_variance(array, codes) / plain


def cluster_codes(clusters: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return the clusters as numbers from 0, in the order in which they are met."""
    numbers: dict[Hashable, int] = {}
    return np.fromiter((numbers.setdefault(name, len(numbers)) for name in clusters), np.intp, len(clusters))


def cluster_sums(values: NDArray[np.float64], clusters: Sequence[Hashable]) -> NDArray[np.float64]:
    """Return the sum of the values of each cluster."""
    if not len(clusters):
        return np.zeros(0)
    sums: NDArray[np.float64] = np.bincount(cluster_codes(clusters), weights=values).astype(float)
    return sums
