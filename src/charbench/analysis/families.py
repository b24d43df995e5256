"""What families of uneven sizes mean for prompts still to be asked, in families of the same sizes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from charbench.analysis.cluster_degrees import degrees_of_freedom
from charbench.analysis.clusters import cluster_codes, effective_clusters
from charbench.analysis.distributions import normal_chance
from charbench.analysis.unpaired import LEAST_BY_SKEWNESS

_MOST = 16
"""Of designs that are repeated more often, degrees of freedom grow as families do."""


@dataclass(frozen=True, slots=True)
class Families:
    """The sizes of families of prompts, and how alike the values of a family are (0 to 1, their correlation)."""

    sizes: tuple[float, ...]
    alike: float = 0.0

    @classmethod
    def of(cls, clusters: Sequence[Hashable], alike: float = 0.0) -> Families:
        """Return the families of prompts with these clusters."""
        sizes = np.bincount(cluster_codes(clusters)).astype(float)
        return cls(tuple(np.sort(sizes).tolist()), alike)

    @property
    def effective(self) -> float:
        """The effective number of prompts in a family: 1 where each is its own."""
        return float(sum(self.sizes)) / effective_clusters(np.array(self.sizes))

    @property
    def even(self) -> bool:
        """Whether all are of one size."""
        return min(self.sizes) == max(self.sizes)

    @property
    def effect(self) -> float:
        """By how much families multiply the variance of the mean."""
        return 1 + self.alike * (self.largest - 1)

    @property
    def largest(self) -> float:
        """By how much families multiply the variance of the mean where the values of a family are the same."""
        sizes = np.array(self.sizes)
        return float((sizes**2).sum() / sizes.sum())

    def more_alike(self, factor: float) -> Families:
        """Return families that are so alike that the mean has so many times the variance: from not to wholly alike."""
        more = self.largest - 1
        return replace(self, alike=min(1.0, max(0.0, (factor * self.effect - 1) / more))) if more > 0 else self

    def about(self) -> Families:
        """Return the same families, alike to one in twenty."""
        return Families(self.sizes, round(20 * self.alike) / 20)

    def number(self, prompts: float) -> float:
        """Return how many families so many prompts have."""
        return prompts * len(self.sizes) / sum(self.sizes)

    def degrees(self, prompts: float) -> float:
        """Return the degrees of freedom of the mean of so many prompts in families of these sizes."""
        times = prompts / sum(self.sizes)
        if min(self.sizes) == max(self.sizes):
            return times * len(self.sizes) - 1
        if times < 1:
            return times * _degrees(self.sizes, 1)
        low: int = min(_MOST, 1 << math.floor(math.log2(times)))
        if low == _MOST:
            return _degrees(self.sizes, _MOST) * times / _MOST
        at_low, at_high = _degrees(self.sizes, low), _degrees(self.sizes, 2 * low)
        return at_low + (at_high - at_low) * (times / low - 1)

    def tested(self, prompts: float) -> float:
        """Return how often so many prompts of one side are enough for a test of means, where values are not skewed.

        The skewness of clusters' sums is estimated; where few families hold most prompts, it is far from 0 by chance.
        """
        effective = prompts / self.effective
        if self.even:
            return 1.0
        return 2 * normal_chance(math.sqrt(effective / LEAST_BY_SKEWNESS) / self.skewness(prompts)) - 1

    def skewness(self, prompts: float) -> float:
        """Return the standard deviation of the estimated skewness of clusters' sums, where values are not skewed."""
        sizes = np.array(self.sizes)
        variances = sizes * (1 + (sizes - 1) * self.alike)
        spread = float(6 * sizes.size * (variances**3).sum() / variances.sum() ** 3)
        return math.sqrt(spread * sum(self.sizes) / prompts)


@lru_cache(maxsize=512)
def _degrees(sizes: tuple[float, ...], times: int) -> float:
    return degrees_of_freedom(np.repeat(np.array(sizes), times))
