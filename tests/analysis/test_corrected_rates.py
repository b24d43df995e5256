"""A rate that a scorer sees, corrected by its errors: the algebra, and what an interval promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charbench.analysis.corrected_rates import (
    Proportion,
    correct,
    correct_difference,
    corrected_rate,
    errors_of_classes,
    independent_errors,
)
from charbench.analysis.rate_intervals import clustered_rate
from charbench.analysis.stratified_rates import jeffreys

shares = st.floats(0, 1)
counts = st.integers(5, 2000).map(float)
good = st.floats(0.55, 1)
few = settings(max_examples=25, deadline=None)


@few
@given(shares, good, good, counts)
def test_errors_that_are_known_exactly_are_undone_exactly(truth, sensitivity, specificity, count):
    seen = truth * sensitivity + (1 - truth) * (1 - specificity)
    found = corrected_rate(
        Proportion(seen, count), Proportion(sensitivity, math.inf), Proportion(specificity, math.inf)
    )
    assert found.value == pytest.approx(truth, abs=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.consistent


@few
@given(shares, st.floats(3, 300))
def test_a_proportion_of_a_known_width_is_as_uncertain_as_that_and_never_surer_than_its_trials(value, trials):
    low, high = jeffreys(value, trials)
    assert Proportion.from_width(value, high - low, 1000).effective == pytest.approx(trials, rel=0.01)
    assert Proportion.from_width(value, 0, trials).effective == pytest.approx(trials)
    assert Proportion.from_width(value, 1, trials).effective == pytest.approx(1, rel=0.01)


@few
@given(shares, counts)
def test_a_scorer_without_errors_changes_nothing(rate, count):
    found = corrected_rate(Proportion(rate, count), Proportion(1, math.inf), Proportion(1, math.inf))
    assert found.value == pytest.approx(rate)
    assert (found.low, found.high) == pytest.approx(jeffreys(rate, count), abs=2e-3)


@pytest.mark.slow
@few
@given(shares, good, good, counts, counts)
def test_yes_and_no_may_change_places(rate, sensitivity, specificity, count, labels):
    one = corrected_rate(Proportion(rate, count), Proportion(sensitivity, labels), Proportion(specificity, labels))
    other = corrected_rate(
        Proportion(1 - rate, count), Proportion(specificity, labels), Proportion(sensitivity, labels)
    )
    assert one.value == pytest.approx(1 - other.value, abs=1e-9)
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=0.02)


@few
@given(shares, good, good, counts)
def test_more_labels_never_widen_the_interval(rate, sensitivity, specificity, count):
    def width(labels: float) -> float:
        found = corrected_rate(
            Proportion(rate, count), Proportion(sensitivity, labels), Proportion(specificity, labels)
        )
        return found.high - found.low

    assert width(4000) <= width(40) + 0.02


def test_a_scorer_that_tells_nothing_corrects_nothing():
    found = corrected_rate(Proportion(0.5, 100), Proportion(0.5, 30), Proportion(0.4, 30))
    assert math.isnan(found.value)
    assert (found.low, found.high) == (0, 1)


def test_a_rate_above_the_sensitivity_is_no_sure_100_percent_and_is_told():
    found = corrected_rate(Proportion(0.95, 40), Proportion(0.6, 200), Proportion(0.95, 200))
    assert (found.value, found.high, found.consistent) == (1, 1, False)
    assert found.low == pytest.approx(jeffreys(1, 40)[0])


def test_differences_grow_by_what_the_errors_took_and_keep_their_sign():
    errors = independent_errors(Proportion(0.8, 100), Proportion(0.9, 100))
    one, other = Proportion(0.6, 100), Proportion(0.25, 100)
    gap = correct_difference(one, other, errors)
    assert gap.value == pytest.approx(0.5)
    back = correct_difference(other, one, errors)
    assert (back.value, back.low, back.high) == pytest.approx((-gap.value, -gap.high, -gap.low), abs=0.02)
    alike = correct_difference(one, other, errors, correlation=0.8)
    assert alike.high - alike.low < gap.high - gap.low
    assert correct_difference(one, one, errors).value == 0


def test_what_people_say_of_each_answer_gives_the_errors_and_the_rate_they_imply():
    """60 of 100 get a yes, 50 of these have the trait; of 30 noes 3; of 10 without an answer 5."""
    errors = errors_of_classes(0.6, Proportion(5 / 6, 60), [(0.3, Proportion(0.1, 30)), (0.1, Proportion(0.5, 10))])
    assert errors.sensitivity == pytest.approx(50 / 58)
    assert errors.specificity == pytest.approx(32 / 42)
    assert correct(Proportion(0.6, 1000), errors).value == pytest.approx(0.58)
    # A text without an answer as half a yes: 52.5 of the 58, and 12.5 of the 42.
    half = errors_of_classes(
        0.6, Proportion(5 / 6, 60), [(0.3, Proportion(0.1, 30)), (0.1, Proportion(0.5, 10))], (0, 0.5)
    )
    assert (half.sensitivity, half.specificity) == pytest.approx((52.5 / 58, 1 - 12.5 / 42))
    assert correct(Proportion(0.65, 1000), half).value == pytest.approx(0.58)
    with pytest.raises(ValueError, match="other classes"):
        errors_of_classes(0.6, Proportion(0.8, 60), [])


def test_a_rate_over_prompts_counts_by_its_own_interval():
    hits = np.array([1, 1, 0, 1, 0.5] * 4)
    rate = clustered_rate(hits, [number // 4 for number in range(20)], 80)
    found = Proportion.from_rate(rate)
    assert found.effective < rate.effective < 80
    assert Proportion.from_error(0.5, 0.1, 400).effective == pytest.approx(25)
    assert Proportion.from_error(1.0, 0.0, 40).effective == 40


@pytest.mark.parametrize("bad", [Proportion(1.1, 5), Proportion(0.5, 0), Proportion(math.nan, 3)])
def test_what_is_no_proportion_is_refused(bad):
    with pytest.raises(ValueError, match="a proportion of"):
        corrected_rate(bad, Proportion(0.9, 10), Proportion(0.9, 10))


@pytest.mark.slow
@pytest.mark.parametrize("truth", [0.05, 0.3, 0.7, 0.95])
def test_intervals_cover_the_truth_as_often_as_they_say(truth):
    """Four sets of errors and labels, 150 rates of each: at least 95% less three standard errors, in all of them."""
    dice = np.random.default_rng(int(truth * 100))
    covered = []
    for sensitivity, specificity, ill, well, count in (
        (0.9, 0.9, 30, 30, 40), (0.8, 0.95, 20, 80, 200), (0.95, 0.99, 100, 100, 40), (0.7, 0.7, 50, 50, 100),
    ):  # fmt: skip
        for _ in range(150):
            seen = dice.binomial(count, truth * sensitivity + (1 - truth) * (1 - specificity)) / count
            found = corrected_rate(
                Proportion(seen, count),
                Proportion(dice.binomial(ill, sensitivity) / ill, ill),
                Proportion(dice.binomial(well, specificity) / well, well),
            )
            covered.append(found.low <= truth <= found.high)
    assert 0.923 <= np.mean(covered) <= 0.98
