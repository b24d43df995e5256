"""Simulated labs: the sizes of their families of prompts, and each family's part of the noise; equal at each call."""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

LABS = 600
"""Simulated labs: the error of a power of 80% is 1.6 points."""
_SEED = 20261129
Floats = NDArray[np.float64]


def layout(sizes: tuple[float, ...], prompts: int) -> NDArray[np.int64]:
    """Return the sizes of each lab's families (labs x families, 0 for none): as these, for so many prompts."""
    return _repeated(_design(sizes), prompts)


def noise(families: int, side: int) -> Floats:
    """Return the labs' standard normal noise (labs x families); each lab has its opposite. Each side has its own."""
    return _noise_of(max(64, 1 << (families - 1).bit_length()), side)[:, :families]


def normal_sums(sizes: NDArray[Any], gap: float, variance: float, alike: float, side: int) -> Floats:
    """Return the families' normal sums (0 for none), of prompts with this mean, variance and correlation."""
    numbers = np.arange(int(sizes.max()) + 1)
    spread = np.sqrt(variance * numbers * (1 + np.maximum(numbers - 1, 0) * alike))
    sums: Floats = spread[sizes] * noise(sizes.shape[1], side)
    sums += (numbers * gap)[sizes]
    return sums


@lru_cache(maxsize=8)
def _noise_of(families: int, side: int) -> Floats:
    half = np.random.default_rng([_SEED, side]).standard_normal((families, LABS // 2)).T
    return np.concatenate([half, -half])


@lru_cache(maxsize=256)
def _design(sizes: tuple[float, ...]) -> tuple[int, ...]:
    """Return the smallest design that these sizes repeat."""
    counts = Counter(int(size) for size in sizes)
    shared = math.gcd(*counts.values())
    return tuple(size for size in sorted(counts, reverse=True) for _ in range(counts[size] // shared))


@lru_cache(maxsize=64)
def _repeated(design: tuple[int, ...], prompts: int) -> NDArray[np.int64]:
    """Return the sizes of each lab's families: whole designs, and for the rest families of it in a random order."""
    whole, rest = divmod(prompts, sum(design))
    sizes = np.tile(np.array(design * whole, dtype=np.int64), (LABS, 1))
    if not rest:
        return sizes
    order = np.array(design, dtype=np.int64)[_orders(len(design))]
    reached = np.cumsum(order, axis=1)
    cut: NDArray[np.int64] = np.clip(rest - (reached - order), 0, order)
    most = int((cut > 0).sum(axis=1).max())
    return np.concatenate([sizes, cut[:, :most]], axis=1)


@lru_cache(maxsize=16)
def _orders(families: int) -> NDArray[np.int64]:
    keys = np.random.default_rng([_SEED, families]).random((LABS, families))
    return np.argsort(keys, axis=1)
