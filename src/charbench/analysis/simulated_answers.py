"""Sums of families of prompts whose values have few steps, in simulated labs.

A prompt that was asked once of both sides gives -1, 0 or 1; one that was asked K times of one side has 0 to K hits.
Where a rate is near 0 or 1, nearly all prompts that tell the sides apart speak for one of them, and normal sums do not
know that. So a prompt's value is the number of limits that a normal variable passes, limits that give it the mean and
the variance that are wanted, and prompts of a family share so much of that variable that their values are as alike as
wanted.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.distributions import normal_quantile
from charbench.analysis.simulated_labs import Floats, noise
from charbench.analysis.special_functions import special

MOST_ANSWERS = 2048
"""Of more prompts a lab the sums are as good as normal."""
_SEED = 20261130
_CERTAIN = 1e-9
_FINENESS, _FARTHEST = 256, 6.0
_FEW_LIMITS = 4
_MOST_LEVELS = 40
Limits = tuple[float, ...]


def limits_of_gap(gap: float, variance: float) -> Limits:
    """Return the limits of differences -1, 0 and 1 (as 0, 1 and 2) with this mean (0 to 1) and variance."""
    differing = min(1.0, max(variance + gap**2, gap))
    return _limits(np.array([(differing - gap) / 2, 1 - (differing + gap) / 2]))


def levels_of(answers: float, steady: float) -> tuple[int, float]:
    """Return a whole number of answers, and by what these correlate, so that a prompt's rate varies as much.

    Of more than 40 answers a prompt its rate is as good as one of so many, with the same variance.
    """
    levels = min(_MOST_LEVELS, max(1, round(answers)))
    variance = 1 / answers + (1 - 1 / answers) * steady
    return levels, min(1.0, max(0.0, (variance - 1 / levels) / (1 - 1 / levels))) if levels > 1 else 0.0


@lru_cache(maxsize=256)
def limits_of_rate(rate: float, answers: int, steady: float) -> Limits:
    """Return the limits of 0 to ``answers`` hits of a prompt, whose answers correlate by ``steady`` (beta-binomial)."""
    rate = min(1 - 1e-6, max(1e-6, rate))
    if answers == 1 or steady < 1e-4:
        return _limits(special().bdtr(np.arange(answers), answers, rate))
    counts, more = np.arange(answers + 1), 1 / min(steady, 1 - 1e-4) - 1
    gammaln = special().gammaln
    ways = gammaln(answers + 1) - gammaln(counts + 1) - gammaln(answers - counts + 1)
    a, b = rate * more, (1 - rate) * more
    scale = gammaln(more) - gammaln(a) - gammaln(b) - gammaln(answers + more)  # its terms alone are too large for exp
    chances = np.exp(ways + gammaln(counts + a) + gammaln(answers - counts + b) + scale)
    return _limits(np.cumsum(chances)[:-1])


def sums_of_passed(sizes: NDArray[Any], limits: Limits, alike: float, side: int) -> Floats:
    """Return the sums of families of these sizes (labs x families): of each prompt the number of limits it passes.

    ``alike`` is the correlation of two prompts of a family. Sides have noise of their own.
    """
    shared = _shared(limits, alike)
    families, starts = _places(sizes.tobytes(), sizes.shape)
    labs, prompts = families.shape
    own = _own(prompts, labs, side)
    common = (math.sqrt(shared) * noise(sizes.shape[1], side)).astype(np.float32)
    values = math.sqrt(1 - shared) * own
    values += np.take_along_axis(common, families, axis=1)
    sums = np.add.reduceat(_passed(values, limits).ravel(), starts, dtype=np.int32)
    found = np.zeros(sizes.shape)
    found[sizes > 0] = sums
    return found


def sums_of_two_sides(
    sizes: NDArray[Any], limits: tuple[Limits, Limits], family: tuple[float, float, float], same: float
) -> tuple[Floats, Floats]:
    """Return the sums of two sides that answer the same prompts, each as :func:`sums_of_passed`.

    ``family`` holds covariances for two prompts of a family: of the first side's values, of the second's, and of the
    one's with the other's; ``same`` is the covariance of both sides' values for one prompt.
    """
    first, second = limits
    shares = _correlation(first, first, family[0]), _correlation(second, second, family[1])
    across = min(_correlation(first, second, family[2]), math.sqrt(shares[0] * shares[1]))
    left = math.sqrt((1 - shares[0]) * (1 - shares[1]))
    beside = min(left, max(0.0, _correlation(first, second, same) - across))
    families, starts = _places(sizes.tobytes(), sizes.shape)
    labs, prompts = families.shape
    common = _mixed(noise(sizes.shape[1], 1), noise(sizes.shape[1], 2), shares, across)
    own = _mixed(_own(prompts, labs, 1), _own(prompts, labs, 2), (1 - shares[0], 1 - shares[1]), beside)
    found = []
    for of_family, values, of_side in zip(common, own, limits, strict=True):
        values += np.take_along_axis(of_family.astype(np.float32), families, axis=1)
        sums = np.zeros(sizes.shape)
        sums[sizes > 0] = np.add.reduceat(_passed(values, of_side).ravel(), starts, dtype=np.int32)
        found.append(sums)
    return found[0], found[1]


def _mixed(
    one: NDArray[Any], other: NDArray[Any], variances: tuple[float, float], covariance: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two variables with these variances and this covariance, of two independent ones with variance 1."""
    part = covariance / math.sqrt(variances[0]) if variances[0] > 0 else 0.0
    rest = math.sqrt(max(0.0, variances[1] - part**2))
    return math.sqrt(variances[0]) * one, part * one + rest * other


