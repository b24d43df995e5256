"""Fisher's exact test of two counts."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.special_functions import special

_WIDE = 40
"""Standard deviations from the middle beyond which a probability is 0 in double precision."""
_TIE = 1e-7
"""Relative difference below which two probabilities are the same; R and scipy take as much."""
_MOST_KEPT = 100_000
Counts = NDArray[np.int64]


def fisher_exact(hits_a: int, total_a: int, hits_b: int, total_b: int) -> float:
    """Return the two-sided p-value that the two shares differ; 1 where all, or none, are hits.

    The sum of the probabilities of all tables with the same margins that are no more probable than this one.
    Counts up to many millions are taken. Source: Fisher (1934), "Statistical methods for research workers",
    section 21.02; two-sided as in R's ``fisher.test``.
    """
    if not (0 <= hits_a <= total_a and 0 <= hits_b <= total_b):
        raise ValueError(f"{hits_a} of {total_a} and {hits_b} of {total_b} are no counts")
    a, b = (np.array([hits_a]), np.array([total_a])), (np.array([hits_b]), np.array([total_b]))
    return float(fisher_exact_of_each(a, b)[0])


def fisher_exact_of_each(
    a: tuple[Counts, Counts], b: tuple[Counts, Counts], wide: float = _WIDE
) -> NDArray[np.float64]:
    """Return :func:`fisher_exact` of each place of these hits and totals of both sides.

    Tables further than ``wide`` standard deviations from the middle, and further than this one, are taken as 0.
    """
    (hits_a, total_a), (hits_b, total_b) = a, b
    hits, total = hits_a + hits_b, np.maximum(total_a + total_b, 1)
    middle = hits * total_a / total
    spread = np.sqrt(middle * (total_b / total) * ((total - hits) / np.maximum(1, total - 1)))
    reach = np.maximum(wide * spread, np.abs(hits_a - middle)) + 1
    low = np.maximum(np.maximum(0, hits - total_b), np.ceil(middle - reach).astype(np.int64))
    high = np.minimum(np.minimum(hits, total_a), np.floor(middle + reach).astype(np.int64))
    counts = low[:, None] + np.arange(int((high - low).max()) + 1)
    beyond = counts > high[:, None]
    counts = np.minimum(counts, high[:, None])
    hits, total_a, total_b = hits[:, None], total_a[:, None], total_b[:, None]
    most = int(total.max())
    weights = _log_factorials(counts, most) + _log_factorials(total_a - counts, most)
    weights += _log_factorials(hits - counts, most)
    weights += _log_factorials(total_b - hits + counts, most)
    weights[beyond] = math.inf
    chances = np.exp(weights.min(axis=1, keepdims=True) - weights)
    mine = np.take_along_axis(chances, (hits_a - low)[:, None], axis=1)
    as_far = (chances * (chances <= mine * (1 + _TIE))).sum(axis=1)
    found: NDArray[np.float64] = np.minimum(1.0, as_far / chances.sum(axis=1))
    return found


def _log_factorials(counts: Counts, most: int) -> NDArray[np.float64]:
    found: NDArray[np.float64]
    found = special().gammaln(counts + 1.0) if most > _MOST_KEPT else _kept(1 << most.bit_length())[counts]
    return found


@lru_cache(maxsize=16)
def _kept(most: int) -> NDArray[np.float64]:
    found: NDArray[np.float64] = special().gammaln(np.arange(most + 1) + 1.0)
    return found
