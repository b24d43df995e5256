"""Student's t and the normal distribution: quantiles and p-values. scipy is loaded when one is asked for."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

from charbench.analysis.special_functions import special


@lru_cache(maxsize=256)
def normal_quantile(probability: float) -> float:
    """Return the value that a standard normal variable stays below with this probability (0 to 1, both excluded)."""
    return NormalDist().inv_cdf(probability)


def normal_chance(value: float) -> float:
    """Return the probability (0 to 1) that a standard normal variable stays below a value."""
    return 0.5 * math.erfc(-value / math.sqrt(2))


@lru_cache(maxsize=256)
def student_quantile(probability: float, degrees: float) -> float:
    """Return the value that Student's t stays below with this probability; NaN without a degree of freedom."""
    if not degrees > 0:
        return math.nan
    return float(special().stdtrit(degrees, probability))


def student_p(t: float, degrees: float) -> float:
    """Return the two-sided p-value of a t statistic; NaN without a degree of freedom or for a NaN."""
    if not degrees > 0 or math.isnan(t):
        return math.nan
    return float(2 * special().stdtr(degrees, -abs(t)))
