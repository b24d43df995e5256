"""Differences of two sides that share no prompts: of different personas, or asked different things."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charbench.analysis.clusters import ENOUGH_CLUSTERS, ClusteredMean, cluster_codes, cluster_sums, clustered_mean
from charbench.analysis.differences import Difference, square_and_add
from charbench.analysis.distributions import student_p, student_quantile
from charbench.analysis.effective_fisher import effective_fisher
from charbench.analysis.fisher import fisher_exact
from charbench.analysis.rate_intervals import ClusteredRate, clustered_rate

FISHER = "Fisher, exact"
EFFECTIVE_FISHER = "Fisher, effective samples"
PERMUTATION = "permutation"
WELCH = "Welch's t"
SKEWED = "Welch's t, for skewed values"
TOO_FEW = "none: too few prompts for means of such values"
LEAST_CLUSTERS = 10
LEAST_BY_SKEWNESS = 8
"""A side needs so many effective clusters for each unit of squared skewness, and :data:`LEAST_CLUSTERS` in any case."""
FEW_RUNS = 4
PERMUTATIONS = 20_000
_SEED = 20241212
_SAME = 1e-9
Number = TypeVar("Number", float, NDArray[np.float64])


def unpaired_counts(hits_a: int, total_a: int, hits_b: int, total_b: int, confidence: float = 0.95) -> Difference:
    """Compare two shares of independent samples: Fisher's exact test and Newcombe's interval.

    NaN where a total is 0. Sources: :func:`fisher_exact`, :func:`square_and_add`.
    """
    sides = []
    for hits, total in ((hits_a, total_a), (hits_b, total_b)):
        if not 0 <= hits <= total:
            raise ValueError(f"count {hits} is not between 0 and {total}")
        sides.append(_of_counts(hits, total, confidence))
    a, b = sides
    p = fisher_exact(hits_a, total_a, hits_b, total_b) if total_a and total_b else math.nan
    low, high = square_and_add(a, b)
    low_precision = a.low_precision or b.low_precision
    count, least = total_a + total_b, min(total_a, total_b)
    return Difference(a.value - b.value, low, high, p, FISHER, False, count, least, low_precision)


def unpaired_rates(
    a: ArrayLike,
    clusters_a: Sequence[Hashable],
    b: ArrayLike,
    clusters_b: Sequence[Hashable],
    samples: tuple[int, int] | None = None,
    confidence: float = 0.95,
) -> Difference:
    """Compare the rates (0 to 1) of two sides' prompts, each side with families of its own.

    With one sample in each family of both sides, it is :func:`unpaired_counts`. Else the interval is put
    together from the two clustered intervals, and the p-value is that of :func:`effective_fisher`.
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    left = clustered_rate(first, clusters_a, samples[0] if samples else None, confidence)
    right = clustered_rate(second, clusters_b, samples[1] if samples else None, confidence)
    if left.independent and right.independent:
        return unpaired_counts(round(first.sum()), first.size, round(second.sum()), second.size, confidence)
    p = effective_fisher(first, clusters_a, second, clusters_b, (left.samples, right.samples))
    low, high = square_and_add(left, right)
    count, low_precision = left.samples + right.samples, left.low_precision or right.low_precision
    least = min(left.clusters, right.clusters)
    return Difference(left.value - right.value, low, high, p, EFFECTIVE_FISHER, False, count, least, low_precision)


def unpaired_rates_p(
    a: ArrayLike, clusters_a: Sequence[Hashable], b: ArrayLike, clusters_b: Sequence[Hashable], samples: tuple[int, int]
) -> float:
    """Return the p-value of :func:`unpaired_rates`, without the interval."""
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return effective_fisher(first, clusters_a, second, clusters_b, samples)


