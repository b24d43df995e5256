"""Means and rates of clustered values, against statsmodels, scipy and worked examples."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from charbench.analysis.clusters import clustered_mean
from charbench.analysis.rate_intervals import clustered_rate, rate_of_counts
from charbench.analysis.wilson import wilson

RNG = np.random.default_rng(5)
VALUES = RNG.normal(size=60) + np.repeat(RNG.normal(size=12), 5)
FAMILIES = [f"family {n}" for n in np.repeat(np.arange(12), 5)]


def test_with_a_cluster_for_each_value_it_is_the_plain_mean_with_students_interval() -> None:
    found = clustered_mean(VALUES, range(60))
    interval = stats.ttest_1samp(VALUES, 0).confidence_interval()
    assert found.standard_error == pytest.approx(stats.sem(VALUES))
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.slow
def test_the_clustered_error_of_equal_clusters_is_that_of_statsmodels() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from statsmodels.regression.linear_model import OLS

    model = OLS(VALUES, np.ones(60))
    theirs = model.fit(cov_type="cluster", cov_kwds={"groups": np.repeat(np.arange(12), 5), "use_correction": False})
    expected = theirs.bse[0] * math.sqrt(12 / 11)  # CR2 of a mean of equal clusters
    assert clustered_mean(VALUES, FAMILIES).standard_error == pytest.approx(expected)


def test_the_clustered_error_is_that_of_the_matrix_formula() -> None:
    # Pustejovsky and Tipton (2018), equation 4, by its matrices: eleven clusters of very different sizes.
    codes = np.repeat(np.arange(11), [20, 7, 5, 3, 3, 1, 1, 1, 1, 1, 1])
    values, ones = RNG.normal(size=codes.size), np.ones((codes.size, 1))
    hat = ones @ ones.T / codes.size
    residuals = np.eye(codes.size) - hat
    parts = 0.0
    for cluster in range(11):
        mine = codes == cluster
        roots, turned = np.linalg.eigh(np.eye(mine.sum()) - hat[np.ix_(mine, mine)])
        adjusted = (turned / np.sqrt(roots)) @ turned.T
        weights = adjusted.sum(axis=0) / codes.size
        parts += float(weights @ (residuals @ values)[mine]) ** 2
    found = clustered_mean(values, codes.tolist())
    assert found.standard_error**2 == pytest.approx(parts)
    assert found.effective < 4
    assert found.low_precision


def test_clusters_of_one_mean_do_not_make_an_interval_of_no_width() -> None:
    found = clustered_mean([1.0, 2.0] * 6, np.repeat(np.arange(6), 2).tolist())
    assert found.standard_error == pytest.approx(stats.sem([1.0, 2.0] * 6))
    assert found.high - found.low > 0.5


def test_a_prompts_mean_weighs_as_much_as_its_answers() -> None:
    values, families, answers = VALUES[:20], FAMILIES[:20], np.resize([1, 4, 25, 2, 3], 20)
    found = clustered_mean(values, families, weights=answers)
    one_by_one = clustered_mean(np.repeat(values, answers), list(np.repeat(families, answers)))
    assert (found.value, found.standard_error) == pytest.approx((one_by_one.value, one_by_one.standard_error))
    assert found.clusters == one_by_one.clusters
    assert clustered_mean(values, families, weights=[4] * 20) == clustered_mean(values, families)
    uneven = clustered_mean(values[:5], range(5), weights=[20, 20, 20, 5, 1])
    assert uneven.degrees < 3  # nearly three prompts


def test_like_prompts_of_one_family_widen_the_interval_up_to_threefold() -> None:
    values = np.repeat(RNG.normal(size=12), 9)
    clusters = np.repeat(np.arange(12), 9).tolist()
    ratio = clustered_mean(values, clusters).standard_error / clustered_mean(values, range(108)).standard_error
    assert ratio == pytest.approx(3, rel=0.05)


def test_the_interval_is_students_with_one_degree_less_than_clusters() -> None:
    found = clustered_mean(VALUES, FAMILIES)
    assert (found.high - found.value) / found.standard_error == pytest.approx(stats.t.ppf(0.975, 11))


def test_below_thirty_clusters_an_interval_is_called_rough() -> None:
    assert clustered_mean(VALUES, FAMILIES).low_precision
    assert not clustered_mean(VALUES, range(60)).low_precision


@pytest.mark.parametrize(("values", "clusters"), [([], []), ([1.0], ["a"]), ([1.0, 2.0], ["a", "a"]), ([2, 2], "ab")])
def test_what_cannot_be_told_is_nan_and_never_a_number(values: list[float], clusters: list[str]) -> None:
    found = clustered_mean(values, clusters)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 values, but 1 clusters"):
        clustered_mean([1, 2], ["a"])
    with pytest.raises(ValueError, match="not between 0 and 1"):
        clustered_rate([2], ["a"])


@pytest.mark.parametrize(("hits", "total"), [(0, 5), (5, 5), (10, 15), (3, 200)])
def test_a_rate_of_independent_samples_has_wilsons_interval(hits: int, total: int) -> None:
    found = clustered_rate([1] * hits + [0] * (total - hits), range(total))
    expected = wilson(hits, total)
    assert (found.value, found.low, found.high) == pytest.approx((expected.share, expected.low, expected.high))


def test_seven_versions_asked_five_prompts_are_not_thirty_five_samples() -> None:
    rates = [0, 1, 1, 0, 1]  # each prompt is answered alike by all seven
    clustered = clustered_rate(rates, range(5), 35)
    naive = wilson(21, 35)
    assert clustered.effective == pytest.approx(5)
    assert clustered.high - clustered.low > 2 * (naive.high - naive.low)


def test_where_nothing_varies_the_clusters_count_and_not_the_samples() -> None:
    found = clustered_rate([0] * 5, range(5), 35)
    assert found.effective == pytest.approx(5)
    assert found.low == 0
    assert wilson(0, 5).high < found.high < 0.6


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=30), st.integers(1, 30))
def test_every_rate_has_an_interval_around_it(counts: list[tuple[int, int]], families: int) -> None:
    hits, totals = [min(pair) for pair in counts], [max(pair) for pair in counts]
    found = rate_of_counts(hits, totals, [n % families for n in range(len(counts))])
    assert (found.count, found.total) == (sum(hits), sum(totals))
    if found.total:
        assert 0 <= found.low <= found.share <= found.high <= 1
        assert found.high - found.low > 0


def test_a_prompt_weighs_as_many_samples_as_it_has() -> None:
    found = rate_of_counts([9, 1], [10, 2], ["a", "b"])
    assert found.share == pytest.approx(10 / 12)
    assert rate_of_counts([0, 4], [0, 8], ["a", "b"]) == rate_of_counts([4], [8], ["b"])


def test_a_rate_of_nothing_is_nan() -> None:
    found = clustered_rate([], [])
    assert math.isnan(found.value)
    assert found.samples == 0


def test_an_interval_ends_where_values_do() -> None:
    wide = clustered_mean([0.0, 0.0, 1.0], ["a", "b", "c"])
    assert wide.low < 0
    assert wide.high > 1
    assert (wide.within(0, 1).low, wide.within(0, 1).high) == (0, 1)
    assert wide.within(None, None) == wide
    assert wide.within(0, None).high == wide.high
    alone = clustered_mean([0.5], ["a"]).within(0, 1)
    assert math.isnan(alone.low)
    assert math.isnan(alone.high)


MID = [lambda n: RNG.normal(50, 20, n).clip(0, 100), lambda n: RNG.normal(70, 10, n).clip(0, 100)]
NEAR = [
    lambda n: 100 * RNG.beta(9, 1, n),
    lambda n: 100 * RNG.beta(3.8, 0.2, n),
    lambda n: RNG.exponential(10, n).clip(0, 100),
    lambda n: np.where(RNG.random(n) < 0.9, RNG.uniform(95, 100, n), RNG.uniform(0, 30, n)),
]


@pytest.mark.slow
@pytest.mark.parametrize("prompts", [5, 12, 30])
def test_an_interval_that_is_too_narrow_near_an_end_of_the_scale_is_told(prompts: int) -> None:
    for draw in MID + NEAR:
        true = draw(200_000).mean()
        found = [clustered_mean(draw(prompts), range(prompts)).within(0, 100) for _ in range(800)]
        missed = [not one.low <= true <= one.high for one in found]
        untold = np.mean([miss and not one.near_end for miss, one in zip(missed, found, strict=True)])
        marked = np.mean([one.near_end for one in found])
        assert untold < 0.08  # 0.05 and four standard errors
        assert (marked < 0.1) if draw in MID else (untold < 0.02)
    values = 100 * RNG.beta(9, 1, 60)
    assert not clustered_mean(values, range(60)).within(0, 100).near_end


def test_a_scale_with_one_end_is_near_where_two_deviations_reach_it() -> None:
    skewed, far = [0.1, 0.2, 0.4, 3.0], [10.1, 10.2, 10.4, 13.0]
    assert clustered_mean(skewed, range(4)).within(0, None).near_end
    assert not clustered_mean(far, range(4)).within(0, None).near_end
    assert not clustered_mean(skewed, range(4)).within(None, None).near_end
    assert clustered_mean([-one for one in skewed], range(4)).within(None, 0).near_end
    assert not clustered_mean([0.0] * 4, range(4)).within(0, 1).near_end  # nothing varies: there is no interval
