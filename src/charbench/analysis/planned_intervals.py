"""How many prompts a difference needs where the p-value is that of an interval: one side was asked more often."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from charbench.analysis.clusters import clustered_mean
from charbench.analysis.differences import square_and_add
from charbench.analysis.distributions import normal_quantile, student_quantile
from charbench.analysis.paired import RatePair, Samples, exchangeable
from charbench.analysis.planned_tests import inflation
from charbench.analysis.power import MOST_PROMPTS, fewest
from charbench.analysis.rate_intervals import ClusteredRate


@dataclass(frozen=True, slots=True)
class PlannedInterval:
    """The interval of two sides that are not exchangeable, with what it is to expect of more prompts like these.

    ``prompts`` were asked; ``error`` is the standard error of their mean difference, which ``known`` degrees of freedom
    tell; ``reach(times, level)`` is how far the interval reaches from the difference towards 0 with so many times the
    prompts.
    """

    prompts: int
    error: float
    known: float
    reach: Callable[[float, float], float]

    def needed(self, difference: float, level: float, power: float) -> int | None:
        """Return how many prompts it takes for the interval to leave 0 out with this power.

        Then it does so where the difference is seen as much smaller as it is in all but ``power`` of labs (normal
        distribution). None where ten million are too few. Families keep their sizes, and rates and how they vary are
        as observed: effective numbers grow with the prompts, and the standard error, which allows for how little few
        families tell of it (:func:`charbench.analysis.planned_tests.inflation`), falls with their root.
        """
        gap, error = abs(difference), self.error * math.sqrt(inflation(self.known, level, power))
        short = normal_quantile(power) * error

        def shown(prompts: float) -> bool:
            times = prompts / self.prompts
            return gap - short / math.sqrt(times) > self.reach(times, level)

        return fewest(1, self.prompts, shown) if shown(MOST_PROMPTS) else None


def planned_rates(
    a: ArrayLike, b: ArrayLike, clusters: Sequence[Hashable], samples: tuple[Samples, Samples]
) -> PlannedInterval | None:
    """Return what the interval of :func:`~charbench.analysis.paired.paired_rates` takes.

    None where it has no part in the p-value.
    """
    if exchangeable(samples) or len(clusters) < 2:
        return None
    pair = RatePair.of(np.asarray(a, dtype=float), np.asarray(b, dtype=float), clusters, samples)
    if not pair.gap.standard_error > 0:
        return None
    better, worse = (pair.left, pair.right) if pair.gap.value >= 0 else (pair.right, pair.left)
    reach = _reach_of_rates(better, worse, pair.correlation)
    return PlannedInterval(pair.gap.count, pair.gap.standard_error, pair.gap.effective - 1, reach)


def planned_means(
    a: ArrayLike, b: ArrayLike, clusters: Sequence[Hashable], noise: float | None
) -> PlannedInterval | None:
    """Return what Student's t with the noise of both sides takes in :func:`~charbench.analysis.paired.paired_means`.

    None without ``noise``.
    """
    if noise is None:
        return None
    gap = clustered_mean(np.asarray(a, dtype=float) - np.asarray(b, dtype=float), clusters)
    if not gap.degrees > 0 or not gap.standard_error > 0:
        return None
    error = math.sqrt(max(noise, gap.standard_error**2))
    return PlannedInterval(gap.count, gap.standard_error, gap.effective - 1, _reach_of_means(error, gap.degrees))


def _reach_of_rates(better: ClusteredRate, worse: ClusteredRate, correlation: float) -> Callable[[float, float], float]:
    """Return the reach of the interval that is put together from two rates' intervals."""

    def reach(times: float, level: float) -> float:
        first, second = _more(better, times).at(1 - level), _more(worse, times).at(1 - level)
        low, _ = square_and_add(first, second, correlation)
        return better.value - worse.value - low

    return reach


def _reach_of_means(error: float, degrees: float) -> Callable[[float, float], float]:
    """Return the reach of Student's t with this standard error, whose degrees of freedom grow with the prompts."""
    return lambda times, level: student_quantile(1 - level / 2, degrees * times) * error / math.sqrt(times)


def _more(rate: ClusteredRate, times: float) -> ClusteredRate:
    return replace(rate, effective=rate.effective * times, effective_clusters=rate.effective_clusters * times)
