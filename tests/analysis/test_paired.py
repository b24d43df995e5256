"""Paired differences, against scipy, statsmodels and published examples."""

from __future__ import annotations

import math
import warnings
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from charbench.analysis.paired import (
    FROM_INTERVAL,
    MCNEMAR,
    NOISE_OF_BOTH,
    newcombe_phi,
    paired_means,
    paired_rates,
    paired_rates_p,
)
from charbench.analysis.sign_flips import SIGN_FLIPS, STUDENT, mcnemar_exact, sign_flip_p


def binary(both: int, only_a: int, only_b: int, neither: int) -> tuple[list[int], list[int]]:
    a = [1] * both + [1] * only_a + [0] * only_b + [0] * neither
    b = [1] * both + [0] * only_a + [1] * only_b + [0] * neither
    return a, b


def test_newcombes_paired_interval_is_that_of_the_published_example() -> None:
    # Bentur et al. (2009), airway hyper-responsiveness, as worked in Fagerland, Lydersen and Laake (2017), ch. 8
    found = paired_rates(*binary(1, 1, 7, 12), range(21))
    assert (round(found.value, 3), round(found.low, 3), round(found.high, 3)) == (-0.286, -0.507, -0.026)


def test_newcombes_correlation_takes_half_a_table_off_a_positive_one() -> None:
    assert newcombe_phi(10, 2, 3, 15) == pytest.approx((150 - 6 - 15) / math.sqrt(12 * 18 * 13 * 17))
    assert newcombe_phi(1, 5, 6, 2) == pytest.approx((2 - 30) / math.sqrt(6 * 8 * 7 * 7))
    assert newcombe_phi(5, 0, 0, 0) == 0


def test_five_of_five_on_both_sides_is_no_proof_that_they_are_alike() -> None:
    found = paired_rates([1] * 5, [1] * 5, range(5))
    assert (found.value, found.p) == (0, 1)
    assert found.low == pytest.approx(-0.4345, abs=1e-4)
    assert found.high == pytest.approx(0.4345, abs=1e-4)
    assert found.low_precision


@pytest.mark.slow
@pytest.mark.parametrize(("a", "b"), list(product(range(0, 13, 3), repeat=2)))
def test_mcnemar_is_scipys_binomial_test_and_statsmodels(a: int, b: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from statsmodels.stats.contingency_tables import mcnemar

    expected = stats.binomtest(a, a + b).pvalue if a + b else 1.0
    assert mcnemar_exact(a, b) == pytest.approx(expected)
    assert mcnemar_exact(a, b) == pytest.approx(mcnemar([[4, a], [b, 9]], exact=True).pvalue)


def test_five_against_nothing_on_five_prompts_is_not_significant() -> None:
    assert paired_rates([1] * 5, [0] * 5, range(5)).p == 0.0625


def test_flipping_signs_of_single_binary_differences_is_mcnemars_test() -> None:
    a, b = binary(3, 9, 2, 4)
    assert sign_flip_p(np.subtract(a, b), range(18)) == pytest.approx(mcnemar_exact(9, 2))
    assert paired_rates(a, b, range(18)).test == MCNEMAR


def test_sign_flips_count_as_scipys_permutation_test_does() -> None:
    differences = np.random.default_rng(3).normal(0.4, 1, 12)
    theirs = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=2**12)
    assert sign_flip_p(differences, range(12)) == pytest.approx(theirs.pvalue)


def test_whole_families_are_flipped_and_not_their_prompts() -> None:
    differences = [1.0] * 20  # four families of five: 2 of 2^4 ways are as far
    assert sign_flip_p(differences, np.repeat(range(4), 5).tolist()) == 2 / 2**4
    assert sign_flip_p(differences, range(20)) == 2 / 2**20


def test_prompts_asked_often_are_tested_by_flipping_signs() -> None:
    found = paired_rates([1, 1, 0.5, 1, 1, 1], [0, 0, 0.5, 0, 0, 0], range(6), (12, 12))
    assert found.test == SIGN_FLIPS
    assert found.p == 2 / 2**5


