"""Fisher's exact test of two counts."""

from __future__ import annotations

import math

from charbench.analysis.special_functions import special

_WIDE = 40
"""Standard deviations from the middle beyond which a probability is 0 in double precision."""
_TIE = 1e-7
"""Relative difference below which two probabilities are the same; R and scipy take as much."""


def fisher_exact(hits_a: int, total_a: int, hits_b: int, total_b: int) -> float:
    """Return the two-sided p-value that the two shares differ; 1 where all, or none, are hits.

    The sum of the probabilities of all tables with the same margins that are no more probable than this one.
    Counts up to many millions are taken. Source: Fisher (1934), "Statistical methods for research workers",
    section 21.02; two-sided as in R's ``fisher.test``.
    """
    if not (0 <= hits_a <= total_a and 0 <= hits_b <= total_b):
        raise ValueError(f"{hits_a} of {total_a} and {hits_b} of {total_b} are no counts")
    hits, total = hits_a + hits_b, total_a + total_b
    if hits in (0, total) or not total_a or not total_b:
        return 1.0
    import numpy as np

    gammaln = special().gammaln

    middle = hits * total_a / total
    spread = math.sqrt(middle * (total_b / total) * ((total - hits) / max(1, total - 1))) if total > 1 else 0.0
    reach = max(50.0, _WIDE * spread, abs(hits_a - middle) + 1)
    low = max(0, hits - total_b, math.floor(middle - reach))
    high = min(hits, total_a, math.ceil(middle + reach))
    x = np.arange(low, high + 1, dtype=float)
    weights = -(gammaln(x + 1) + gammaln(total_a - x + 1) + gammaln(hits - x + 1) + gammaln(total_b - hits + x + 1))
    probabilities = np.exp(weights - weights.max())
    mine = probabilities[hits_a - low]
    return min(1.0, float(probabilities[probabilities <= mine * (1 + _TIE)].sum() / probabilities.sum()))
