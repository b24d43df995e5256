"""Prompts that a difference needs, against statsmodels, worked figures and simulation."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from charbench.analysis.paired import paired_means
from charbench.analysis.power import (
    Spread,
    detectable,
    least_prompts,
    prompts_needed,
    spread,
    variance_of_differences,
)


@pytest.mark.slow
def test_the_formula_is_that_of_statsmodels() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from statsmodels.stats.power import NormalIndPower

    theirs = NormalIndPower(ddof=0).solve_power(0.25, alpha=0.05, power=0.8, ratio=0)  # one sample of differences
    assert prompts_needed(0.25, 1.0) == math.ceil(theirs)


def test_millers_worked_example() -> None:
    # Miller (2024), section 5: ω² = 1/9, σ² = 1/6 a side, δ = 0.03, one answer: 969 questions at 80% power
    assert prompts_needed(0.03, 1 / 9) == 969
    assert Spread(1 / 9, 2 / 6).of_a_prompt(1) == pytest.approx(4 / 9)


def test_the_detectable_difference_is_the_formula_turned_round() -> None:
    difference = detectable(200, 0.4, design_effect=1.5)
    assert prompts_needed(difference, 0.4, design_effect=1.5) == 200


def test_five_prompts_show_no_difference_at_all() -> None:
    assert least_prompts() == 6
    assert least_prompts(comparisons=10) == 9
    assert math.isinf(detectable(5, 0.1))
    assert prompts_needed(5.0, 0.1) == 6


def test_no_number_of_prompts_shows_no_difference() -> None:
    with pytest.raises(ValueError, match="difference of 0"):
        prompts_needed(0.0, 1.0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        prompts_needed(0.1, 1.0, power=1.0)


def test_prompts_that_all_agree_do_not_promise_that_others_will() -> None:
    assert variance_of_differences([0.0] * 5, shares=True) == pytest.approx(2 / 7)
    assert variance_of_differences([0.0] * 5, shares=False) == 0
    assert math.isnan(variance_of_differences([1.0], shares=False))


def test_the_variance_of_prompts_is_told_from_that_of_answers() -> None:
    rng = np.random.default_rng(13)
    true = rng.normal(0.5, 2, 4000)
    a, b = true[:, None] + rng.normal(0, 1, (4000, 3)), rng.normal(0, 1, (4000, 3))
    within = a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)
    found = spread(a.mean(axis=1) - b.mean(axis=1), within, [3] * 4000, shares=False)
    assert found is not None
    assert found.prompts == pytest.approx(4, rel=0.1)
    assert found.answers == pytest.approx(2, rel=0.1)
    assert spread([0.1, 0.2], [], [], shares=False) is None


def test_the_promised_power_is_reached() -> None:
    rng = np.random.default_rng(14)
    count = prompts_needed(0.5, 2.0)
    shown = [
        paired_means(rng.normal(0.5, 1, count), rng.normal(0, 1, count), range(count)).p < 0.05 for _ in range(600)
    ]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.05)
