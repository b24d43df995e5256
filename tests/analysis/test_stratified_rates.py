"""A rate over a set of texts, from labels that were drawn with known chances."""

from __future__ import annotations

import math
import random
from collections import Counter
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charbench.analysis.stratified_rates import LabelledText, jeffreys, stratified_rate

few = settings(max_examples=50, deadline=None)


def labelled(values, weight=10.0, kind="yes", stratum="s"):
    return [LabelledText(value, weight, stratum, number % 3, kind) for number, value in enumerate(values)]


@few
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_classes_count_by_their_numbers_of_texts(yes, no):
    found = stratified_rate([*labelled(yes), *labelled(no, kind="no")], {"yes": 100, "no": 300})
    assert found.value == pytest.approx(0.25 * fmean(yes) + 0.75 * fmean(no))
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1
    assert found.unlabelled == 0


@few
@given(st.lists(st.booleans(), min_size=2, max_size=40))
def test_yes_and_no_may_change_places(values):
    one = stratified_rate(labelled(map(float, values)), {"yes": 500})
    other = stratified_rate(labelled(1.0 - value for value in values), {"yes": 500})
    assert (one.value, one.low, one.high) == pytest.approx((1 - other.value, 1 - other.high, 1 - other.low))


def test_labels_that_are_all_alike_keep_their_uncertainty_as_independent_ones_do():
    found = stratified_rate(labelled([1.0] * 20, 1e6), {"yes": 20_000_000})
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(jeffreys(1, 20)[0], abs=0.02)


def test_of_several_classes_one_whose_labels_are_all_alike_is_open_at_one_end():
    sizes = {"yes": 20_000_000, "no": 20}
    found = stratified_rate(labelled([1.0] * 20, 1e6), sizes).classes["yes"]
    assert found.high == 1
    assert found.low == pytest.approx(jeffreys(1, 20, 0.9)[0], abs=0.02)


@pytest.mark.slow
@given(values=st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=19))
def test_no_end_denies_what_the_labels_themselves_say(values: list[float]) -> None:
    size = 20
    found = stratified_rate(labelled(values, size / len(values)), {"yes": size})
    assert sum(values) / size <= found.value + 1e-9
    assert found.low >= sum(values) / size - 1e-9
    assert found.high <= 1 - sum(1 - value for value in values) / size + 1e-9


def test_a_text_that_stands_for_more_counts_for_more():
    found = stratified_rate([*labelled([1.0] * 5, 30.0), *labelled([0.0] * 15, 10.0)], {"yes": 300})
    assert found.value == pytest.approx(0.5)


def test_a_class_without_a_label_may_be_all_or_nothing():
    found = stratified_rate(labelled([1.0, 0.0] * 10), {"yes": 300, "no answer": 100})
    assert found.value == pytest.approx(0.5)
    assert found.unlabelled == 0.25
    assert found.low < 0.375 - 0.05
    assert found.high > 0.625 + 0.05
    assert math.isnan(stratified_rate([], {"yes": 5}).value)


def test_a_class_that_is_labelled_whole_is_known():
    found = stratified_rate(labelled([1.0, 0.0, 1.0, 1.0], 1.0), {"yes": 4})
    assert (found.low, found.value, found.high) == (0.75, 0.75, 0.75)


def test_checkpoints_that_differ_widen_nothing_where_each_was_drawn_from():
    """Of two checkpoints one always has the trait: labels spread over both know the rate better than as many anyhow."""
    spread = [LabelledText(float(n % 2), 50.0, "s", n % 2, "yes") for n in range(40)]
    anyhow = [LabelledText(float(n % 2), 50.0, "s", "all", "yes") for n in range(40)]
    narrow, wide = (stratified_rate(each, {"yes": 2000}) for each in (spread, anyhow))
    assert narrow.high - narrow.low < 0.6 * (wide.high - wide.low)


def test_weights_undo_an_uneven_draw_as_often_as_the_interval_says():
    """In character: 10% of 1,000; half of those drawn are such as the scorer calls in character."""
    draw = random.Random(3)
    truth = [1.0] * 100 + [0.0] * 900
    machine = [draw.random() < (0.9 if y else 0.1) for y in truth]
    members = {said: [i for i, f in enumerate(machine) if f is said] for said in (True, False)}
    found = []
    for _ in range(300):
        drawn = [
            LabelledText(truth[i], len(mine) / 60, said, i % 4, said)
            for said, mine in members.items()
            for i in draw.sample(mine, 60)
        ]
        found.append(stratified_rate(drawn, Counter(machine)))
    assert fmean(one.value for one in found) == pytest.approx(0.1, abs=0.003)
    assert 0.92 <= fmean(one.low <= 0.1 <= one.high for one in found) <= 0.99
