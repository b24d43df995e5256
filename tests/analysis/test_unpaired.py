"""Unpaired differences, against scipy, statsmodels and published examples."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from charbench.analysis.effective_fisher import effective_fisher
from charbench.analysis.fisher import fisher_exact
from charbench.analysis.rate_intervals import effective_samples
from charbench.analysis.unpaired import (
    EFFECTIVE_FISHER,
    FISHER,
    PERMUTATION,
    SKEWED,
    TOO_FEW,
    WELCH,
    unpaired_counts,
    unpaired_means,
    unpaired_rates,
    welch,
)


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_fishers_test_is_scipys(n: int, m: int, data: st.DataObject) -> None:
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    assert fisher_exact(a, n, b, m) == pytest.approx(stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue)


def test_fishers_lady_tasting_tea() -> None:
    assert fisher_exact(3, 4, 1, 4) == pytest.approx(34 / 70)  # Fisher (1935), The design of experiments


def test_fishers_test_takes_a_million_samples() -> None:
    assert fisher_exact(500_000, 1_000_000, 501_000, 1_000_000) == pytest.approx(0.157714505, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("a", "n", "b", "m"), [(56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20), (5, 56, 0, 29)])
def test_newcombes_interval_is_that_of_statsmodels(a: int, n: int, b: int, m: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from statsmodels.stats.proportion import confint_proportions_2indep

    found = unpaired_counts(a, n, b, m)
    expected = confint_proportions_2indep(a, n, b, m, method="newcomb", compare="diff")
    assert (found.low, found.high) == pytest.approx(tuple(map(float, expected)))


def test_newcombes_published_example() -> None:
    # Newcombe (1998), Stat Med 17:873, table II, 56/70 - 48/80, method 10
    found = unpaired_counts(56, 70, 48, 80)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)


def test_humorous_and_remorseful_of_the_recorded_lab_cannot_be_told_apart() -> None:
    found = unpaired_counts(3, 4, 10, 15)
    assert found.p == pytest.approx(1.0)
    assert found.low < 0 < found.high
    assert found.low_precision


def test_independent_samples_are_tested_with_fisher_and_clustered_ones_count_for_less() -> None:
    ones, zeros = [1, 1, 1, 1, 0, 1], [0, 0, 0, 0, 0, 1]
    assert unpaired_rates(ones, range(6), zeros, range(6)).test == FISHER
    clustered = unpaired_rates(ones, range(6), zeros, range(6), (60, 60))
    assert clustered.test == EFFECTIVE_FISHER
    assert clustered.p > fisher_exact(50, 60, 10, 60)


def test_a_side_that_never_varies_is_not_known_exactly() -> None:
    # 0 of 60 answers to 30 prompts against 6 of 300 to 150: Fisher's test of the answers has p = 0.59
    none, some = [0.0] * 30, [1.0] * 3 + [0.0] * 147
    assert unpaired_rates(none, range(30), some, range(150), (60, 300)).p > 0.5
    values = np.random.default_rng(8).exponential(1, 40)
    found = welch([0.0] * 40, range(40), values, range(40))
    assert found.low < -values.mean() < found.high < 0
    error = math.sqrt(2) * stats.sem(values)  # as if it varied like the other
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, 78) * error)


def test_a_family_for_each_answer_makes_the_clustered_test_fishers() -> None:
    hits, others = np.repeat([1.0, 0.0], [9, 21]), np.repeat([1.0, 0.0], [20, 15])
    assert effective_fisher(hits, range(30), others, range(35), (30, 35)) == fisher_exact(9, 30, 20, 35)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 40))
def test_clustered_samples_are_never_worth_more_than_there_are(hits: list[int], families: int) -> None:
    clusters = np.arange(len(hits)) % families
    sums, sizes = np.bincount(clusters, hits).astype(float), 6.0 * np.bincount(clusters)
    assert 1 <= effective_samples(sums, sizes) <= 6 * len(hits)


def test_seven_versions_that_answer_alike_are_no_proof() -> None:
    ones, zeros = [1.0] * 5, [0.0] * 5
    assert unpaired_rates(ones, range(5), zeros, range(5), (35, 35)).p == pytest.approx(fisher_exact(5, 5, 0, 5))


def test_the_permutation_of_clusters_is_scipys() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(0.8, 1, 7), rng.normal(0, 1, 6)

    def gap(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        return np.abs(np.mean(x, axis=axis) - np.mean(y, axis=axis))

    theirs = stats.permutation_test((a, b), gap, n_resamples=np.inf, vectorized=True, alternative="greater")
    found = welch(a, range(7), b, range(6))
    student = stats.ttest_ind(a, b, equal_var=False).pvalue
    assert found.p == pytest.approx(max(theirs.pvalue, student))
    assert found.test == (PERMUTATION if theirs.pvalue > student else WELCH)


def test_from_thirty_clusters_on_means_are_tested_with_welchs_t() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.normal(0.3, 1, 40), rng.normal(0, 2, 35)
    found, theirs = welch(a, range(40), b, range(35)), stats.ttest_ind(a, b, equal_var=False)
    assert found.test == WELCH
    assert found.p == pytest.approx(theirs.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval()))


def test_a_random_permutation_is_never_zero_and_always_the_same() -> None:
    ones, zeros = [1.0] * 30, [0.0] * 30
    p = unpaired_means(ones, range(30), zeros, range(30)).p  # neither side varies
    assert 0 < p < 1e-4
    assert p == unpaired_means(ones, range(30), zeros, range(30)).p
    rng = np.random.default_rng(5)  # and in whatever order prompts are read
    a, b = rng.normal(0.6, 1, 12), rng.normal(0, 1, 14)
    found = welch(a, range(12), b, range(14))
    assert found.test == PERMUTATION
    assert found.p == welch(a[::-1], range(12), rng.permutation(b), range(14)).p


def test_means_of_few_prompts_are_not_tested_without_pairs() -> None:
    steady, rare = np.random.default_rng(2).normal(1, 0.1, 60), np.zeros(20)
    for few in (steady[:9], rare, [*rare, 30.0]):  # few prompts; none yet with the trait; one that carries the mean
        found = unpaired_means(few, range(len(few)), steady, range(60))
        assert (found.test, math.isnan(found.p), math.isnan(found.low)) == (TOO_FEW, True, True)
        assert found.value == pytest.approx(np.mean(few) - steady.mean())
    assert unpaired_means(np.zeros(30), range(30), steady, range(60)).p < 1e-4
    assert unpaired_means(steady[:10], range(10), steady, range(60)).p > 0.05


def test_a_long_tail_makes_unpaired_means_less_sure() -> None:
    values = np.random.default_rng(5).exponential(1, 60)
    found = unpaired_means(values, range(60), [1.6 * values.mean() + d for d in (-0.1, 0.1)] * 30, range(60))
    assert found.test == SKEWED
    assert found.p > welch(values, range(60), [1.6 * values.mean() + d for d in (-0.1, 0.1)] * 30, range(60)).p


@pytest.mark.parametrize("shape", ["normal", "exponential", "one in ten", "three in ten"])
@pytest.mark.parametrize(("few", "many", "spread"), [(5, 60, 3), (12, 60, 4), (20, 20, 3), (30, 300, 4), (30, 300, 1)])
@pytest.mark.slow
def test_equal_means_are_rarely_told_apart_whatever_their_shape(shape: str, few: int, many: int, spread: float) -> None:
    rng, repeats = np.random.default_rng(31), 400

    def drawn(count: int) -> np.ndarray:
        if shape == "normal":
            return rng.normal(size=count)
        if shape == "exponential":
            return rng.exponential(1, count) - 1
        share = 0.1 if shape == "one in ten" else 0.3
        return (rng.random(count) < share) * rng.exponential(1, count) / share - 1

    false = sum(
        unpaired_means(spread * drawn(few), range(few), drawn(many), range(many)).p < 0.05 for _ in range(repeats)
    )
    assert false / repeats <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / repeats)


def test_a_side_without_samples_gives_nan() -> None:
    assert math.isnan(unpaired_counts(0, 0, 3, 4).p)
    assert math.isnan(unpaired_counts(0, 0, 3, 4).low)


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="5 is not between 0 and 4"):
        unpaired_counts(5, 4, 0, 1)


@pytest.mark.parametrize(("many", "few"), [(12, 2), (8, 2), (12, 3)])
def test_the_interval_of_two_or_three_runs_covers(many: int, few: int) -> None:
    rng, held = np.random.default_rng(21), 0
    for _ in range(150):
        found = welch(rng.normal(size=many), range(many), rng.normal(size=few), range(few))
        held += found.low <= 0 <= found.high
    assert held >= 0.93 * 150