def test_many_clusters_are_tested_with_students_t() -> None:
    differences = np.random.default_rng(1).normal(0.2, 1, 80)
    assert sign_flip_p(differences, range(80)) == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)


@pytest.mark.parametrize("gap", [1.0, 0.5, 100 / 61, math.pi])
def test_forty_prompts_that_all_differ_alike_have_the_share_of_flips_for_p(gap: float) -> None:
    assert sign_flip_p([gap] * 40, range(40)) == pytest.approx(2 / 2**40)
    assert paired_means([gap] * 40, [0.0] * 40, range(40)).p == pytest.approx(2 / 2**40)


def test_shares_are_tested_exactly_however_many_prompts_there_are() -> None:
    differences = [1.0] * 32 + [-1.0] * 8 + [0.0] * 60
    assert sign_flip_p(differences, range(100)) == pytest.approx(mcnemar_exact(32, 8), rel=1e-12)
    mixed = np.array([1.0] * 20 + [0.5] * 12 + [-0.5] * 9)
    totals = np.array([[20 - 2 * a + (21 - 2 * b) / 2 for b in range(22)] for a in range(21)])
    ways = np.array([[math.comb(20, a) * math.comb(21, b) for b in range(22)] for a in range(21)], dtype=float)
    expected = ways[np.abs(totals) >= mixed.sum()].sum() / 2.0**41
    assert sign_flip_p(mixed, range(41)) == pytest.approx(expected, rel=1e-12)


def test_a_paired_test_is_called_by_the_name_of_what_was_done() -> None:
    rng = np.random.default_rng(10)
    assert paired_means(rng.normal(0, 1, 80), rng.normal(0, 1, 80), range(80)).test == STUDENT
    assert paired_means(rng.integers(0, 100, 80), rng.integers(0, 100, 80), range(80)).test == SIGN_FLIPS


def test_a_paired_mean_has_students_interval() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(1, 1, 40), rng.normal(0, 1, 40)
    found = paired_means(a, b, range(40))
    theirs = stats.ttest_rel(a, b).confidence_interval()
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_the_order_of_the_sides_turns_the_sign_and_nothing_else() -> None:
    a, b = [1, 0.5, 0, 1, 0.25, 1], [0, 0.5, 0.5, 1, 0, 0]
    one, other = paired_rates(a, b, range(6), (24, 24)), paired_rates(b, a, range(6), (24, 24))
    assert (one.value, one.low, one.high, one.p) == pytest.approx((-other.value, -other.high, -other.low, other.p))


def test_nothing_gives_nan() -> None:
    found = paired_rates([], [], [])
    assert all(map(math.isnan, (found.value, found.low, found.high, found.p))) or found.p == 1
    assert math.isnan(found.value)


def test_few_answers_that_happen_to_be_alike_prove_nothing_against_many() -> None:
    # one answer to each of 12 prompts, none in character; twenty to each, one or two of them in character
    few, many = np.zeros(12), np.array([1, 2] * 6) / 20
    found = paired_rates(few, many, range(12), (12, 240))
    assert sign_flip_p(few - many, range(12)) == 2 / 2**12
    assert found.test == FROM_INTERVAL
    assert found.p > 0.3
    assert found.low < 0 < found.high
    assert paired_rates_p(few, many, range(12), (12, 240)) == found.p
    within = 20 / 19 * many * (1 - many)
    noise = within.mean() * (1 + 1 / 20) / 12
    means = paired_means(few, many, range(12), noise=noise)
    assert means.test == NOISE_OF_BOTH
    assert means.p > 0.3
    assert means.low < 0 < means.high


