"""A judge that repeats what it said last is told from one that errs by chance."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from charbench_plugins.scorers.llm_judge.repeats import STOPS, Repeats, mixed, tail


@given(yes=st.integers(0, 40), no=st.integers(0, 40))
def test_every_item_is_asked_about_once_and_where_there_are_as_many_of_both_half_the_answers_change(
    yes: int, no: int
) -> None:
    order = list(mixed([True] * yes, [False] * no))
    assert (order.count(True), order.count(False)) == (yes, no)
    if yes == no > 1:
        changes = sum(one is not other for one, other in pairwise(order))
        assert abs(changes - (len(order) - 1) / 2) <= 1


@given(counts=st.lists(st.integers(0, 30), min_size=4, max_size=4))
def test_the_test_is_fishers(counts: list[int]) -> None:
    from scipy.stats import fisher_exact

    wrong, right, other_wrong, other_right = counts
    table = [[wrong, right], [other_wrong, other_right]]
    expected = float(fisher_exact(table, alternative="greater")[1])
    assert abs(tail(wrong, wrong + right, other_wrong, other_wrong + other_right) - expected) < 1e-9


def chance_of(sticks: float, errs: float, seed: int) -> float:
    """Return what 200 answers show of a judge that repeats its last answer, and errs, in these shares."""
    dice, seen, last = random.Random(seed), Repeats(), False
    for truth in mixed([True] * 100, [False] * 100):
        last = last if dice.random() < sticks else truth is not (dice.random() < errs)
        seen.note(truth, last is truth)
    return seen.chance


def test_errors_that_repeat_the_answer_before_are_told_from_errors_by_chance() -> None:
    assert all(chance_of(0.2, 0.0, seed) < STOPS for seed in range(20))
    assert sum(chance_of(0.0, 0.1, seed) < STOPS for seed in range(100)) <= 2
    assert chance_of(0.0, 0.0, 1) == 1


def test_what_gets_no_answer_is_no_answer_before_the_next() -> None:
    seen = Repeats()
    for truth, right in [(True, True), (False, None), (False, False), (True, False)]:
        seen.note(truth, right)
    assert (seen.other, seen.same) == ([0, 0], [1, 1])
