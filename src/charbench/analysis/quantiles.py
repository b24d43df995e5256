"""Quantiles of many points, as numpy.quantile gives them, without the parts of NumPy that it loads."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def quantiles(points: NDArray[np.float64], probabilities: Sequence[float]) -> list[float]:
    """Return the points' quantiles, each probability 0 to 1, by linear interpolation (the default of NumPy, type 7 of
    Hyndman and Fan (1996), "Sample quantiles in statistical packages", Am Stat 50); NaN where a point is NaN.
    """
    ordered = np.sort(points)
    if math.isnan(ordered[-1]):
        return [math.nan for _ in probabilities]
    found = []
    for probability in probabilities:
        place = probability * (len(ordered) - 1)
        low = math.floor(place)
        part, below, above = place - low, float(ordered[low]), float(ordered[min(low + 1, len(ordered) - 1)])
        step = above - below
        found.append(above - step * (1 - part) if part >= 0.5 else below + step * part)
    return found
