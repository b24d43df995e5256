"""Adjusted p-values, against statsmodels and scipy, and tiers."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from charbench.analysis.multiplicity import benjamini_hochberg, holm
from charbench.analysis.tiers import tiers, tiers_of_pairs

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@pytest.mark.slow
def test_holm_is_that_of_statsmodels() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(6)
    for size in range(1, 40):
        p_values = rng.beta(0.5, 2, size).tolist()
        assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


@given(P_VALUES)
def test_benjamini_hochberg_is_scipys(p_values: list[float]) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(list(stats.false_discovery_control(p_values)))


def test_a_test_that_could_not_be_made_counts_as_none() -> None:
    assert holm([0.01, math.nan, 0.04])[::2] == [0.02, 0.04]
    assert math.isnan(holm([0.01, math.nan])[1])
    assert math.isnan(benjamini_hochberg([math.nan])[0])


def test_what_is_no_p_value_is_refused() -> None:
    with pytest.raises(ValueError, match="no p-value"):
        holm([1.5])


def test_no_two_of_one_tier_can_be_told_apart() -> None:
    strengths = [9, 8.5, 8, 5, 4.8, 1]
    apart = lambda a, b: abs(strengths[a] - strengths[b]) > 0.9  # noqa: E731
    assert tiers(6, apart) == [1, 1, 2, 3, 3, 4]
    assert tiers(0, apart) == []


def test_tiers_are_adjusted_for_the_number_of_pairs() -> None:
    pairs = [(0, 1), (0, 2), (1, 2)]
    assert tiers_of_pairs(3, pairs, [0.02, 0.02, 0.9]) == [1, 1, 1]
    assert tiers_of_pairs(3, pairs, [0.9, 0.01, 0.9]) == [1, 1, 2]
    assert tiers_of_pairs(3, pairs, [math.nan] * 3) == [1, 1, 1]
