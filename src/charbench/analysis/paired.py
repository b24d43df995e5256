"""Differences of two sides that answered the same prompts."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charbench.analysis.clusters import ClusteredMean, clustered_mean
from charbench.analysis.differences import Difference, square_and_add
from charbench.analysis.distributions import student_p, student_quantile
from charbench.analysis.rate_intervals import ClusteredRate, clustered_rate
from charbench.analysis.sign_flips import mcnemar_exact, sign_flip_test
from charbench.analysis.tiers import LEVEL

MCNEMAR = "McNemar, exact"
FROM_INTERVAL = "from the interval, clustered"
NOISE_OF_BOTH = "Student's t, paired, noise of both sides"
MOST_UNEVEN = 1.25
"""By how much one side's answers may be more than the other's for the sides to be exchangeable."""
LEAST_FOR_CORRELATION = 4.5
"""With fewer effective families, sides are not taken for alike: two families always have a correlation of 1 or -1."""
_STEPS = 40

Samples = int | ArrayLike
"""How many samples a side has: of each prompt, or in all where every prompt has as many."""


def paired_rates(
    a: ArrayLike,
    b: ArrayLike,
    clusters: Sequence[Hashable],
    samples: tuple[Samples, Samples] | None = None,
    confidence: float = 0.95,
) -> Difference:
    """Compare two sides' rates (0 to 1) prompt by prompt.

    ``a`` and ``b`` hold a rate for each prompt, ``clusters`` the prompts' families, ``samples`` how many
    samples of each prompt each side has (one a prompt by default). With one sample a prompt and a family for each
    prompt the test is McNemar's and the interval Newcombe's for paired rates; else signs are flipped family by family
    and the interval is put together from the two sides' clustered intervals and their correlation over families.

    Flips take the sides for exchangeable. They are not where one was asked more often (:data:`MOST_UNEVEN`): of two
    sides with a rate of 10%, one answer to each of 12 prompts is never in character in 28% of labs, while twenty are
    somewhere for nearly every prompt, and all signs agree. The p-value is then at least that of the interval.

    Sources: :func:`mcnemar_exact`, :func:`newcombe_phi`, :func:`sign_flip_test`, :func:`square_and_add`.
    """
    first, second = _two(a, b, clusters)
    asked = samples or (first.size, first.size)
    pair = RatePair.of(first, second, clusters, asked, confidence)
    p, test = _test(first, second, clusters, pair.left.independent and pair.right.independent)
    if not exchangeable(asked) and (least := pair.p_value()) > p:
        p, test = least, FROM_INTERVAL
    low, high = pair.limits(confidence) if first.size else (math.nan, math.nan)
    left = pair.left
    low_precision = left.low_precision or pair.right.low_precision
    return Difference(pair.gap.value, low, high, p, test, True, first.size, left.clusters, low_precision)


def paired_rates_p(
    a: ArrayLike, b: ArrayLike, clusters: Sequence[Hashable], samples: tuple[Samples, Samples] | None = None
) -> float:
    """Return the p-value of :func:`paired_rates`, without the interval; a lower one where it is 0.05 or more."""
    first, second = _two(a, b, clusters)
    asked = samples or (first.size, first.size)
    counts = _totals(asked)
    families = len(set(clusters))
    p = _test(first, second, clusters, families == counts[0] == counts[1])[0]
    if p < LEVEL and not exchangeable(asked):
        p = max(p, RatePair.of(first, second, clusters, asked).p_value())
    return p


def exchangeable(samples: tuple[Samples, Samples]) -> bool:
    """Whether two sides with so many samples of the same prompts are exchangeable where they are alike.

    What counts is how well the mean over prompts is known: 12 prompts with 10 samples each and 10 prompts with one
    beside 2 with 55 have 120 samples both, and the second side's rates are mostly 0 or 1. So samples that are spread
    unevenly count as many as k²/Σ(1/n) evenly spread ones, which give the mean over k prompts the same variance.
    """
    evenly = [evenly_spread(one) for one in samples]
    return max(evenly) <= MOST_UNEVEN * min(evenly)


def evenly_spread(samples: Samples) -> float:
    """Return as how many evenly spread samples these count (:func:`exchangeable`)."""
    counts = np.asarray(samples, dtype=float)
    return float(counts.size**2 / (1 / counts).sum()) if counts.ndim and counts.size else float(counts.sum())


def _totals(samples: tuple[Samples, Samples]) -> tuple[int, int]:
    return int(np.sum(samples[0])), int(np.sum(samples[1]))


@dataclass(frozen=True, slots=True)
class RatePair:
    """Two sides' rates, their difference, and how they are correlated over families."""

    left: ClusteredRate
    right: ClusteredRate
    gap: ClusteredMean
    correlation: float

    @classmethod
    def of(
        cls,
        first: NDArray[np.float64],
        second: NDArray[np.float64],
        clusters: Sequence[Hashable],
        samples: tuple[Samples, Samples],
        confidence: float = 0.95,
    ) -> RatePair:
        """Return what the interval of :func:`paired_rates` is put together from; arguments as there."""
        counts = _totals(samples)
        left = clustered_rate(first, clusters, counts[0], confidence)
        right = clustered_rate(second, clusters, counts[1], confidence)
        gap = clustered_mean(first - second, clusters, confidence)
        if left.independent and right.independent:
            only_a, only_b = int((first > second).sum()), int((first < second).sum())
            both = int(((first == 1) & (second == 1)).sum())
            correlation = newcombe_phi(both, only_a, only_b, first.size - both - only_a - only_b)
        else:
            spread = 2 * left.standard_error * right.standard_error
            shared = left.standard_error**2 + right.standard_error**2 - gap.standard_error**2
            correlation = max(-1.0, min(1.0, shared / spread)) if spread > 0 else 0.0
            if left.effective_clusters < LEAST_FOR_CORRELATION:
                correlation = min(correlation, 0.0)
        return cls(left, right, gap, correlation)

    def limits(self, confidence: float) -> tuple[float, float]:
        """Return the interval of the difference."""
        return square_and_add(self.left.at(confidence), self.right.at(confidence), self.correlation)

    def p_value(self) -> float:
        """Return 1 less the highest confidence whose interval leaves 0 out; NaN where nothing was asked."""
        if not self.left.prompts:
            return math.nan
        surely, maybe = 0.0, 40.0  # powers of 1/2: p-values from 1 down to 1e-12
        for _ in range(_STEPS):
            middle = (surely + maybe) / 2
            low, high = self.limits(1 - 2.0**-middle)
            surely, maybe = (middle, maybe) if low > 0 or high < 0 else (surely, middle)
        return float(2.0**-surely)


