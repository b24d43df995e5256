"""Where nothing differs, next to nothing is found: charbench's own tests of rates, alone and in grids of 1,000.

Each design draws labs in which both sides have the same rate. A grid's p-values are drawn from a pool of 40,000
that were simulated for its design: 500 grids of 1,000 would take half a million labs each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from charbench.analysis.multiplicity import benjamini_hochberg, holm
from charbench.analysis.paired import paired_rates
from charbench.analysis.unpaired import unpaired_rates

RATES = (0.02, 0.05, 0.2, 0.5)


@dataclass(frozen=True)
class Side:
    """Families, prompts in each, answers to each prompt, and the correlation of answers within a family."""

    families: int
    prompts: int = 1
    answers: int = 1
    alike: float = 0.0

    @property
    def clusters(self) -> list[int]:
        return np.repeat(np.arange(self.families), self.prompts).tolist()

    @property
    def samples(self) -> int:
        return self.families * self.prompts * self.answers

    def expected(self, rng: np.random.Generator, rate: float) -> np.ndarray:
        if not self.alike:
            return np.full(self.families * self.prompts, rate)
        spread = (1 - self.alike) / self.alike
        return np.repeat(rng.beta(rate * spread, (1 - rate) * spread, self.families), self.prompts)

    def rates(self, rng: np.random.Generator, expected: np.ndarray) -> np.ndarray:
        return rng.binomial(self.answers, expected) / self.answers


UNPAIRED = {
    "one answer": (Side(20), Side(60)),
    "two answers, 30 prompts and 300": (Side(30, 1, 2), Side(300, 1, 2)),
    "two answers, 30 prompts and 100": (Side(30, 1, 2), Side(100, 1, 2)),
    "five answers, prompts that differ": (Side(30, 1, 5, 0.3), Side(60, 1, 5, 0.3)),
    "one answer and five": (Side(30), Side(300, 1, 5, 0.3)),
    "few noisy prompts and many steady ones": (Side(30, 1, 10, 0.8), Side(300, 1, 10)),
    "few prompts": (Side(6, 1, 5, 0.3), Side(15, 1, 3, 0.3)),
    "families": (Side(12, 3, 2, 0.2), Side(40, 2, 1, 0.3)),
}
PAIRED = {
    "one answer": Side(40, 1, 1, 0.3),
    "two answers, 100 prompts": Side(100, 1, 2, 0.5),
    "families": Side(12, 3, 2, 0.3),
    "few prompts": Side(8, 1, 5, 0.3),
}
DESIGNS = [*(("unpaired", name) for name in UNPAIRED), *(("paired", name) for name in PAIRED)]


def pool(kind: str, name: str, count: int) -> np.ndarray:
    """Return so many p-values of labs in which nothing differs, in equal parts for each rate."""
    rng = np.random.default_rng([17, count])
    draw: Callable[[float], float]
    if kind == "unpaired":
        a, b = UNPAIRED[name]

        def draw(rate: float) -> float:
            first, second = (side.rates(rng, side.expected(rng, rate)) for side in (a, b))
            return unpaired_rates(first, a.clusters, second, b.clusters, (a.samples, b.samples)).p

    else:
        side = PAIRED[name]

        def draw(rate: float) -> float:
            expected = side.expected(rng, rate)
            first, second = (side.rates(rng, expected) for _ in "ab")
            return paired_rates(first, second, side.clusters, (side.samples, side.samples)).p

    return np.array([draw(rate) for rate in RATES for _ in range(count // len(RATES))])


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), DESIGNS)
def test_where_nothing_differs_one_lab_in_twenty_is_told_apart_at_most(kind: str, name: str) -> None:
    p_values = pool(kind, name, 2_000)
    for level in (0.05, 0.01, 0.001):
        assert np.mean(p_values < level) <= level + 2 * math.sqrt(level * (1 - level) / p_values.size)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), DESIGNS)
def test_of_500_null_grids_of_1000_comparisons_hardly_any_holds_a_discovery(kind: str, name: str) -> None:
    p_values = pool(kind, name, 40_000)
    rng = np.random.default_rng(7)
    grids = [rng.choice(p_values, 1000).tolist() for _ in range(500)]
    for adjust in (holm, benjamini_hochberg):
        held = sum(min(adjust(grid)) < 0.05 for grid in grids)
        assert held / 500 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 500)
