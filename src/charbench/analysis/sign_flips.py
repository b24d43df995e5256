"""Tests of paired differences that need no distribution: had the sides been swapped, how large would it be?"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charbench.analysis.clusters import cluster_sums, clustered_mean
from charbench.analysis.distributions import student_p

SIGN_FLIPS = "permutation of signs"
STUDENT = "Student's t, paired"
MOST_EXACT = 30
"""Up to so many clusters that differ, every flip is counted, whatever their sums."""
_SAME = 1e-9
_WHOLE = 1e-6
MOST_PARTS = 60
"""Sums are looked at as whole numbers of 1, 1/2, ... 1/60."""
_MOST_WORK = 20_000_000
"""Additions that a p-value may take: some hundredths of a second."""


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Return the two-sided p-value of ``only_a`` prompts that only the first side has, against ``only_b``.

    1 where no prompt differs. Source: McNemar (1947), Psychometrika 12:153, with the exact binomial
    distribution of Mosteller (1952): min(1, 2 P(X <= min(a, b))), X ~ Bin(a + b, 1/2).
    """
    if only_a < 0 or only_b < 0:
        raise ValueError("a count is below 0")
    count, least = only_a + only_b, min(only_a, only_b)
    if 2 * least >= count:
        return 1.0
    tail = sum(math.comb(count, k) for k in range(least + 1))
    return min(1.0, 2 * tail / (1 << count))


def sign_flip_p(differences: ArrayLike, clusters: Sequence[Hashable]) -> float:
    """Return the p-value of :func:`sign_flip_test`."""
    return sign_flip_test(differences, clusters)[0]


def sign_flip_test(differences: ArrayLike, clusters: Sequence[Hashable]) -> tuple[float, str]:
    """Return the two-sided p-value of a mean of paired differences under flips of whole clusters, and the test.

    Which side is which is exchangeable within a cluster where the sides are alike: the p-value is the share of
    all 2^k ways to flip the k clusters whose sum is at least as far from 0. It is exact up to 30 clusters that
    differ, and beyond where the sums are multiples of one step (shares of so many answers, whole numbers);
    else it is that of Student's t with :func:`charbench.analysis.clusters.clustered_mean`'s standard error and degrees
    of freedom, never below the 2 · 2^-k that flips can reach.
    1 where nothing differs, NaN without a value. With one binary value in each cluster it is McNemar's exact test.

    Source: Fisher (1935), "The design of experiments", section 21; for clusters Cameron, Gelbach and Miller (2008).
    """
    array = np.asarray(differences, dtype=float)
    if not array.size:
        return math.nan, SIGN_FLIPS
    sums = np.abs(cluster_sums(array, clusters))
    observed = abs(float(array.sum()))
    sums = sums[sums > _SAME]
    if not sums.size:
        return 1.0, SIGN_FLIPS
    if sums.size <= MOST_EXACT:
        return _share_as_far(sums, observed), SIGN_FLIPS
    if (steps := _in_steps(sums)) is not None:
        return _share_of_walks(*steps, observed), SIGN_FLIPS
    mean = clustered_mean(array, clusters)
    least = 2.0 ** (1 - sums.size)
    if not mean.standard_error > 0:
        return least, SIGN_FLIPS
    return max(least, student_p(mean.value / mean.standard_error, mean.degrees)), STUDENT


def _in_steps(sums: NDArray[np.float64]) -> tuple[NDArray[np.intp], float] | None:
    """Return the sums as numbers of the largest step that all are multiples of, and the step; None without one."""
    for parts in range(1, MOST_PARTS + 1):
        steps = np.rint(sums * parts)
        if np.abs(sums * parts - steps).max() < _WHOLE:
            numbers = steps.astype(np.intp)
            shared = int(np.gcd.reduce(numbers))
            numbers //= shared
            return (numbers, shared / parts) if sums.size * int(numbers.sum()) <= _MOST_WORK else None
    return None


def _share_of_walks(steps: NDArray[np.intp], step: float, observed: float) -> float:
    """Return the share of sign choices whose total is at least ``observed`` from 0, by adding one cluster at a time.

    Half of (total + all) is the sum of the clusters that stay positive: its distribution is counted. Source:
    Pagano and Tritchler (1983), "On obtaining permutation distributions in polynomial time", JASA 78:435.
    """
    everything = int(steps.sum())
    chances = np.zeros(everything + 1)
    chances[0] = 1.0
    reached = 0
    for size in steps.tolist():
        chances[size : reached + size + 1] += chances[: reached + 1].copy()
        chances[: reached + size + 1] /= 2
        reached += size
    far = round(observed / step)
    tail = (everything - far) // 2
    return 1.0 if far == 0 else min(1.0, 2 * float(chances[: tail + 1].sum()))


def _share_as_far(sums: NDArray[np.float64], observed: float) -> float:
    """Return the share of sign choices whose total is at least ``observed`` from 0.

    Meets in the middle: the 2^15 totals of each half are counted against each other instead of 2^30 in all.
    """
    edge = observed - _SAME * max(1.0, float(sums.sum()))
    if edge <= 0:
        return 1.0
    left, right = _totals(sums[::2]), np.sort(_totals(sums[1::2]))
    above = right.size - np.searchsorted(right, edge - left, side="left")
    return min(1.0, 2 * int(above.sum()) / (left.size * right.size))


def _totals(values: NDArray[np.float64]) -> NDArray[np.float64]:
    totals = np.zeros(1)
    for value in values:
        totals = np.concatenate([totals + value, totals - value])
    return totals
