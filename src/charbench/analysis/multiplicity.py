"""Many tests at once: p-values adjusted so that chance alone does not make discoveries."""

from __future__ import annotations

import math
from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values (0 to 1) adjusted so that the chance of even one false discovery keeps the level.

    For headlines. NaN stays NaN and counts as no test. Source: Holm (1979), "A simple sequentially rejective
    multiple test procedure", Scand J Stat 6:65.
    """
    order = _ascending(p_values)
    adjusted = [math.nan] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p-values (0 to 1) adjusted so that the share of false discoveries among all keeps the level.

    For grids of many cells. NaN stays NaN and counts as no test. Source: Benjamini and Hochberg (1995),
    "Controlling the false discovery rate", J R Stat Soc B 57:289.
    """
    order = _ascending(p_values)
    adjusted = [math.nan] * len(p_values)
    lowest = 1.0
    for rank in range(len(order), 0, -1):
        index = order[rank - 1]
        lowest = min(lowest, p_values[index] * len(order) / rank)
        adjusted[index] = lowest
    return adjusted


def _ascending(p_values: Sequence[float]) -> list[int]:
    if bad := [p for p in p_values if not (math.isnan(p) or 0 <= p <= 1)]:
        raise ValueError(f"{bad[0]} is no p-value")
    return sorted((i for i, p in enumerate(p_values) if not math.isnan(p)), key=lambda i: p_values[i])
