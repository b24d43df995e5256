"""What an interval of 95% covers, counted exactly or by simulation, averaged over rates from 0.05 to 0.95."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from charbench.analysis.clusters import clustered_mean
from charbench.analysis.paired import paired_rates
from charbench.analysis.rate_intervals import clustered_rate
from charbench.analysis.unpaired import unpaired_rates
from charbench.analysis.wilson import wilson

RATES = np.linspace(0.05, 0.95, 19)
# families, prompts in each, answers to each prompt, correlation within a family
SHAPES = [(30, 1, 1, 0.0), (30, 3, 2, 0.2), (40, 5, 1, 0.3), (30, 1, 5, 0.3)]
Draw = Callable[[np.random.Generator, float], tuple[float, Any]]


@pytest.mark.parametrize("total", [20, 21, 35, 50, 100, 400])
def test_wilsons_interval_covers_what_it_promises(total: int) -> None:
    intervals = [wilson(hits, total) for hits in range(total + 1)]
    covered = [
        sum(stats.binom.pmf(hits, total, rate) for hits, i in enumerate(intervals) if i.low <= rate <= i.high)
        for rate in RATES
    ]
    assert 0.93 <= np.mean(covered) <= 0.97


def families(rng: np.random.Generator, rate: float, shape: tuple[int, int, int, float]) -> np.ndarray:
    number, prompts, _, correlation = shape
    if not correlation:
        return np.full(number * prompts, rate)
    spread = (1 - correlation) / correlation
    return np.repeat(rng.beta(rate * spread, (1 - rate) * spread, number), prompts)


def coverage(draw: Draw, repeats: int) -> float:
    rng = np.random.default_rng(11)
    found = [(true, draw_) for rate in RATES for true, draw_ in (draw(rng, float(rate)) for _ in range(repeats))]
    return float(np.mean([interval.low <= true <= interval.high for true, interval in found]))


def one_side(shape: tuple[int, int, int, float], of: Callable[..., Any]) -> Draw:
    clusters = np.repeat(np.arange(shape[0]), shape[1]).tolist()

    def draw(rng: np.random.Generator, rate: float) -> tuple[float, Any]:
        if of is clustered_mean:  # a judge's scores; rates near 0 and 1 have the interval of rates
            alike = np.repeat(rng.normal(0, math.sqrt(shape[3]), shape[0]), shape[1])
            return rate, of(rate + alike + rng.standard_t(5, alike.size), clusters)
        expected = families(rng, rate, shape)
        return rate, of(rng.binomial(shape[2], expected) / shape[2], clusters, len(clusters) * shape[2])

    return draw


def two_sides(shape: tuple[int, int, int, float], *, paired: bool) -> Draw:
    clusters = np.repeat(np.arange(shape[0]), shape[1]).tolist()
    total = len(clusters) * shape[2]

    def draw(rng: np.random.Generator, rate: float) -> tuple[float, Any]:
        first = families(rng, rate, shape)
        second = (first if paired else families(rng, rate, shape)) * 0.7 + 0.1
        a, b = (rng.binomial(shape[2], each) / shape[2] for each in (first, second))
        true = rate - (rate * 0.7 + 0.1)
        if paired:
            return true, paired_rates(a, b, clusters, (total, total))
        return true, unpaired_rates(a, clusters, b, clusters, (total, total))

    return draw


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("of", [clustered_rate, clustered_mean])
def test_a_clustered_interval_covers_what_it_promises(shape: tuple[int, int, int, float], of: Any) -> None:
    assert 0.93 <= coverage(one_side(shape, of), 200) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES[:2])
@pytest.mark.parametrize("paired", [True, False])
def test_the_interval_of_a_difference_covers_what_it_promises(shape: tuple[int, int, int, float], paired: bool) -> None:
    assert 0.93 <= coverage(two_sides(shape, paired=paired), 40) <= 0.97


def paired_tables(total: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every table of so many pairs of answers (both, first only, second only), and each one's limits."""
    tables, lows, highs = [], [], []
    for both, only_a, only_b in product(range(total + 1), repeat=3):
        if (neither := total - both - only_a - only_b) < 0:
            continue
        a = [1] * (both + only_a) + [0] * (only_b + neither)
        b = [1] * both + [0] * only_a + [1] * only_b + [0] * neither
        found = paired_rates(a, b, range(total))
        tables.append((both, only_a, only_b, neither))
        lows.append(found.low)
        highs.append(found.high)
    return np.array(tables), np.array(lows), np.array(highs)


@pytest.mark.parametrize(("total", "usual"), [(20, 0.3), (30, 0.5), pytest.param(50, 0.8, marks=pytest.mark.slow)])
def test_a_paired_interval_covers_what_it_promises_and_more_where_sides_are_alike(total: int, usual: float) -> None:
    tables, lows, highs = paired_tables(total)
    for correlation in (0.0, 0.3, 0.5, 0.8, 0.95):
        covered = []
        for first in RATES:
            second = 0.7 * first + 0.1
            both = first * second + correlation * math.sqrt(first * (1 - first) * second * (1 - second))
            both = min(both, first, second)
            cells = np.maximum([both, first - both, second - both, 1 - first - second + both], 0)
            inside = (lows <= first - second + 1e-12) & (first - second - 1e-12 <= highs)
            covered.append(stats.multinomial.pmf(tables[inside], total, cells / cells.sum()).sum())
        assert np.mean(covered) >= 0.93
        assert np.mean(covered) <= 0.97 or correlation > usual


@pytest.mark.slow
@pytest.mark.parametrize("shape", [*SHAPES, (100, 2, 4, 0.1), (30, 3, 1, 0.2)])
@pytest.mark.parametrize("kind", ["rate", "mean", "paired", "unpaired"])
def test_every_interval_covers_what_it_promises_in_many_labs(shape: tuple[int, int, int, float], kind: str) -> None:
    draws = {"rate": one_side(shape, clustered_rate), "mean": one_side(shape, clustered_mean)}
    draw = draws.get(kind) or two_sides(shape, paired=kind == "paired")
    assert (
        0.93 <= coverage(draw, 400) <= 0.98
    )  # rates of few answers are discrete: what covers 90% everywhere covers more


def test_a_paired_test_of_like_sides_rejects_in_one_lab_of_twenty_at_most() -> None:
    rng = np.random.default_rng(12)
    clusters = np.repeat(np.arange(10), 3).tolist()
    p_values = []
    for _ in range(600):
        shared = families(rng, 0.5, (10, 3, 2, 0.3))
        a, b = (rng.binomial(2, shared) / 2 for _ in "ab")
        p_values.append(paired_rates(a, b, clusters, (60, 60)).p)
    assert np.mean(np.array(p_values) < 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 600)
