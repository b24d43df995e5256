"""Tiers: checkpoints of which no two differ significantly."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from charbench.analysis.multiplicity import holm

LEVEL = 0.05
"""Two checkpoints differ significantly where their p-value, adjusted after Holm over all pairs, is below this."""


def tiers(count: int, apart: Callable[[int, int], bool]) -> list[int]:
    """Return the tier, from 1, of each of ``count`` checkpoints that are numbered from the best on.

    The rule: go from the best down; a checkpoint starts a new tier where it differs significantly from any
    checkpoint of the present one. So no two of one tier differ significantly. Two of neighbouring tiers need not
    differ significantly either: see the pair itself.
    """
    given: list[int] = []
    first = 0
    for index in range(count):
        if any(apart(other, index) for other in range(first, index)):
            first = index
        given.append(1 if not given else given[-1] + (first == index))
    return given


def tiers_of_pairs(count: int, pairs: Sequence[tuple[int, int]], p_values: Sequence[float]) -> list[int]:
    """Return the tiers from the p-values of all pairs of checkpoints, unadjusted; NaN is never significant."""
    adjusted = dict(zip((frozenset(pair) for pair in pairs), holm(p_values), strict=True))
    return tiers(count, lambda a, b: adjusted.get(frozenset((a, b)), 1.0) < LEVEL)