def unpaired_means(
    a: ArrayLike,
    clusters_a: Sequence[Hashable],
    b: ArrayLike,
    clusters_b: Sequence[Hashable],
    confidence: float = 0.95,
) -> Difference:
    """Compare the mean values of two sides: Welch's t with clustered standard errors, where prompts are enough for it.

    The p-value is the largest of three: Welch's; the same corrected for skewness (Hall's transformation); and, with
    fewer than 30 effective clusters on a side, that of the permutation that deals the clusters of both sides out anew.
    No test of means holds for few values of any shape. So nothing is tested, and p-value and interval are NaN
    (:data:`TOO_FEW`), where a side has fewer than 10 effective clusters, or fewer than 8 for each unit of their squared
    skewness (a few large values among zeros), or fewer than 30 where it does not vary: its next value may be a large
    one. Cochran's rule, 25 for the interval of one mean, is of the same kind.

    Sources: Welch (1947), Biometrika 34:28, with each side's standard error and degrees of freedom as in
    :func:`charbench.analysis.clusters.clustered_mean`; Hall (1992), J R Stat Soc B 54:221; Cochran (1977), "Sampling
    techniques", section 2.15. What holds is simulated in ``benchmarks/rate_intervals.py``.
    """
    first, second = _Values.of(a, clusters_a, confidence), _Values.of(b, clusters_b, confidence)
    found = welch(a, clusters_a, b, clusters_b, confidence)
    if not first.count or not second.count:
        return found
    if not (first.enough and second.enough):
        return replace(found, low=math.nan, high=math.nan, p=math.nan, test=TOO_FEW)
    error, degrees = _welch(first.mean, second.mean)
    if not error > 0:  # neither side varies
        return found
    skewness = (first.third - second.third) / error**3
    t = found.value / error
    corrected = student_p(for_skewness(t, skewness), degrees)
    return replace(found, p=corrected, test=SKEWED) if corrected > found.p else found


def welch(
    a: ArrayLike,
    clusters_a: Sequence[Hashable],
    b: ArrayLike,
    clusters_b: Sequence[Hashable],
    confidence: float = 0.95,
) -> Difference:
    """Compare the mean values of two sides however few they are: for values that are themselves means, as runs' are.

    The p-value is the larger one of Welch's and of the permutation that deals the clusters of both sides out anew:
    with few clusters Welch's t takes skewed values for different, and the permutation sides that vary unlike or
    have clusters of other sizes. With 30 effective clusters or more on both sides, which both vary, Welch's alone is
    taken. A side that does not vary is given the variance of the other's clusters; where neither varies, the
    interval is NaN and the permutation decides. With fewer than :data:`FEW_RUNS` clusters on a side
    the interval has one degree of freedom less than that side has clusters: with Welch's own, it holds in 86% of labs
    for two runs beside twelve.
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    left, right = clustered_mean(first, clusters_a, confidence), clustered_mean(second, clusters_b, confidence)
    value = left.value - right.value
    error, degrees = _welch(left, right)
    fewest = min(left.clusters, right.clusters)
    half = student_quantile((1 + confidence) / 2, degrees if fewest >= FEW_RUNS else max(1, fewest - 1)) * error
    p, test = _apart(left, right, first, clusters_a, second, clusters_b)
    count, low_precision = left.count + right.count, left.low_precision or right.low_precision
    least = min(left.clusters, right.clusters)
    return Difference(value, value - half, value + half, p, test, False, count, least, low_precision)


def for_skewness(t: Number, skewness: Number) -> Number:
    """Return Student's t of a mean whose estimate has this skewness, by Hall's transformation (1992)."""
    return t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6


def clusters_needed(values: ArrayLike, clusters: Sequence[Hashable]) -> float:
    """Return how many effective clusters a side with such values needs to be tested by :func:`unpaired_means`.

    Infinity where that is not known, as there are too few of them.
    """
    return _Values.of(values, clusters, 0.95).needed


@dataclass(frozen=True, slots=True)
class _Values:
    """One side's mean, and the third cumulant of its mean; how many clusters their skewness ``needed``."""

    mean: ClusteredMean
    third: float
    needed: float

    @property
    def enough(self) -> bool:
        """Whether there are as many."""
        return self.mean.effective >= self.needed

    @classmethod
    def of(cls, values: ArrayLike, clusters: Sequence[Hashable], confidence: float) -> _Values:
        array = np.asarray(values, dtype=float)
        mean = clustered_mean(array, clusters, confidence)
        deviations = cluster_sums(array - mean.value, clusters)
        count, square = mean.effective, float((deviations**2).mean()) if array.size else 0.0
        if not mean.standard_error > 0 or square <= _SAME**2:
            return cls(mean, 0.0, ENOUGH_CLUSTERS)
        if count < LEAST_CLUSTERS:
            return cls(mean, math.nan, math.inf)
        skewness = float((deviations**3).mean()) / square**1.5 * math.sqrt(count * (count - 1)) / (count - 2)
        third = skewness * mean.standard_error**3 / math.sqrt(count)
        return cls(mean, third, max(LEAST_CLUSTERS, LEAST_BY_SKEWNESS * skewness**2))

    @property
    def count(self) -> int:
        return self.mean.count


