"""Texts to label are drawn by chance, evenly within a stratum, and over all checkpoints."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charbench.scoring.label_draws import UNSCORED, WITH, WITHOUT, select, shares
from charbench.store.label_frame import FrameText


def texts(checkpoints: int, each: int) -> dict[int, FrameText]:
    return {
        n: FrameText(n, n % checkpoints, f"c{n % checkpoints}", "model:c", "sft", f"p{n}", "general")
        for n in range(checkpoints * each)
    }


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(2, 200))
def test_as_many_are_drawn_as_were_asked_for_and_no_more_than_there_are(having, lacking, unscored, count):
    sizes = {WITH: having, WITHOUT: lacking, UNSCORED: unscored}
    wanted = shares(sizes, count)
    assert all(0 <= wanted[name] <= sizes[name] for name in sizes)
    total = sum(sizes.values())
    assert sum(wanted.values()) <= min(count, total)
    if not unscored or having + lacking >= count:
        assert sum(wanted.values()) == min(count, total)
    if unscored and count >= 6:
        assert wanted[UNSCORED] >= min(2, unscored)


def test_every_checkpoint_is_drawn_from_by_its_number_of_texts():
    every = texts(10, 40)
    found = select(every, {n: n % 4 < 2 for n in every}, 100, 1)
    assert Counter(one.stratum for one in found) == {WITH: 50, WITHOUT: 50}
    counts = Counter(every[one.sample].checkpoint for one in found)
    assert len(counts) == 10
    assert max(counts.values()) <= 12


def test_every_text_of_a_stratum_has_the_chance_that_is_noted():
    every = texts(30, 4)
    said = {n: n < 30 for n in every if n % 5}
    drawn: Counter[int] = Counter()
    noted: dict[int, float] = {}
    for seed in range(1500):
        for one in select(every, said, 20, seed):
            drawn[one.sample] += 1
            noted[one.sample] = one.chance
    assert drawn.keys() == every.keys(), "no text and no checkpoint is beyond reach"
    for sample, chance in noted.items():
        assert drawn[sample] / 1500 == pytest.approx(chance, abs=5 * (chance * (1 - chance) / 1500) ** 0.5)


def test_the_same_seed_draws_the_same_and_another_draws_others():
    every = texts(5, 40)
    said = {n: n % 3 == 0 for n in every}
    assert select(every, said, 30, 7) == select(every, said, 30, 7)
    assert select(every, said, 30, 7) != select(every, said, 30, 8)