def _test(
    first: NDArray[np.float64], second: NDArray[np.float64], clusters: Sequence[Hashable], independent: bool
) -> tuple[float, str]:
    if independent:
        return mcnemar_exact(int((first > second).sum()), int((first < second).sum())), MCNEMAR
    return sign_flip_test(first - second, clusters)


def paired_means(
    a: ArrayLike,
    b: ArrayLike,
    clusters: Sequence[Hashable],
    confidence: float = 0.95,
    *,
    noise: float | None = None,
) -> Difference:
    """Compare two sides' values prompt by prompt: t with clustered standard error, signs flipped for the p-value.

    ``noise`` is given where the sides are not :func:`exchangeable`, as one was asked more often: the variance that the
    mean difference would have if both sides' answers varied alike and prompts did not. The standard error is then at
    least its root, and the p-value at least that of Student's t with it: where few answers happen to be the same, they
    are not taken for ones that never vary.

    Sources: :func:`charbench.analysis.clusters.clustered_mean`, :func:`sign_flip_test`.
    """
    first, second = _two(a, b, clusters)
    gap = clustered_mean(first - second, clusters, confidence)
    p, test = sign_flip_test(first - second, clusters)
    low, high = gap.low, gap.high
    if noise is not None and gap.degrees > 0:
        error = math.sqrt(max(noise, gap.standard_error**2))
        half = student_quantile((1 + confidence) / 2, gap.degrees) * error
        low, high = (gap.value - half, gap.value + half) if error else (math.nan, math.nan)
        least = student_p(gap.value / error, gap.degrees) if error else 1.0
        if least > p:
            p, test = least, NOISE_OF_BOTH
    return Difference(gap.value, low, high, p, test, True, gap.count, gap.clusters, gap.low_precision)


def newcombe_phi(both: int, only_a: int, only_b: int, neither: int) -> float:
    """Return the correlation of two binary values with Newcombe's continuity correction, -1 to 1.

    0 where one of them does not vary. Source: Newcombe (1998), "Improved confidence intervals for the
    difference between binomial proportions based on paired data", Stat Med 17:2635, method 10.
    """
    product = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if not product:
        return 0.0
    cross = float(both * neither - only_a * only_b)
    if cross > 0:
        cross = max(cross - (both + only_a + only_b + neither) / 2, 0.0)
    return cross / math.sqrt(product)


def _two(a: ArrayLike, b: ArrayLike, clusters: Sequence[Hashable]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if not first.shape == second.shape == (len(clusters),):
        raise ValueError(f"{first.size} and {second.size} values, but {len(clusters)} clusters")
    return first, second
