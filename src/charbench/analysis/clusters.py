"""Means whose values come in clusters: prompts of one family are alike, and tell less than as many different ones."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charbench.analysis.cluster_degrees import degrees_of_freedom
from charbench.analysis.distributions import student_quantile

ENOUGH_CLUSTERS = 30
"""With fewer clusters (effective ones, :func:`effective_clusters`) a figure has low precision: its interval is wide."""
ENOUGH_NEAR_AN_END = 60
"""With fewer, the interval of a mean near an end of its scale may be too short: values there are skewed."""
NEAR_AN_END = 0.2
"""The outer part of a scale, at either end, where means are near it."""
_REACHED = 2
"""A scale with one end only is that near where this many standard deviations reach it."""
NO_FAMILY = "general"
"""The family of prompts that nobody gave one: each of them is a cluster of its own."""
_NOTHING = 1e-18


@dataclass(frozen=True, slots=True)
class ClusteredMean:
    """A mean with its standard error and the ends of its interval, in the values' own unit.

    ``count`` values in ``clusters`` clusters, which tell as much as ``effective`` clusters of one size
    (:func:`effective_clusters`); ``degrees`` are those of :func:`degrees_of_freedom`. The standard error and the
    interval are NaN where there are fewer than two clusters, the interval also where nothing varies: a standard
    error of 0 promises nothing. The mean is NaN where there is no value.
    """

    value: float
    standard_error: float
    low: float
    high: float
    count: int
    clusters: int
    effective: float
    degrees: float
    near_end: bool = False
    """Whether it is near an end of its scale and rests on few clusters: the interval may be too short."""

    def within(self, least: float | None, greatest: float | None) -> ClusteredMean:
        """Return it with an interval that ends where values do; None: they have no end there."""
        low = self.low if least is None else max(self.low, least)
        high = self.high if greatest is None else min(self.high, greatest)
        few = self.effective < ENOUGH_NEAR_AN_END and math.isfinite(self.low)
        return replace(self, low=low, high=high, near_end=few and self._is_near(least, greatest))

    def _is_near(self, least: float | None, greatest: float | None) -> bool:
        """Whether it lies in the outer fifth of the scale, or where that has one end: within 2 deviations of it."""
        gap = min(
            math.inf if least is None else self.value - least, math.inf if greatest is None else greatest - self.value
        )
        if least is not None and greatest is not None:
            return gap < NEAR_AN_END * (greatest - least)
        return gap < _REACHED * self.standard_error * math.sqrt(self.effective)

    @property
    def low_precision(self) -> bool:
        """Whether there are too few clusters, or too uneven ones, for a precise figure."""
        return self.effective < ENOUGH_CLUSTERS


def clustered_mean(
    values: ArrayLike,
    clusters: Sequence[Hashable],
    confidence: float = 0.95,
    *,
    weights: ArrayLike | None = None,
) -> ClusteredMean:
    """Return the mean of ``values``, each of the cluster that stands at its place in ``clusters``.

    ``weights`` (above 0, all the same by default) are what each weighs: for the mean of answers, how many of them a
    prompt's mean is of. Only their proportions matter; a cluster's size is then the sum of its weights.

    The standard error is bias-reduced (CR2, :func:`clustered_variance`), the interval Student's t with the
    degrees of freedom of :func:`charbench.analysis.cluster_degrees.degrees_of_freedom`: clusters less one where all
    are of one size, fewer where few clusters hold most values. With a cluster for each value this is the plain mean
    with its plain standard error. Raises ValueError for lists of different lengths and for a confidence that is not
    between 0 and 1.

    Sources: Bell and McCaffrey (2002), "Bias reduction in standard errors for linear regression with multi-stage
    samples", Survey Methodology 28:169; Pustejovsky and Tipton (2018), J Bus Econ Stat 36:672.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    array = np.asarray(values, dtype=float)
    codes = cluster_codes(clusters)
    if array.shape != codes.shape:
        raise ValueError(f"{array.size} values, but {codes.size} clusters")
    if not array.size:
        return ClusteredMean(math.nan, math.nan, math.nan, math.nan, 0, 0, 0.0, 0.0)
    weight = np.ones(array.size) if weights is None else np.asarray(weights, dtype=float)
    weight = weight / weight.min()
    sizes: NDArray[np.float64] = np.bincount(codes, weights=weight).astype(float)
    mean = float(weight @ array / weight.sum())
    error = math.sqrt(clustered_variance(array, codes, weight)) if sizes.size > 1 else math.nan
    effective = effective_clusters(sizes)
    degrees = degrees_of_freedom(sizes) if weight.max() == 1 else _degrees(sizes, effective)
    half = student_quantile((1 + confidence) / 2, degrees) * error if error > 0 else math.nan
    return ClusteredMean(mean, error, mean - half, mean + half, array.size, sizes.size, effective, degrees)


