"""Prompts that a difference needs, against statsmodels, worked figures and simulation."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats

from charbench.analysis.families import Families
from charbench.analysis.likeness import CERTAIN, likeness
from charbench.analysis.paired import paired_rates
from charbench.analysis.planned_fisher import FisherTest
from charbench.analysis.planned_tests import PairedTest, WelchTest, inflation, least_prompts
from charbench.analysis.power import (
    Spread,
    detectable,
    likely_prompts,
    limits,
    prompts_needed,
    spread,
    variance_of_differences,
)
from charbench.analysis.sign_flips import mcnemar_exact, sign_flip_p
from charbench.analysis.unpaired import unpaired_rates_p


@pytest.mark.slow
def test_the_power_of_a_mean_difference_is_that_of_statsmodels() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from statsmodels.stats.power import TTestPower

    theirs = TTestPower().solve_power(0.25, alpha=0.05, power=0.8)
    assert prompts_needed(0.25, PairedTest(1.0)) == math.ceil(theirs)


def test_the_power_of_one_answer_each_is_mcnemars_counted_out() -> None:
    # 60% of the prompts tell the sides apart, 45% for the first and 15% for the second: all outcomes of 20 prompts
    power = 0.0
    for first in range(21):
        for second in range(21 - first):
            chance = stats.multinomial.pmf([first, second, 20 - first - second], 20, [0.45, 0.15, 0.4])
            power += chance * (mcnemar_exact(first, second) < 0.05)
    test = PairedTest(0.6 - 0.3**2, single=True)
    assert test.power(20, 0.3, 0.05) == pytest.approx(power)
    needed = prompts_needed(0.3, test)
    assert needed is not None
    assert test.power(needed, 0.3, 0.05) >= 0.8


def test_millers_worked_example() -> None:
    # Miller (2024), section 5: ω² = 1/9, σ² = 1/6 a side, δ = 0.03, one answer: 969 questions at 80% power, by z
    assert prompts_needed(0.03, PairedTest(1 / 9)) == pytest.approx(969, abs=3)
    assert Spread(1 / 9, 2 / 6).of_a_prompt(1) == pytest.approx(4 / 9)


@pytest.mark.parametrize(
    "test",
    [
        PairedTest(0.6),
        PairedTest(0.6, Families((3.0,) * 4), known=4),
        PairedTest(0.1, step=0.25),
        FisherTest(0.4),
        FisherTest(0.4, Families((5.0, 5.0), 0.1)),
        FisherTest(0.4, Families((5.0, 3.0, 1.0), 0.3), 4, 0.2),
        WelchTest(0.5, Families((2.0, 2.0)), known=4),
        WelchTest(0.5, Families((10.0, 2.0, 1.0, 1.0), 0.2)),
    ],
)
def test_the_detectable_difference_is_the_number_of_prompts_turned_round(test: Any) -> None:
    difference = detectable(200, test)
    assert prompts_needed(difference * 1.0001, test) == pytest.approx(200, abs=4 * test.is_simulated(200))


def test_families_and_pairs_need_more_prompts() -> None:
    alone, families = prompts_needed(0.5, PairedTest(1.0)), prompts_needed(0.5, PairedTest(1.0, Families((4.0,))))
    assert alone is not None
    assert families is not None
    assert alone < families
    assert prompts_needed(0.5, PairedTest(1.0), 0.05 / 45) > alone  # type: ignore[operator]


def test_a_variance_from_few_families_promises_less_and_its_range_is_told() -> None:
    # Julious and Owen (2006): the noncentral t's quantile in place of the normal one; 1 where the variance is known
    assert inflation(math.inf, 0.05, 0.8) == 1
    assert inflation(10, 0.05, 0.8) == pytest.approx((stats.nct.ppf(0.8, 10, 1.96) / (1.96 + 0.8416)) ** 2, rel=1e-3)
    few, well = PairedTest(1.0, known=4.0), PairedTest(1.0, known=200.0)
    assert prompts_needed(0.5, few) > prompts_needed(0.5, well)  # type: ignore[operator]
    assert likely_prompts(0.5, well) is None
    low, high = likely_prompts(0.5, few) or (None, None)
    families = Families((18.0, 18.0, 9.0, 9.0, 3.0, 3.0), 0.3)
    few, well = (PairedTest(0.4 * families.effect, families, spread=of) for of in ((0.3, 0.6, 1.0, 1.6, 2.6), CERTAIN))
    assert prompts_needed(0.2, few) > 1.1 * prompts_needed(0.2, well)  # type: ignore[operator]
    assert (low, high) == (19, 121)  # of χ² with 4 degrees the middle 80%: 0.51 to 3.76 times the variance


def test_rates_of_few_families_count_for_less_than_those_of_many() -> None:
    test = FisherTest(0.5, Families((10.0,) * 5, 0.05))
    assert test.samples(50) < 50 * test.worth * 0.75
    assert test.samples(50_000) == pytest.approx(50_000 * test.worth, rel=0.01)
    assert prompts_needed(0.4, test) > prompts_needed(0.4, FisherTest(0.5, Families((2.0,), 0.45)))  # type: ignore[operator]


def test_means_of_uneven_families_need_more_prompts_than_of_even_ones() -> None:
    even, uneven = WelchTest(1.0, Families((5.0,) * 12)), WelchTest(1.0, Families((30.0, *(1.0,) * 30), 0.3))
    assert prompts_needed(0.5, uneven) > 2 * prompts_needed(0.5, even)  # type: ignore[operator]
    assert uneven.families.degrees(60) < uneven.families.degrees(120) < uneven.families.degrees(6000) < 6000
    assert uneven.families.tested(120) < 0.5 < 0.9 < uneven.families.tested(6000)


def test_five_prompts_show_no_difference_at_all() -> None:
    assert least_prompts() == 6
    assert least_prompts(comparisons=10) == 9
    assert math.isinf(detectable(5, PairedTest(0.1)))
    assert prompts_needed(5.0, PairedTest(0.1)) == 6


def test_no_number_of_prompts_shows_no_difference() -> None:
    with pytest.raises(ValueError, match="difference of 0"):
        prompts_needed(0.0, PairedTest(1.0))
    with pytest.raises(ValueError, match="between 0 and 1"):
        prompts_needed(0.1, PairedTest(1.0), power=1.0)


def test_prompts_that_all_agree_do_not_promise_that_others_will() -> None:
    assert variance_of_differences([0.0] * 5, step=1.0) == pytest.approx(2 / 7)
    assert variance_of_differences([0.0] * 5) == 0
    assert math.isnan(variance_of_differences([1.0]))


def test_prompts_that_differ_by_more_than_an_answer_have_no_smaller_variance_for_those_that_are_added() -> None:
    gaps = [0.75, -0.5, 0.5, 0.25, 1.0, 0.0]
    assert variance_of_differences(gaps, step=0.25) == pytest.approx(np.var(gaps, ddof=1))
    few, many = (PairedTest(0.25, step=0.25, known=known) for known in (10.0, math.inf))
    assert prompts_needed(0.2, few) > 1.1 * prompts_needed(0.2, many)  # type: ignore[operator]


def test_the_variance_of_prompts_is_told_from_that_of_answers() -> None:
    rng = np.random.default_rng(13)
    true = rng.normal(0.5, 2, 4000)
    a, b = true[:, None] + rng.normal(0, 1, (4000, 3)), rng.normal(0, 1, (4000, 3))
    within = a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)
    found = spread(a.mean(axis=1) - b.mean(axis=1), within, [3] * 4000)
    assert found is not None
    assert found.prompts == pytest.approx(4, rel=0.1)
    assert found.answers == pytest.approx(2, rel=0.1)
    assert spread([0.1, 0.2], [], []) is None


@pytest.mark.parametrize(("epochs", "rates", "level"), [(1, (0.7, 0.5), 0.05), (4, (0.6, 0.3), 0.05 / 6)])
def test_the_promised_power_is_reached_by_the_test_that_is_used(
    epochs: int, rates: tuple[float, float], level: float
) -> None:
    rng = np.random.default_rng(14)
    variance = sum(rate * (1 - rate) for rate in rates) / epochs
    count = prompts_needed(rates[0] - rates[1], PairedTest(variance, step=1 / epochs, single=epochs == 1), level)
    assert count is not None
    samples = count * epochs, count * epochs
    shown = [
        paired_rates(*(rng.binomial(epochs, rate, count) / epochs for rate in rates), range(count), samples).p < level
        for _ in range(600)
    ]
    assert 0.75 <= np.mean(shown) <= 0.86


def test_at_the_level_of_many_pairs_the_fewest_prompts_have_the_power() -> None:
    test, level = WelchTest(2.0, Families((5.0,) * 12)), 0.05 / 190
    count = prompts_needed(1.0, test, level)
    assert count is not None
    assert test.power(count - 1, 1.0, level) < 0.8 <= test.power(count, 1.0, level)


@pytest.mark.parametrize(
    ("families", "difference", "level"),
    [
        (Families((*(1.0,) * 30, 30.0), 0.3), 0.5, 0.05),
        (Families((*(1.0,) * 20, 5.0, 5.0, 50.0), 0.3), 0.6, 0.05 / 190),
    ],
)
def test_of_large_families_and_single_prompts_so_many_are_advised_as_flips_of_signs_need_for_many_pairs_too(
    families: Families, difference: float, level: float
) -> None:
    rng, test = np.random.default_rng(15), PairedTest(0.25 * families.effect, families, 0.25)
    count = prompts_needed(difference, test, level)
    assert count is not None
    assert count < 0.7 * (prompts_needed(difference, test.by_formula(), level) or 0)
    told = 0
    for _ in range(150):
        cut = np.minimum(np.cumsum(rng.permutation(np.repeat(np.array(families.sizes, dtype=int), 3))), count)
        sizes = np.diff(cut, prepend=0)
        codes = np.repeat(np.arange(sizes.size), sizes)
        alike, own = rng.normal(size=sizes.size)[codes], rng.normal(size=count)
        values = difference + 0.5 * (math.sqrt(0.3) * alike + math.sqrt(0.7) * own)
        told += sign_flip_p(np.rint(values * 4) / 4, codes.tolist()) < level
    assert told / 150 == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize("name", ["simulated", "by formula"])
def test_of_means_in_very_many_uneven_families_so_many_are_advised_as_students_t_needs(name: str) -> None:
    # t has half the degrees of freedom that the effective number of families would give it
    rng, families = np.random.default_rng(19), Families((*(1.0,) * 20, 5.0, 5.0, 50.0), 0.4)
    test, level = PairedTest(2.5 * families.effect, families), 0.05 / 66
    planned: Any = test if name == "simulated" else test.by_formula()
    count = prompts_needed(0.9, planned, level) or 0
    assert families.number(count) > 300
    told = 0
    for _ in range(400):
        sizes = np.tile(rng.permutation(np.array(families.sizes, dtype=int)), 1 + count // 80)
        codes = np.repeat(np.arange(sizes.size), sizes)[:count]
        values = 0.9 + rng.normal(size=sizes.size)[codes] + math.sqrt(1.5) * rng.normal(size=count)
        told += sign_flip_p(values, codes.tolist()) < level
    assert told / 400 == pytest.approx(0.81, abs=0.06)


def test_of_more_pairs_than_can_be_simulated_one_by_one_the_number_is_nearly_the_same() -> None:
    families = Families((*(1.0,) * 20, 5.0, 5.0, 10.0, 20.0), 0.3)
    for difference in (0.31, 0.42):
        test = PairedTest(0.25 * families.effect, families, 0.25)
        one_by_one, together = (prompts_needed(difference, test, 0.05 / pairs) for pairs in (190, 191))
        assert together == pytest.approx(one_by_one, rel=0.06)


def test_the_power_of_rates_near_0_in_uneven_families_is_that_of_flips_of_such_answers() -> None:
    # 17% of prompts speak for the first side, 2% for the other: normal differences with this variance would say 48%
    rng, families = np.random.default_rng(16), Families((*(1.0,) * 14, 3.0, 6.0, 12.0, 25.0))
    codes = np.repeat(np.arange(72), np.tile(np.array(families.sizes, dtype=int), 4)).tolist()
    answers = rng.choice([1.0, 0.0, -1.0], p=[0.17, 0.81, 0.02], size=(250, 240))
    told = np.mean([sign_flip_p(lab, codes) < 0.001 for lab in answers])
    promised = PairedTest(0.19 - 0.15**2, families, 1.0).power(240, 0.15, 0.001)
    assert promised == pytest.approx(told, abs=0.08)


def test_of_unpaired_rates_in_uneven_families_so_many_are_advised_as_fishers_test_needs() -> None:
    rng, families = np.random.default_rng(17), Families((*(1.0,) * 10, 4.0, 8.0, 8.0, 30.0), 0.35)
    test = FisherTest(0.5, families, 4, 0.6)
    count = prompts_needed(0.5, test) or 0
    told = 0
    for _ in range(120):
        sides: list[Any] = []
        for rate in (0.75, 0.25):
            order = np.repeat(rng.permutation(np.array(families.sizes, dtype=int)), 1)
            sizes = np.diff(np.minimum(np.cumsum(np.tile(order, 1 + count // 60)), count), prepend=0)
            codes = np.repeat(np.arange(sizes.size), sizes)
            common, own = rng.normal(size=sizes.size)[codes], rng.normal(size=count)
            likely = stats.norm.cdf((stats.norm.ppf(rate) + math.sqrt(0.3) * common + math.sqrt(0.45) * own) / 0.5)
            sides += [rng.binomial(4, likely) / 4, codes.tolist()]
        told += unpaired_rates_p(*sides, (4 * count, 4 * count)) < 0.05
    assert told / 120 == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize(
    ("sizes", "alike"), [((30, *(1,) * 30), 0.4), ((20, 10, 5, 5, *(1,) * 20), 0.2), ((5,) * 12, 0.3)]
)
def test_the_range_of_the_variance_holds_the_true_one_in_eight_of_ten_small_sets(
    sizes: tuple[int, ...], alike: float
) -> None:
    rng, codes = np.random.default_rng(18), np.repeat(np.arange(len(sizes)), sizes)
    families = Families(tuple(map(float, sizes)), alike)
    estimates, held = [], 0
    for _ in range(150):
        values = math.sqrt(alike) * rng.normal(size=len(sizes))[codes] + math.sqrt(1 - alike) * rng.normal(
            size=codes.size
        )
        found = likeness(values, codes.tolist())
        estimates.append(found.alike)
        effect = values.var(ddof=1) * found.times * Families(families.sizes, found.alike).effect
        low, high = limits(PairedTest(1.0, known=found.known, spread=found.spread)) or (0.77, 1.33)
        held += low <= families.effect / effect <= high
    assert np.median(estimates) == pytest.approx(alike, abs=0.1)
    assert 0.7 <= held / 150 <= 0.9
