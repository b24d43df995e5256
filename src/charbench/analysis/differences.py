"""What a comparison of two sides gives: the difference, its interval, and how surely it is one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from charbench.analysis.rate_intervals import ClusteredRate


@dataclass(frozen=True, slots=True)
class Difference:
    """The first side less the second, in the values' own unit (shares: -1 to 1), with a two-sided p-value.

    ``count`` prompts (paired) or samples of both sides (unpaired) in ``clusters`` clusters (of the smaller
    side). NaN: too little data. ``low_precision``: too few clusters to rely on the interval.
    """

    value: float
    low: float
    high: float
    p: float
    test: str
    paired: bool
    count: int
    clusters: int
    low_precision: bool


def square_and_add(a: ClusteredRate, b: ClusteredRate, correlation: float = 0.0) -> tuple[float, float]:
    """Return the interval of a - b from the intervals of the two rates.

    With Wilson's intervals and no correlation it is Newcombe's for independent rates (his method 10), with
    a correlation his for paired ones. Source: Newcombe (1998), Stat Med 17:873 (independent) and 17:2635
    (paired); for any intervals, Zou and Donner (2008), "Construction of confidence limits about effect
    measures: a general approach", Stat Med 27.
    """
    value = a.value - b.value
    down_a, up_a = a.value - a.low, a.high - a.value
    down_b, up_b = b.value - b.low, b.high - b.value
    below = down_a**2 - 2 * correlation * down_a * up_b + up_b**2
    above = up_a**2 - 2 * correlation * up_a * down_b + down_b**2
    if math.isnan(below) or math.isnan(above):
        return math.nan, math.nan
    return max(-1.0, value - math.sqrt(max(0.0, below))), min(1.0, value + math.sqrt(max(0.0, above)))