def _apart(
    left: ClusteredMean,
    right: ClusteredMean,
    a: NDArray[np.float64],
    clusters_a: Sequence[Hashable],
    b: NDArray[np.float64],
    clusters_b: Sequence[Hashable],
) -> tuple[float, str]:
    """Return the p-value of a difference of means, and the test that gave it."""
    if not a.size or not b.size:
        return math.nan, PERMUTATION
    error, degrees = _welch(left, right)
    by_t = student_p((left.value - right.value) / error, degrees) if error > 0 else math.nan
    vary = left.standard_error > 0 and right.standard_error > 0
    if vary and not (left.low_precision or right.low_precision):
        return by_t, WELCH
    sums = np.concatenate([cluster_sums(a, clusters_a), cluster_sums(b, clusters_b)])
    sizes = np.concatenate([np.bincount(cluster_codes(clusters_a)), np.bincount(cluster_codes(clusters_b))])
    dealt = _permutation(sums, sizes, left.clusters)
    return (by_t, WELCH) if by_t > dealt else (dealt, PERMUTATION)


def _permutation(sums: NDArray[np.float64], sizes: NDArray[np.intp], first: int) -> float:
    chosen, exact = _deals(sums.size, first)
    observed = abs(sums[:first].sum() / sizes[:first].sum() - sums[first:].sum() / sizes[first:].sum())
    order = np.lexsort((sums, sizes))  # the same deals of the same clusters, in whatever order prompts are read
    sums, sizes = sums[order], sizes[order]
    total, size = sums[chosen].sum(axis=1), sizes[chosen].sum(axis=1)
    gaps = np.abs(total / size - (sums.sum() - total) / (sizes.sum() - size))
    as_far = int((gaps >= observed - _SAME).sum())
    return as_far / len(chosen) if exact else (as_far + 1) / (PERMUTATIONS + 1)


@lru_cache(maxsize=4)
def _deals(count: int, first: int) -> tuple[NDArray[np.int32], bool]:
    """Return ways to choose ``first`` of ``count`` clusters, and whether they are all there are.

    Kept, for many pairs of one report have as many clusters, and drawing takes longer than counting.
    """
    if math.comb(count, first) <= PERMUTATIONS:
        return np.array(list(combinations(range(count), first)), dtype=np.int32), True
    rng = np.random.default_rng(_SEED)
    return np.argsort(rng.random((PERMUTATIONS, count)), axis=1)[:, :first].astype(np.int32), False


def _welch(left: ClusteredMean, right: ClusteredMean) -> tuple[float, float]:
    """Return the standard error of a difference and its degrees of freedom; NaN where neither side varies.

    A side of one cluster, or one that does not vary, is given the variance that the other's clusters have.
    """
    parts, degrees = [], []
    for mine, other in ((left, right), (right, left)):
        known = mine if mine.standard_error > 0 else other
        if not known.standard_error > 0:
            return math.nan, math.nan
        parts.append(known.standard_error**2 * known.effective / mine.effective if mine.effective else math.nan)
        degrees.append(known.degrees)
    total = sum(parts)
    return math.sqrt(total), total**2 / sum(part**2 / free for part, free in zip(parts, degrees, strict=True))


def _of_counts(hits: int, total: int, confidence: float) -> ClusteredRate:
    from charbench.analysis.wilson import wilson

    rate = wilson(hits, total, confidence)
    share = rate.share
    error = math.sqrt(share * (1 - share) / total) if total else math.nan
    return ClusteredRate(share, rate.low, rate.high, error, total, total, total, float(total), float(total))
