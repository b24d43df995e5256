"""How many prompts a difference takes where one side was asked more often, so that the p-value is an interval's too."""

from __future__ import annotations

import math

import numpy as np
import pytest

from charbench.analysis.families import Families
from charbench.analysis.paired import paired_rates
from charbench.analysis.planned_intervals import UnevenRates, uneven_rates
from charbench.analysis.planned_tests import PairedTest
from charbench.analysis.power import prompts_needed
from charbench.analysis.simulated_intervals import leaves_zero_out
from charbench.analysis.tiers import LEVEL
from charbench.report.compare.metric import Measure
from charbench.report.compare.pairs import Pair, compare_all
from charbench.report.compare.sides import Side, Unit

FAMILIES = [14, 7, 3, 2, *[1] * 10]
SINGLE = [1] * 25
Labs = tuple[list[int], np.ndarray, np.ndarray]


def of_prompts(rng: np.random.Generator, of: list[int], count: int) -> list[int]:
    """Return the family of each of so many prompts, in families of these sizes."""
    sizes: list[int] = []
    while sum(sizes) < count:
        sizes += [int(size) for size in rng.permutation(of)]
    return np.repeat(np.arange(len(sizes)), sizes)[:count].tolist()


def rates(
    rng: np.random.Generator, of: list[int], count: int, asked: tuple[int, int], true: tuple[float, float]
) -> Labs:
    """Return families and answers (prompts x epochs) of two sides with about these rates."""
    families = of_prompts(rng, of, count)
    alike = rng.normal(0, 0.25, max(families) + 1)[families] + rng.normal(0, 0.5, count)
    chances = [1 / (1 + np.exp(-(math.log(rate / (1 - rate)) + alike))) for rate in true]
    first, second = ((rng.random((count, k)) < p[:, None]).astype(float) for k, p in zip(asked, chances, strict=True))
    return families, first, second


def means(rng: np.random.Generator, of: list[int], count: int, asked: tuple[int, int], gap: float) -> Labs:
    families = of_prompts(rng, of, count)
    alike = rng.normal(0, 0.7, max(families) + 1)[families]
    first, second = (rng.normal(0, 1, (count, k)) for k in asked)
    return families, first + gap + alike[:, None], second


def compared(lab: Labs, *, is_rate: bool) -> Pair:
    """Compare two sides as ``compare`` does."""
    families, sizes, sides = lab[0], np.bincount(lab[0]), []
    for label, answers in zip(("a", "b"), lab[1:], strict=True):
        epochs, means = answers.shape[1], answers.mean(axis=1).tolist()
        spread = answers.var(axis=1, ddof=1).tolist() if epochs > 1 else [math.nan] * len(answers)
        units = {
            ("p", f"q{at}"): Unit(
                f"q{at}", f"f{family}" if sizes[family] > 1 else "general", epochs, int(answers[at].sum()) if is_rate
                else 0, 0, 0, 0, means[at], means[at], math.nan, spread[at], spread[at])
            for at, family in enumerate(families)
        }  # fmt: skip
        sides.append(Side(label, [], units))
    (pair,) = compare_all(sides, Measure("x.x", "x", is_rate, True, {})).pairs
    return pair


def test_sides_that_were_asked_as_often_need_nothing_of_the_interval() -> None:
    a, b, clusters = [0.5, 1, 0, 0.5], [0, 0.5, 0, 0], range(4)
    assert uneven_rates(a, b, clusters, ([4] * 4, [4] * 4)) is None
    told = uneven_rates(a, b, clusters, ([4] * 4, [1] * 4))
    assert told is not None
    assert (told.rate, told.answers) == (pytest.approx(0.3125), (4, 1))
    assert uneven_rates(b, a, clusters, ([4] * 4, [1] * 4)).answers == (1, 4)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("of", "asked", "true"),
    [(FAMILIES, (6, 2), 0.5), (FAMILIES, (1, 4), 0.5), (SINGLE, (1, 4), 0.5), ([9, 9, 9], (8, 2), 0.8)],
)
def test_the_interval_of_many_labs_leaves_0_out_where_that_of_each_does(
    of: list[int], asked: tuple[int, int], true: float
) -> None:
    rng, sums, sizes, expected = np.random.default_rng(3), [], [], []
    for _ in range(40):
        families, *answers = rates(rng, of, 36, asked, (true, 0.2))
        first, second = (side.mean(axis=1) for side in answers)
        found = paired_rates(first, second, families, ([asked[0]] * 36, [asked[1]] * 36))
        expected.append(found.low > 0 or found.high < 0)
        sizes.append(np.bincount(families, minlength=37))
        sums.append([np.bincount(families, side, 37) for side in (first, second)])
    two = np.array(sums)
    told = leaves_zero_out((two[:, 0], two[:, 1]), np.array(sizes), (float(asked[0]), float(asked[1])), LEVEL)
    assert told.tolist() == expected
    assert 0 < sum(expected) < 40


