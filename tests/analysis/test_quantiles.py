"""Quantiles are NumPy's, to the last digit."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from charbench.analysis.quantiles import quantiles

POINTS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)
PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=4)


@given(POINTS, PROBABILITIES)
def test_quantiles_are_those_of_numpy_to_the_last_digit(points: list[float], probabilities: list[float]) -> None:
    assert quantiles(np.array(points), probabilities) == np.quantile(points, probabilities).tolist()


def test_quantiles_of_many_points_are_those_of_numpy_to_the_last_digit() -> None:
    points = np.random.default_rng(5).beta(3, 8, 4096)
    probabilities = [0.0, 0.00625, 0.0125, 0.025, 0.05, 0.5, 0.975, 0.9875, 1.0]
    assert quantiles(points, probabilities) == np.quantile(points, probabilities).tolist()


def test_a_point_that_is_not_a_number_makes_every_quantile_none() -> None:
    assert all(map(math.isnan, quantiles(np.array([0.5, math.nan, 0.1]), [0.1, 0.9])))