def _limits(below: NDArray[Any]) -> Limits:
    return tuple(normal_quantile(min(1 - _CERTAIN, max(_CERTAIN, float(share)))) for share in below)


def _passed(values: NDArray[np.float32], limits: Limits) -> NDArray[np.uint8]:
    if len(limits) > _FEW_LIMITS:  # by a table of narrow intervals
        points = np.linspace(-_FARTHEST, _FARTHEST, round(2 * _FARTHEST * _FINENESS) + 1)
        table = np.searchsorted(np.array(limits), points).astype(np.uint8)
        places = ((np.clip(values, -_FARTHEST, _FARTHEST) + _FARTHEST) * _FINENESS + 0.5).astype(np.intp)
        passed: NDArray[np.uint8] = table[places]
        return passed
    passed = (values > limits[0]).view(np.uint8)
    for limit in limits[1:]:
        passed += (values > limit).view(np.uint8)
    return passed


def _shared(limits: Limits, alike: float) -> float:
    """Return which share of the variance of the normal variables a family has in common."""
    return _correlation(limits, limits, alike * variance_of_passed(limits)) if alike > 0 else 0.0


@lru_cache(maxsize=1024)
def _correlation(first: Limits, second: Limits, covariance: float) -> float:
    """Return the correlation (0 to 0.98) of normal variables whose numbers of limits passed have this covariance."""
    if not covariance > 0:
        return 0.0
    points, weights = _nodes()
    shares = np.linspace(0.0, 0.98, 50)
    own, common = np.sqrt(1 - shares)[:, None], np.sqrt(shares)[:, None] * points
    one, other = (sum(special().ndtr((common - limit) / own) for limit in limits) for limits in (first, second))
    return float(np.interp(covariance, (one * other) @ weights - (one @ weights) * (other @ weights), shares))


def variance_of_passed(limits: Limits) -> float:
    """Return the variance of the number of limits passed: P(passes i and j) is that of the higher limit."""
    above = special().ndtr(-np.array(limits))
    odds = 2 * np.arange(1, len(limits) + 1) - 1
    return float(odds @ above - above.sum() ** 2)


@lru_cache(maxsize=1)
def _nodes() -> tuple[Floats, Floats]:
    points, weights = np.polynomial.hermite_e.hermegauss(61)
    return points, weights / weights.sum()


@lru_cache(maxsize=16)
def _places(sizes: bytes, shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the family of each prompt (labs x prompts), and where families begin when all prompts stand in a row."""
    counts = np.frombuffer(sizes, dtype=np.int64).reshape(shape)
    families = np.repeat(np.tile(np.arange(shape[1]), shape[0]), counts.ravel()).reshape(shape[0], -1)
    filled = counts[counts > 0]
    return families, np.cumsum(filled) - filled


def _own(prompts: int, labs: int, side: int) -> NDArray[np.float32]:
    return _own_of(max(256, 1 << (prompts - 1).bit_length()), labs, side)[:, :prompts]


@lru_cache(maxsize=8)
def _own_of(prompts: int, labs: int, side: int) -> NDArray[np.float32]:
    own = np.random.default_rng([_SEED, side] if side else _SEED).standard_normal((prompts, labs), dtype=np.float32)
    return np.ascontiguousarray(own.T)
