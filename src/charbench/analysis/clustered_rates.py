"""Rates of samples that are not independent: several answers to one prompt, prompts of one family."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from charbench.analysis.clusters import ENOUGH_CLUSTERS, cluster_codes, clustered_variance
from charbench.analysis.distributions import normal_quantile, student_quantile

ENOUGH_SAMPLES = 20
"""From so many independent samples on, Wilson's interval covers what it promises; below, its precision is low."""


@dataclass(frozen=True, slots=True)
class ClusteredRate:
    """A rate (0 to 1) with its interval; NaN where nothing was counted.

    ``prompts`` rates of ``samples`` samples in ``clusters`` clusters tell as much as ``effective`` independent
    samples would. ``standard_error`` is NaN with fewer than two clusters.
    """

    value: float
    low: float
    high: float
    standard_error: float
    samples: int
    prompts: int
    clusters: int
    effective: float

    @property
    def independent(self) -> bool:
        """Whether every sample is a cluster of its own."""
        return self.samples == self.clusters

    @property
    def rough(self) -> bool:
        """Whether there is too little to rely on the interval."""
        return self.clusters < (ENOUGH_SAMPLES if self.independent else ENOUGH_CLUSTERS)


def clustered_rate(
    rates: ArrayLike, clusters: Sequence[Hashable], samples: int | None = None, confidence: float = 0.95
) -> ClusteredRate:
    """Return the mean of the prompts' rates, every prompt weighing the same, with an interval.

    ``rates`` holds the rate (0 to 1) of each prompt, ``clusters`` the prompts' families, ``samples`` how many
    samples there are over all prompts (as many as prompts by default). The interval is Wilson's with the
    effective number of samples p(1 − p)/SE² in place of the number (never more than that) and t with one
    degree of freedom less than clusters in place of z; SE is clustered. With one sample in each cluster it is
    Wilson's own. Where nothing varies between clusters (all rates 0, or all 1) it is Wilson's too, with the number
    of clusters: that they tell more cannot be shown.

    Source: Korn and Graubard (1998), "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", Survey Methodology 24; with Wilson's interval as Franco,
    Little, Louis and Slud (2019), "Comparative study of confidence intervals for proportions in complex
    sample surveys", JSSAM 7.
    """
    array = np.asarray(rates, dtype=float)
    if array.size and not (array.min() >= 0 and array.max() <= 1):
        raise ValueError("a rate is not between 0 and 1")
    if array.size != len(clusters):
        raise ValueError(f"{array.size} rates, but {len(clusters)} clusters")
    if not array.size:
        return ClusteredRate(math.nan, math.nan, math.nan, math.nan, 0, 0, 0, 0.0)
    total = array.size if samples is None else samples
    codes = cluster_codes(clusters)
    count = int(codes.max()) + 1
    mean = float(array.mean())
    variance = clustered_variance(array, codes) if count > 1 else math.nan
    effective, reach = float(count), normal_quantile((1 + confidence) / 2)
    if count < total and not variance <= 0:
        effective = min(float(total), mean * (1 - mean) / variance)
        reach = student_quantile((1 + confidence) / 2, count - 1)
    low, high = _wilson(mean, effective, reach)
    return ClusteredRate(mean, low, high, math.sqrt(variance), total, array.size, count, effective)


def _wilson(share: float, count: float, reach: float) -> tuple[float, float]:
    """Return Wilson's limits for a count that need not be whole; NaN without a reach."""
    if math.isnan(reach):
        return math.nan, math.nan
    square = reach * reach
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = reach / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return low, high
