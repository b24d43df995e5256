"""The sequential test passes good instruments and fails bad ones with the error rates that it states."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import SequentialTest

TEST = SequentialTest()


def test_it_passes_90_percent_and_fails_70_percent_as_often_as_it_says() -> None:
    assert TEST.passes(0.9)[0] == pytest.approx(0.9975, abs=5e-4)
    assert TEST.passes(0.7)[0] == pytest.approx(0.035, abs=1e-3)
    assert TEST.passes(1.0) == (1.0, 12.0)
    assert TEST.passes(0.0) == (0.0, 8.0)


def played(share: float, chance: random.Random) -> tuple[bool, int]:
    right = wrong = 0
    while (decision := TEST.decide(right, wrong)) is None:
        hit = chance.random() < share
        right, wrong = right + hit, wrong + (not hit)
    return decision, right + wrong


def test_what_it_computes_of_itself_is_what_happens() -> None:
    chance = random.Random(3)
    runs = [played(0.8, chance) for _ in range(4_000)]
    passes, answers = TEST.passes(0.8)
    assert sum(passed for passed, _ in runs) / len(runs) == pytest.approx(passes, abs=0.03)
    assert sum(number for _, number in runs) / len(runs) == pytest.approx(answers, rel=0.05)


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_better_instrument_passes_at_least_as_often(one: float, other: float) -> None:
    low, high = sorted((one, other))
    test = SequentialTest(most=24)
    assert test.passes(low)[0] <= test.passes(high)[0] + 1e-12


@given(st.integers(0, 200), st.integers(0, 200))
def test_it_is_decided_at_the_latest_after_most_answers_and_only_at_its_looks(right: int, wrong: int) -> None:
    decision = TEST.decide(right, wrong)
    if right + wrong >= TEST.most:
        assert decision is not None
    elif (right + wrong) % TEST.every:
        assert decision is None


@pytest.mark.parametrize("wrong", [{"good": 0.7, "bad": 0.7}, {"alpha": 0}, {"every": 0}, {"every": 9, "most": 8}])
def test_what_is_no_test_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"needed|between"):
        SequentialTest(**wrong)  # type: ignore[arg-type]
