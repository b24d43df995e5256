"""Sums of families of prompts that were asked once of both sides, in simulated labs: each prompt gives -1, 0 or 1.

Where a rate is near 0 or 1, nearly all prompts that tell the sides apart speak for one of them. Normal sums do not know
that: they have as many on both sides of the mean. So a prompt's difference is a normal value cut at two limits, which
give it the mean and the variance that are wanted, and prompts of a family share so much of it that their differences
are as alike as wanted.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.distributions import normal_quantile
from charbench.analysis.special_functions import special

MOST_ANSWERS = 2048
"""Of more prompts a lab the sums are as good as normal."""
_SEED = 20261130
Floats = NDArray[np.float64]


def sums_of_answers(sizes: NDArray[Any], gap: float, variance: float, alike: float, noise: Floats) -> Floats:
    """Return the sums of families of these sizes (labs x families), whose part of the noise is given.

    ``gap`` is a prompt's mean difference (0 to 1) and ``variance`` its variance, ``alike`` the correlation of two of a
    family.
    """
    differing = min(1.0, max(variance + gap**2, gap))
    limits = tuple(normal_quantile(min(1 - 1e-9, max(1e-9, share))) for share in
                   ((differing - gap) / 2, 1 - (differing + gap) / 2))  # fmt: skip
    shared = _shared(limits, alike * variance)
    families, starts = _places(sizes.tobytes(), sizes.shape)
    labs, prompts = families.shape
    values = math.sqrt(1 - shared) * _own(prompts, labs)
    values += np.take_along_axis((math.sqrt(shared) * noise).astype(np.float32), families, axis=1)
    answers = (values > limits[1]).astype(np.int8) - (values < limits[0]).astype(np.int8)
    sums = np.add.reduceat(answers.ravel(), starts, dtype=np.int32)
    found = np.zeros(sizes.shape)
    found[sizes > 0] = sums
    return found


def _shared(limits: tuple[float, ...], wanted: float) -> float:
    """Return which share of the variance of the normal values a family has in common: their covariance is as wanted."""
    if not wanted > 0:
        return 0.0
    points, weights = _nodes()
    shares = np.linspace(0.0, 0.98, 50)
    own, common = np.sqrt(1 - shares)[:, None], np.sqrt(shares)[:, None] * points
    means = special().ndtr((common - limits[1]) / own) - special().ndtr((limits[0] - common) / own)
    spread = (means**2) @ weights - (means @ weights) ** 2
    return float(np.interp(wanted, spread, shares))


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


def _own(prompts: int, labs: int) -> NDArray[np.float32]:
    return _own_of(max(256, 1 << (prompts - 1).bit_length()), labs)[:, :prompts]


@lru_cache(maxsize=4)
def _own_of(prompts: int, labs: int) -> NDArray[np.float32]:
    noise = np.random.default_rng(_SEED).standard_normal((prompts, labs), dtype=np.float32)
    return np.ascontiguousarray(noise.T)
