"""How far two or more labellers agree."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import permutations


def confusion(
    rows: Sequence[Hashable], columns: Sequence[Hashable], weights: Sequence[float] | None = None
) -> dict[tuple[Hashable, Hashable], float]:
    """Return how often each pair of labels occurs; the two sequences label the same items in one order.

    With ``weights`` an item counts as its weight. Raises ``ValueError`` where their lengths differ.
    """
    found: dict[tuple[Hashable, Hashable], float] = {}
    for row, column, weight in zip(rows, columns, weights or [1] * len(rows), strict=True):
        found[row, column] = found.get((row, column), 0) + weight
    return found


def weighted_kappa(
    one: Sequence[int], other: Sequence[int], categories: int, weights: Sequence[float] | None = None
) -> float:
    """Return Cohen's kappa with quadratic weights, -1 to 1; labels are 0 to ``categories`` - 1.

    With ``weights`` an item counts as its weight (above 0). NaN without items, or where both labellers give one and
    the same label to everything (there is then no chance agreement to correct for). With two categories this is
    Cohen's unweighted kappa. Cohen (1968), "Weighted kappa", Psychological Bulletin 70.
    """
    if any(not 0 <= label < categories for label in (*one, *other)):
        raise ValueError(f"labels are 0 to {categories - 1}")
    if not one and not other:
        return math.nan
    seen = confusion(one, other, weights)
    first, second = dict.fromkeys(one, 0.0), dict.fromkeys(other, 0.0)
    for (row, column), count in seen.items():
        first[row] += count  # type: ignore[index]
        second[column] += count  # type: ignore[index]
    total = sum(seen.values())
    observed = sum(count * (a - b) ** 2 for (a, b), count in seen.items()) / total  # type: ignore[operator]
    expected = sum(first[a] * second[b] * (a - b) ** 2 for a in first for b in second) / total**2
    return math.nan if expected == 0 else 1 - observed / expected


def krippendorff_alpha(items: Sequence[Mapping[str, float]]) -> float:
    """Return Krippendorff's alpha for interval data; each item maps labellers to their values.

    1 is agreement, 0 what chance gives; items with one label say nothing and are passed over. NaN where
    nothing can be compared, or all values are the same. Krippendorff (2011), "Computing Krippendorff's
    alpha-reliability", section D with the interval metric.
    """
    comparable = [list(item.values()) for item in items if len(item) > 1]
    values = [value for item in comparable for value in item]
    total = len(values)
    if total < 2:
        return math.nan
    within = sum(sum((a - b) ** 2 for a, b in permutations(item, 2)) / (len(item) - 1) for item in comparable)
    observed = within / total
    mean = sum(values) / total
    # The mean squared difference of all ordered pairs is twice the variance with n - 1.
    expected = 2 * sum((value - mean) ** 2 for value in values) / (total - 1)
    return math.nan if expected == 0 else 1 - observed / expected
