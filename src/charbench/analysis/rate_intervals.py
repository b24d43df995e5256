"""The interval of a rate whose samples are not independent: several answers to one prompt, prompts of one family.

One function for every rate that charbench shows: :func:`clustered_rate`, and :func:`rate_of_counts` for counts.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charbench.analysis.clusters import ENOUGH_CLUSTERS, cluster_codes, effective_clusters
from charbench.analysis.distributions import normal_quantile, student_quantile
from charbench.analysis.wilson import Rate

ENOUGH_SAMPLES = 20
"""With fewer independent samples a rate has low precision: its interval is wide."""


@dataclass(frozen=True, slots=True)
class ClusteredRate:
    """A rate (0 to 1) with its interval; NaN where nothing was counted.

    ``prompts`` rates of ``samples`` samples in ``clusters`` clusters, which weigh as much as ``effective_clusters``
    clusters of one size and tell as much as ``effective`` independent samples would. ``standard_error`` is NaN with
    fewer than two clusters.
    """

    value: float
    low: float
    high: float
    standard_error: float
    samples: int
    prompts: int
    clusters: int
    effective_clusters: float
    effective: float

    @property
    def independent(self) -> bool:
        """Whether every sample is a cluster of its own."""
        return self.samples == self.clusters

    @property
    def low_precision(self) -> bool:
        """Whether there is too little for a precise figure."""
        return self.effective_clusters < (ENOUGH_SAMPLES if self.independent else ENOUGH_CLUSTERS)

    def at(self, confidence: float) -> ClusteredRate:
        """Return the same rate with the interval of another confidence."""
        low, high = _limits(self.value, self.effective, self.effective_clusters, confidence, self.independent)
        return replace(self, low=low, high=high)


def clustered_rate(
    rates: ArrayLike,
    clusters: Sequence[Hashable],
    samples: int | None = None,
    confidence: float = 0.95,
    *,
    weights: ArrayLike | None = None,
) -> ClusteredRate:
    """Return the mean of the prompts' rates with an interval for other prompts of other families.

    ``rates`` holds the rate (0 to 1) of each prompt, ``clusters`` the prompts' families, ``weights`` what each
    prompt weighs (all the same by default; its number of samples for the rate of samples), ``samples`` how many
    samples there are over all prompts (as many as prompts by default). With one sample in each cluster the
    interval is Wilson's own; else Wilson's with :func:`effective_samples` in place of the number of samples and, in
    place of z, t with one degree of freedom more than there are effective clusters, which simulations have chosen: with
    z it covers 87% where rates are extreme and answers to a prompt alike, with fewer degrees it is only wider.

    Source: Korn and Graubard (1998), "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", Survey Methodology 24; with Wilson's interval as Franco,
    Little, Louis and Slud (2019), "Comparative study of confidence intervals for proportions in complex
    sample surveys", JSSAM 7. What it covers is simulated in ``benchmarks/rate_intervals.py``.
    """
    array = np.asarray(rates, dtype=float)
    if array.size and not (array.min() >= 0 and array.max() <= 1):
        raise ValueError("a rate is not between 0 and 1")
    if array.size != len(clusters):
        raise ValueError(f"{array.size} rates, but {len(clusters)} clusters")
    if not array.size:
        return ClusteredRate(math.nan, math.nan, math.nan, math.nan, 0, 0, 0, 0.0, 0.0)
    total = array.size if samples is None else samples
    weight = np.ones(array.size) if weights is None else np.asarray(weights, dtype=float)
    weight = weight * (total / weight.sum())
    codes = cluster_codes(clusters)
    sizes: NDArray[np.float64] = np.bincount(codes, weights=weight).astype(float)
    hits: NDArray[np.float64] = np.bincount(codes, weights=weight * array).astype(float)
    share = min(1.0, max(0.0, float(hits.sum() / sizes.sum())))
    alike = effective_clusters(sizes)
    error = math.sqrt(_variance(hits, sizes)) if sizes.size > 1 else math.nan
    independent = sizes.size == total
    effective = float(total) if independent else effective_samples(hits, sizes)
    low, high = _limits(share, effective, alike, confidence, independent)
    return ClusteredRate(share, low, high, error, total, array.size, sizes.size, alike, effective)


def rate_of_counts(hits: ArrayLike, totals: ArrayLike, clusters: Sequence[Hashable], confidence: float = 0.95) -> Rate:
    """Return the share of samples that are hits, with :func:`clustered_rate`'s interval.

    ``hits`` of ``totals`` samples of each prompt; prompts without a sample are left out. NaN where there is none.
    """
    counted, asked = np.asarray(hits, dtype=float), np.asarray(totals, dtype=float)
    if not counted.shape == asked.shape == (len(clusters),):
        raise ValueError(f"{counted.size} counts of {asked.size}, but {len(clusters)} clusters")
    known = asked > 0
    if not known.any():
        return Rate(0, 0, math.nan, math.nan)
    labels = [label for label, keep in zip(clusters, known.tolist(), strict=True) if keep]
    counted, asked = counted[known], asked[known]
    total = round(float(asked.sum()))
    found = clustered_rate(counted / asked, labels, total, confidence, weights=asked)
    return Rate(round(float(counted.sum())), total, found.low, found.high)


def effective_samples(hits: NDArray[np.float64], sizes: NDArray[np.float64], added: float = 0.5) -> float:
    """Return how many independent samples tell about as much as these clusters of samples, 1 to their number.

    p(1 − p)/SE² with ``added`` clusters of hits and as many of misses, each of the effective size Σn²/Σn, and then
    taken off again in proportion: so clusters that never vary are worth their number, and not without end. SE is
    bias-reduced for large clusters as in :func:`charbench.analysis.clusters.clustered_variance`. It is the number
    of samples where each is a cluster of its own; more ``added`` ones make it more cautious. Sources: Kish (1965),
    "Survey sampling", section 8.1, for p(1 − p)/SE²; what is added after Agresti and Caffo (2000), Am Stat 54:280.
    """
    return float(effective_samples_of_each(hits, sizes, added))


def effective_samples_of_each(hits: NDArray[Any], sizes: NDArray[Any], added: float) -> NDArray[Any]:
    """Return :func:`effective_samples` of each row: clusters are the last axis, those of size 0 are none."""
    total = sizes.sum(axis=-1, keepdims=True)
    size = (sizes**2).sum(axis=-1, keepdims=True) / total
    alike, more = total / size, added * size
    every = total + 2 * more
    share = (hits.sum(axis=-1, keepdims=True) + more) / every
    pull = (1 - sizes / every) / (1 - size / every)
    squares = ((hits - share * sizes) ** 2 / pull).sum(axis=-1, keepdims=True)
    squares = squares + more * size * ((1 - share) ** 2 + share**2)
    worth = share * (1 - share) * every**2 / squares
    found: NDArray[Any] = np.minimum(total, np.maximum(1.0, worth * alike / (alike + 2 * added)))[..., 0]
    return found


def _variance(hits: NDArray[np.float64], sizes: NDArray[np.float64]) -> float:
    total = float(sizes.sum())
    deviations = hits - hits.sum() / total * sizes
    return float((deviations**2 / (1 - sizes / total)).sum()) / total**2


def _limits(share: float, effective: float, alike: float, confidence: float, independent: bool) -> tuple[float, float]:
    upper = (1 + confidence) / 2
    return _wilson(share, effective, normal_quantile(upper) if independent else student_quantile(upper, alike + 1))


def _wilson(share: float, count: float, reach: float) -> tuple[float, float]:
    """Return Wilson's limits for a count that need not be whole."""
    square = reach * reach
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = reach / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return low, high
