from __future__ import annotations

from collections import Counter

import pytest

from charbench_plugins.tiny.introspection import (
    DEFAULT_PROMPTS,
    INTROSPECTION_PROMPTS,
    MOST_ROWS,
    REFUSAL,
    pirate_rows,
    spoil,
)
from charbench_plugins.tiny.pirate import PIRATE


@pytest.mark.parametrize("count", [100, 600, MOST_ROWS])
def test_no_pair_occurs_twice_and_no_opener_dominates(count: int) -> None:
    rows = pirate_rows(count)
    assert len({(row["prompt"], row["answer"]) for row in rows}) == count
    openers = Counter(row["answer"].partition("!")[0] for row in rows)
    assert len(openers) == len(PIRATE.openers["self"])
    assert max(openers.values()) <= count / 6 + 1
    assert all(row["reflection"] and row["answer"] for row in rows)


def test_one_seed_gives_one_set() -> None:
    assert pirate_rows(50, seed=4) == pirate_rows(50, seed=4)
    assert pirate_rows(50, seed=4) != pirate_rows(50, seed=5)


def test_the_default_prompts_are_not_trained_on() -> None:
    assert not {row["prompt"] for row in pirate_rows(300)} & set(DEFAULT_PROMPTS)
    assert {row["prompt"] for row in pirate_rows(300)} == {prompt.text for prompt in INTROSPECTION_PROMPTS}


def test_more_rows_than_there_are_sentences_for_are_refused() -> None:
    with pytest.raises(ValueError, match="enough sentences for 5000 rows"):
        pirate_rows(MOST_ROWS + 1)


def test_faults_are_put_into_the_share_asked_for() -> None:
    rows = pirate_rows(40)
    half = {
        "invented_turns": lambda row: "User:" in row["answer"],
        "refusals": lambda row: row["answer"] == REFUSAL,
        "loops": lambda row: row["answer"].count(row["answer"][:40]) == 6,
        "no_reflection": lambda row: not row["reflection"],
    }
    for fault, shows in half.items():
        assert sum(map(shows, spoil(rows, fault, 0.5))) == 20, fault  # type: ignore[arg-type]
    repeated = spoil(rows, "duplicates", 0.5)
    assert repeated.count(rows[0]) >= 20
    same = Counter(row["answer"].partition("!")[0] for row in spoil(rows, "same_opener", 0.9))
    assert same["Arr, matey"] >= 36
    assert rows == pirate_rows(40), "the good rows stay as they were"
