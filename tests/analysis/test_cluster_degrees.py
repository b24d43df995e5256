"""Degrees of freedom of uneven clusters: the error rate is 5% or less, however alike the values of a cluster are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench.analysis.cluster_degrees import degrees_of_freedom
from charbench.analysis.distributions import student_quantile

UNEVEN = {
    "two families and single prompts": (10, 10, *[1] * 20),
    "four families and single prompts": (20, 10, 5, 5, *[1] * 20),
    "one family and single prompts": (30, *[1] * 30),
    "few": (8, 5, 3, 1, 1, 1, 1),
    "two, very unlike": (30, 1),
}


@pytest.mark.parametrize("sizes", UNEVEN.values(), ids=UNEVEN.keys())
@pytest.mark.parametrize("alike", [0.0, 0.3, 0.9])
def test_a_mean_of_uneven_clusters_is_wrongly_found_in_5_percent_of_labs_or_fewer(
    sizes: tuple[int, ...], alike: float
) -> None:
    held = np.array(sizes, dtype=float)
    dice = np.random.default_rng(11)
    sums = dice.normal(size=(40_000, held.size)) * np.sqrt(held * (1 + (held - 1) * alike))
    shares = held / held.sum()
    total = sums.sum(axis=1)
    squared = ((sums - np.outer(total, shares)) ** 2 / (1 - shares)).sum(axis=1)
    found = np.mean(total**2 / squared > student_quantile(0.975, degrees_of_freedom(held)) ** 2)
    assert found <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40_000)


@given(st.integers(2, 200), st.integers(1, 50))
def test_clusters_of_one_size_have_one_degree_less_than_clusters(clusters: int, size: int) -> None:
    assert degrees_of_freedom(np.full(clusters, float(size))) == clusters - 1


@pytest.mark.slow
@given(st.lists(st.integers(1, 60), min_size=2, max_size=40))
def test_no_mean_has_more_degrees_than_clusters_less_one_and_the_order_does_not_matter(sizes: list[int]) -> None:
    found = degrees_of_freedom(np.array(sizes, dtype=float))
    assert 0 < found <= len(sizes) - 1
    assert found == degrees_of_freedom(np.array(sizes[::-1], dtype=float))


def test_one_cluster_has_no_degree() -> None:
    assert degrees_of_freedom(np.array([5.0])) == 0


def test_many_clusters_have_as_many_degrees_more_as_they_are_more() -> None:
    few, *many = (degrees_of_freedom(np.array([12.0, 5.0, 1.0] * times)) for times in (30, 100, 300, 1000, 4000))
    for times, degrees in zip((100, 300, 1000, 4000), many, strict=True):
        assert degrees == pytest.approx(few * times / 30, rel=0.02)
