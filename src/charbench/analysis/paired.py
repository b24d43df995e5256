"""Differences of two sides that answered the same prompts."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charbench.analysis.clusters import clustered_mean
from charbench.analysis.differences import Difference, square_and_add
from charbench.analysis.rate_intervals import clustered_rate
from charbench.analysis.sign_flips import mcnemar_exact, sign_flip_test

MCNEMAR = "McNemar, exact"


def paired_rates(
    a: ArrayLike,
    b: ArrayLike,
    clusters: Sequence[Hashable],
    samples: tuple[int, int] | None = None,
    confidence: float = 0.95,
) -> Difference:
    """Compare two sides' rates (0 to 1) prompt by prompt.

    ``a`` and ``b`` hold a rate for each prompt, ``clusters`` the prompts' families, ``samples`` how many
    samples each side has (one a prompt by default). With one sample a prompt and a family for each prompt the
    test is McNemar's and the interval Newcombe's for paired rates; else signs are flipped family by family
    and the interval is put together from the two sides' clustered intervals and their correlation over families.

    Sources: :func:`mcnemar_exact`, :func:`newcombe_phi`, :func:`sign_flip_test`, :func:`square_and_add`.
    """
    first, second = _two(a, b, clusters)
    counts = samples or (first.size, first.size)
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
    p, test = _test(first, second, clusters, left.independent and right.independent)
    low, high = square_and_add(left, right, correlation) if first.size else (math.nan, math.nan)
    rough = left.rough or right.rough
    return Difference(gap.value, low, high, p, test, True, first.size, left.clusters, rough)


def paired_rates_p(
    a: ArrayLike, b: ArrayLike, clusters: Sequence[Hashable], samples: tuple[int, int] | None = None
) -> float:
    """Return the p-value of :func:`paired_rates`, without the interval."""
    first, second = _two(a, b, clusters)
    counts = samples or (first.size, first.size)
    families = len(set(clusters))
    return _test(first, second, clusters, families == counts[0] == counts[1])[0]


def _test(
    first: NDArray[np.float64], second: NDArray[np.float64], clusters: Sequence[Hashable], independent: bool
) -> tuple[float, str]:
    if independent:
        return mcnemar_exact(int((first > second).sum()), int((first < second).sum())), MCNEMAR
    return sign_flip_test(first - second, clusters)


def paired_means(a: ArrayLike, b: ArrayLike, clusters: Sequence[Hashable], confidence: float = 0.95) -> Difference:
    """Compare two sides' values prompt by prompt: t with clustered standard error, signs flipped for the p-value.

    Sources: :func:`charbench.analysis.clusters.clustered_mean`, :func:`sign_flip_test`.
    """
    first, second = _two(a, b, clusters)
    gap = clustered_mean(first - second, clusters, confidence)
    p, test = sign_flip_test(first - second, clusters)
    return Difference(gap.value, gap.low, gap.high, p, test, True, gap.count, gap.clusters, gap.rough)


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
