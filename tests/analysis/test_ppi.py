"""Rates that labels correct: what their intervals promise, they hold, however few labels there are."""

from __future__ import annotations

import math
import random
from statistics import fmean

import pytest

from charbench.analysis.ppi import powered_rate
from charbench.analysis.wilson import wilson


@pytest.mark.parametrize("count", [10, 20, 50])
def test_labels_that_are_all_alike_give_about_wilsons_interval(count):
    rate = powered_rate([True] * count, [True, False] * (count // 2), 0.5, 1000)
    assert (rate.value, rate.high) == (1, 1)
    assert rate.low == pytest.approx(wilson(count, count).low, abs=0.06)


def test_a_machine_that_agrees_on_all_labels_may_still_err_once_in_as_many():
    human = [True, False] * 10
    rate = powered_rate(human, human, 0.5, 10_000)
    assert rate.value == pytest.approx(0.5)
    assert rate.low < 0.5 - 1 / 20 < 0.5 + 1 / 20 < rate.high


def test_labels_of_very_different_weight_are_worth_few():
    human = [True] * 20
    even = powered_rate(human, human, 1.0, 1000, [50.0] * 20)
    uneven = powered_rate(human, human, 1.0, 1000, [405.0, 405.0, *[10.0] * 18])
    assert uneven.low < even.low - 0.2


def test_a_rate_and_its_interval_stay_within_0_and_1():
    rate = powered_rate([False] * 10, [True, *[False] * 9], 0.02, 1000)
    assert 0 == rate.low <= rate.value <= rate.high <= 1
    assert math.isnan(powered_rate([True], [True], 0.5, 10).value)


@pytest.mark.parametrize("count", [10, 20, 30, 60])
@pytest.mark.parametrize("drawn_evenly", [True, False])
def test_95_percent_intervals_cover_the_truth_in_93_percent_and_more(count, drawn_evenly):
    """Averaged over rates from 0.05 to 0.95, for machines from perfect to useless; in none of these below 86%.

    Unevenly drawn: half of the labels are of texts that the machine calls in character.
    """
    covered = []
    for truth in (0.05, 0.2, 0.5, 0.8, 0.95):
        for seen, spared in ((1.0, 1.0), (0.97, 0.97), (0.8, 0.75), (0.6, 0.5), (1.0, 0.0)):
            draw = random.Random(f"{truth} {seen}")
            covered.append(fmean(_covers(draw, truth, seen, spared, count, drawn_evenly) for _ in range(80)))
    assert fmean(covered) >= 0.93
    assert min(covered) >= 0.86


def _covers(draw: random.Random, truth: float, seen: float, spared: float, count: int, drawn_evenly: bool) -> bool:
    human = [draw.random() < truth for _ in range(400)]
    machine = [draw.random() < (seen if y else 1 - spared) for y in human]
    if drawn_evenly:
        strata = [(list(range(400)), count)]
    else:
        hits, misses = ([i for i in range(400) if machine[i] is said] for said in (True, False))
        many = min(len(hits), max(count // 2, count - len(misses)))
        strata = [(hits, many), (misses, count - many)]
    chosen, weights = [], []
    for members, wanted in (stratum for stratum in strata if stratum[1]):
        chosen += draw.sample(members, wanted)
        weights += [len(members) / wanted] * wanted
    people, said = [human[i] for i in chosen], [machine[i] for i in chosen]
    rate = powered_rate(people, said, fmean(machine), 400, weights)
    return rate.low <= truth <= rate.high