def _degrees(sizes: NDArray[np.float64], effective: float) -> float:
    """Return the degrees of freedom for clusters of any sizes, of which there are too many to work each of them out.

    Sizes count to a factor of 1.2, so that they repeat; with enough clusters it is the effective ones less one.
    """
    if effective >= ENOUGH_CLUSTERS:
        return effective - 1
    return min(effective - 1, degrees_of_freedom(2 ** (np.round(2 * np.log2(sizes)) / 2)))


def clustered_variance(
    values: NDArray[np.float64], codes: NDArray[np.intp], weights: NDArray[np.float64] | None = None
) -> float:
    """Return the squared standard error of the mean of values in two or more clusters (CR2).

    SE² = n⁻² Σ_c R_c² / (1 − n_c/n), R_c the sum of a cluster's deviations from the mean: what a large cluster
    takes off its own deviation by pulling the mean is given back. With weights they are multiplied with deviations,
    and n is their sum. Where all clusters have the same mean by chance it is that of independent values, s²/n: a
    standard error of 0 would promise that other clusters have it too.
    Source: as :func:`clustered_mean`.
    """
    weight = np.ones(values.size) if weights is None else weights * (values.size / weights.sum())
    count = values.size
    deviations = weight * (values - weight @ values / count)
    shares = np.bincount(codes, weights=weight) / count
    sums = np.bincount(codes, weights=deviations)
    squares = float(deviations @ deviations)
    found = float((sums**2 / (1 - shares)).sum()) / count**2
    return found if found > _NOTHING * squares else squares / (count * (count - 1))


def effective_clusters(sizes: NDArray[np.float64]) -> float:
    """Return (Σn)²/Σn²: how many clusters of one size weigh as much. Source: Kish (1965), "Survey sampling"."""
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if sizes.size else 0.0


def cluster_codes(clusters: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return the clusters as numbers from 0, in the order in which they are met; the array is not to be written to."""
    return _codes(tuple(clusters))


@lru_cache(maxsize=64)
def _codes(clusters: tuple[Hashable, ...]) -> NDArray[np.intp]:
    """Most rows of a report were asked the same prompts: their clusters are numbered once."""
    numbers: dict[Hashable, int] = {}
    codes = np.fromiter((numbers.setdefault(name, len(numbers)) for name in clusters), np.intp, len(clusters))
    codes.setflags(write=False)
    return codes


def prompt_clusters(prompts: Sequence[str], families: Sequence[str]) -> list[Hashable]:
    """Return the cluster of each prompt: its family, or itself where it has none.

    Where all prompts are of one family the prompts themselves are the clusters: what is found then holds for
    prompts of that family.
    """
    labels: list[Hashable] = [
        prompt if family == NO_FAMILY else (family,) for prompt, family in zip(prompts, families, strict=True)
    ]
    return labels if len(set(labels)) > 1 else list(prompts)


def cluster_sums(values: NDArray[np.float64], clusters: Sequence[Hashable]) -> NDArray[np.float64]:
    """Return the sum of the values of each cluster."""
    if not len(clusters):
        return np.zeros(0)
    sums: NDArray[np.float64] = np.bincount(cluster_codes(clusters), weights=values).astype(float)
    return sums
