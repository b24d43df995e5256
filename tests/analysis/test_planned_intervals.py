"""How many prompts a difference takes where one side was asked more often, so that the p-value is an interval's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from charbench.analysis.clusters import clustered_mean
from charbench.analysis.paired import paired_means, paired_rates
from charbench.analysis.planned_intervals import planned_means, planned_rates
from charbench.analysis.tiers import LEVEL

FAMILIES = [14, 7, 3, 2, *[1] * 10]
OFTEN, SELDOM = 16, 3


def clusters_of(sizes: list[int]) -> list[int]:
    return [number for number, size in enumerate(sizes) for _ in range(size)]


def answers(rng: np.random.Generator, sizes: list[int], rates: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return both sides' rates of prompts in families of these sizes."""
    count = sum(sizes)
    alike = rng.normal(0, 0.25, len(sizes))[clusters_of(sizes)] + rng.normal(0, 0.5, count)
    chances = [1 / (1 + np.exp(-(math.log(rate / (1 - rate)) + alike))) for rate in rates]
    return rng.binomial(OFTEN, chances[0]) / OFTEN, rng.binomial(SELDOM, chances[1]) / SELDOM


def of_prompts(rng: np.random.Generator, count: int) -> list[int]:
    """Return the sizes of families of so many prompts."""
    sizes: list[int] = []
    while sum(sizes) < count:
        sizes += [int(size) for size in rng.permutation(FAMILIES)]
    while (over := sum(sizes) - count) > 0:
        last = sizes.pop()
        sizes += [last - over] if last > over else []
    return sizes


def test_sides_that_were_asked_as_often_need_nothing_of_the_interval() -> None:
    rates, clusters = [0.5, 1, 0, 0.5], range(4)
    assert planned_rates(rates, [0, 0.5, 0, 0], clusters, ([4] * 4, [4] * 4)) is None
    assert planned_means(rates, [0, 0.5, 0, 0], clusters, None) is None


def test_the_rates_that_were_seen_are_significant_with_so_many_prompts_and_not_with_those_that_are_too_few() -> None:
    first, second = answers(np.random.default_rng(2), FAMILIES, (0.45, 0.1))
    counts = [OFTEN] * first.size, [SELDOM] * first.size
    seen = paired_rates(first, second, clusters_of(FAMILIES), counts)
    assert seen.p > LEVEL
    planned = planned_rates(first, second, clusters_of(FAMILIES), counts)
    assert planned is not None
    needed = planned.needed(seen.value, LEVEL, 0.8)
    assert needed is not None
    assert needed > first.size
    times = math.ceil(needed / first.size)
    more = paired_rates(
        np.tile(first, times), np.tile(second, times), clusters_of(FAMILIES * times), tuple(c * times for c in counts)
    )
    assert more.p < LEVEL
    assert planned.needed(seen.value / 4, LEVEL, 0.8) > 10 * needed


def test_a_mean_with_the_noise_of_both_sides_takes_what_students_t_does() -> None:
    rng = np.random.default_rng(2)
    gaps, noise = rng.normal(0.3, 1, 40), 0.09
    found = paired_means(gaps, np.zeros(40), range(40), noise=noise)
    assert found.p > LEVEL
    planned = planned_means(gaps, np.zeros(40), range(40), noise)
    assert planned is not None
    needed = planned.needed(found.value, LEVEL, 0.5)
    assert needed is not None
    error = math.sqrt(max(noise, clustered_mean(gaps, range(40)).standard_error ** 2) * 40 / needed)
    assert found.value / error == pytest.approx(2, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("rates", "seed"), [((0.45, 0.1), 1), ((0.6, 0.35), 2)])
def test_new_labs_of_so_many_prompts_find_the_difference_about_as_often_as_is_said(
    rates: tuple[float, float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    true = np.subtract(*(side.mean() for side in answers(rng, [1] * 4000, rates)))
    found = []
    for _ in range(40):
        first, second = answers(rng, FAMILIES, rates)
        counts = [OFTEN] * first.size, [SELDOM] * first.size
        planned = planned_rates(first, second, clusters_of(FAMILIES), counts)
        assert planned is not None
        needed = planned.needed(true, LEVEL, 0.8)
        assert needed is not None
        for _ in range(12):
            sizes = of_prompts(rng, needed)
            a, b = answers(rng, sizes, rates)
            found.append(paired_rates(a, b, clusters_of(sizes), ([OFTEN] * needed, [SELDOM] * needed)).p < LEVEL)
    assert 0.65 < np.mean(found) < 0.95, "27% in both where only flipped signs are counted"
