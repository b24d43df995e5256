"""Rates with their uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` of ``total``, with the ends of its interval; all shares are 0 to 1, NaN where total is 0."""

    count: int
    total: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share itself."""
        return self.count / self.total if self.total else math.nan


def wilson(count: int, total: int, confidence: float = 0.95) -> Rate:
    """Return a rate with Wilson's score interval, without continuity correction.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22, eq. 4 in
    the form of Newcombe (1998). 5 of 5 is [0.566, 1].
    """
    if not 0 <= count <= total:
        raise ValueError(f"count {count} is not between 0 and {total}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    if total == 0:
        return Rate(0, 0, math.nan, math.nan)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = count / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low = 0.0 if count == 0 else max(0.0, centre - half)
    high = 1.0 if count == total else min(1.0, centre + half)
    return Rate(count, total, low, high)
