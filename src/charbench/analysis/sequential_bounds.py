"""Bounds that may be looked at several times: the error of all looks together stays below a stated one.

The error is divided evenly (Bonferroni), so it holds whenever the looks are taken and however their samples depend on
each other; Pocock's (1977, Biometrika 64:191) evenly spaced looks would need a level of 0.0091 in place of 0.00625.
"""

from __future__ import annotations

import math

from charbench.analysis.distributions import normal_quantile

ERROR = 0.025
"""Chance of a wrong conclusion on one side, over all looks."""
LOOKS = 4
"""So often samples may be added and the bounds be looked at again."""
_SEARCH = 64


def confidence(criteria: int = 1) -> float:
    """Return the confidence (0 to 1) of a two-sided interval of which each bound errs with ``ERROR / LOOKS``.

    ``criteria`` divides the error further: where a conclusion follows from any one of several.
    """
    return 1 - 2 * ERROR / (LOOKS * criteria)


def samples_that_decide(value: float, effective: float, limit: float, level: float) -> float | None:
    """Return by what factor (above 1) the samples would have to grow for the interval to leave ``limit``.

    ``value`` is the observed rate, ``effective`` the independent samples that it is worth, ``level`` the confidence of
    the interval (Wilson's). None where a thousand times as many would not do. It holds if the rate stays as observed.
    """
    reach = normal_quantile((1 + level) / 2)

    def decides(factor: float) -> bool:
        count = effective * factor
        square = reach * reach
        centre = (value + square / (2 * count)) / (1 + square / count)
        half = reach / (1 + square / count) * math.sqrt(value * (1 - value) / count + square / (4 * count * count))
        return centre - half >= limit if value >= limit else centre + half < limit

    low, high = 1.0, 1000.0
    if value == limit or not effective > 0 or not decides(high):
        return None
    for _ in range(_SEARCH):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high