def test_few_prompts_that_the_interval_cannot_tell_apart_are_not_promised_to_be_enough() -> None:
    # below 4.5 effective families the interval takes no side for like the other
    sizes = Families(tuple(map(float, sorted(FAMILIES))), 0.2)
    alone = PairedTest(0.1 * sizes.effect, sizes, 2 / 19)
    both = PairedTest(0.1 * sizes.effect, sizes, 2 / 19, uneven=UnevenRates(0.28, (16, 3), 0.2, 0.05))
    assert both.power(28, 0.34, LEVEL) < 0.4 < 0.75 < alone.power(28, 0.34, LEVEL)
    assert prompts_needed(0.34, both) > 1.4 * prompts_needed(0.34, alone)  # type: ignore[operator]


def test_at_the_level_of_many_pairs_such_a_number_is_nearly_the_same_as_one_that_is_looked_for_alone() -> None:
    sizes = Families(tuple(map(float, sorted(FAMILIES))), 0.2)
    test = PairedTest(0.1 * sizes.effect, sizes, 2 / 19, uneven=UnevenRates(0.28, (16, 3), 0.2, 0.05))
    one, together = (prompts_needed(0.34, test, LEVEL / pairs) for pairs in (190, 191))
    assert together == pytest.approx(one, rel=0.08)


def test_of_means_noise_that_is_more_than_was_seen_takes_more_prompts() -> None:
    even, noisy = PairedTest(1.0), PairedTest(1.0, noise=2.0)
    assert prompts_needed(0.5, noisy) == pytest.approx(1.5 * (prompts_needed(0.5, even) or 0), rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("of", "asked", "true", "before"),
    [
        (FAMILIES, (16, 3), (0.45, 0.1), "24%"),
        (FAMILIES, (5, 1), (0.6, 0.35), "55%"),
        (FAMILIES, (1, 6), (0.9, 0.7), "17%"),
        (SINGLE, (6, 1), (0.25, 0.08), "69%"),
    ],
)
def test_new_labs_of_so_many_prompts_find_rates_apart_as_often_as_is_said(
    of: list[int], asked: tuple[int, int], true: tuple[float, float], before: str
) -> None:
    rng = np.random.default_rng(5)
    gap = float(np.subtract(*(side.mean() for side in rates(rng, SINGLE, 20000, (9, 9), true)[1:])))
    pilots = [compared(rates(rng, of, 20 * sum(of), asked, true), is_rate=True) for _ in range(5)]
    count = round(float(np.median([pilot.needed(gap) for pilot in pilots])))  # type: ignore[type-var]
    found = [compared(rates(rng, of, count, asked, true), is_rate=True).difference.p < LEVEL for _ in range(300)]
    assert np.mean(found) == pytest.approx(0.81, abs=0.075), f"{before} where the interval was not simulated"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("of", "asked", "true"),
    [(SINGLE, (4, 4), (0.4, 0.2)), (FAMILIES, (1, 1), (0.5, 0.2)), (FAMILIES, (4, 4), (0.5, 0.3))],
)
def test_the_number_of_a_small_set_is_neither_too_low_nor_far_too_high_on_average(
    of: list[int], asked: tuple[int, int], true: tuple[float, float]
) -> None:
    rng, found = np.random.default_rng(8), []
    gap = float(np.subtract(*(side.mean() for side in rates(rng, SINGLE, 20000, (9, 9), true)[1:])))
    for _ in range(150):
        if count := compared(rates(rng, of, sum(of), asked, true), is_rate=True).needed(gap):
            new = [compared(rates(rng, of, count, asked, true), is_rate=True).difference.p < LEVEL for _ in range(2)]
            found.append(np.mean(new))
    assert np.mean(found) == pytest.approx(0.82, abs=0.06)


@pytest.mark.slow
def test_new_labs_of_so_many_prompts_find_means_apart_as_often_as_is_said() -> None:
    rng = np.random.default_rng(6)
    pilots = [compared(means(rng, [3] * 12, 720, (8, 1), 0.6), is_rate=False) for _ in range(5)]
    count = round(float(np.median([pilot.needed(0.6) for pilot in pilots])))  # type: ignore[type-var]
    found = [compared(means(rng, [3] * 12, count, (8, 1), 0.6), is_rate=False).difference.p < LEVEL for _ in range(300)]
    assert np.mean(found) == pytest.approx(0.81, abs=0.075)


@pytest.mark.slow
def test_of_the_pairs_of_many_checkpoints_each_is_told_about_as_many_prompts_as_alone() -> None:
    rng, times = np.random.default_rng(3), []
    for _ in range(40):  # as where answers are missing here and there: no two pairs share the same prompts
        families = Families((14.0, 7.0, 3.0, 2.0, *(1.0,) * int(rng.integers(8, 12))), float(rng.uniform(0, 0.5)))
        asked = float(rng.choice([5.0, 6.0])), float(rng.choice([1.0, 2.0]))
        sides = UnevenRates(float(rng.uniform(0.3, 0.7)), asked, float(rng.uniform(0, 0.4)), float(rng.uniform(0, 0.3)))
        variance = float(rng.uniform(0.15, 0.3)) * families.effect
        test = PairedTest(variance, families, 0.2, uneven=sides if rng.random() < 0.5 else None)
        gap = float(rng.uniform(0.2, 0.4))
        alone, together = (prompts_needed(gap, test, LEVEL / pairs) for pairs in (190, 192))
        times.append((together or 0) / (alone or 1))
    assert np.median(times) == pytest.approx(1, abs=0.05)
    assert max(times) < 1.4
    assert min(times) > 1 / 1.4