def test_a_missing_answer_or_two_do_not_change_the_test() -> None:
    a, b = np.array([0.9, 1, 0.8, 1, 1, 0.7, 1, 0.9]), np.zeros(8)
    assert paired_rates(a, b, range(8), (80, 78)).p == paired_rates(a, b, range(8), (80, 80)).p == 2 / 2**8


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=2, max_size=20))
def test_unequal_numbers_of_answers_never_make_a_difference_surer(counts: list[tuple[int, int]]) -> None:
    (a, b), size = np.array(counts).T / np.array([[2], [9]]), len(counts)
    found = paired_rates(a, b, range(size), (2 * size, 9 * size))
    assert found.p >= sign_flip_p(a - b, range(size)) - 1e-12
    assert (found.p < 0.05) <= (found.low > 0 or found.high < 0)
    swapped = paired_rates(b, a, range(size), (9 * size, 2 * size))
    assert swapped.p == pytest.approx(found.p)
    if found.p < 0.05:
        assert paired_rates_p(a, b, range(size), (2 * size, 9 * size)) == pytest.approx(found.p)


@pytest.mark.slow
@pytest.mark.parametrize(("prompts", "few", "many"), [(5, 1, 20), (12, 1, 20), (40, 1, 4)])
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5, 0.9])
def test_equal_checkpoints_asked_unequally_often_are_rarely_told_apart(
    prompts: int, few: int, many: int, rate: float
) -> None:
    rng, repeats = np.random.default_rng(12), 400
    false = 0
    for _ in range(repeats):
        a, b = (rng.binomial(count, rate, prompts) / count for count in (few, many))
        false += paired_rates(a, b, range(prompts), (few * prompts, many * prompts)).p < 0.05
    assert false / repeats <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / repeats)


def test_as_many_answers_on_few_prompts_are_no_match_for_answers_to_every_prompt() -> None:
    # ten answers to each of 12 prompts; one to each of 10 and 55 to each of 2: 120 each
    every, few = [10] * 12, [1] * 10 + [55] * 2
    a, b = np.array([1, 2] * 6) / 10, np.array([0] * 10 + [8, 9]) / np.array(few)
    found = paired_rates(a, b, range(12), (every, few))
    assert sign_flip_p(a - b, range(12)) < 0.05
    assert found.test == FROM_INTERVAL
    assert found.p > 0.05
    assert found.low < 0 < found.high
    assert paired_rates_p(a, b, range(12), (every, few)) == found.p


def test_answers_that_fail_here_and_there_on_both_sides_do_not_change_the_test() -> None:
    a, b = np.array([0.9, 1, 0.8, 1, 1, 0.7, 1, 0.9]), np.zeros(8)
    mine, its = [9, 10, 10, 8, 10, 10, 9, 10], [10, 10, 9, 10, 7, 10, 10, 10]
    assert paired_rates(a, b, range(8), (mine, its)).p == 2 / 2**8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mine", "its"),
    [
        ([10] * 12, [1] * 10 + [55] * 2),
        ([5] * 20, [1] * 18 + [41] * 2),
        ([20] * 5 + [2] * 15, [5] * 5 + [7] * 15),
        ([20] * 10 + [1] * 10, [1] * 10 + [20] * 10),
    ],
    ids=["few prompts asked most", "two prompts asked most", "each asked others more", "the other half"],
)
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_equal_checkpoints_asked_unevenly_are_rarely_told_apart(mine: list[int], its: list[int], rate: float) -> None:
    rng, repeats, false = np.random.default_rng(13), 400, 0
    for _ in range(repeats):
        a, b = rng.binomial(mine, rate) / mine, rng.binomial(its, rate) / its
        false += paired_rates(a, b, range(len(mine)), (mine, its)).p < 0.05
    assert false / repeats <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / repeats)


@pytest.mark.parametrize("families", [2, 3, 4])
def test_few_families_do_not_narrow_the_interval_of_a_difference(families: int) -> None:
    rng, repeats, held = np.random.default_rng(5), 100, 0
    clusters = np.repeat(np.arange(families), 10).tolist()
    for _ in range(repeats):
        alike = rng.normal(0, 1, families)
        rates = (1 / (1 + np.exp(-(alike + rng.normal(0, 0.7, families)))) for _ in range(2))
        a, b = (rng.binomial(4, np.repeat(rate, 10)) / 4 for rate in rates)
        found = paired_rates(a, b, clusters, (40 * families, 40 * families))
        held += found.low <= 0 <= found.high
    assert held >= 90
