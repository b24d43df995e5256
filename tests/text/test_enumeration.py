"""Names in a sentence: the first few, and how many more there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import short_list


@pytest.mark.parametrize(
    ("names", "most", "shown"),
    [
        ([], 3, ""),
        (["a"], 3, "a"),
        (["a", "b", "c"], 3, "a, b, c"),
        (["a", "b", "c", "d"], 3, "a, b, c and 1 more"),
        (range(1_203), 3, "0, 1, 2 and 1,200 more"),
        (["a", "b"], 1, "a and 1 more"),
    ],
)
def test_the_first_names_stand_there_and_the_others_are_counted(names: list[str], most: int, shown: str) -> None:
    assert short_list(names, most) == shown


@given(st.integers(0, 3_000), st.integers(1, 20))
def test_no_name_is_lost_in_the_count(count: int, most: int) -> None:
    shown = short_list([f"x{number}" for number in range(count)], most)
    named = shown.count("x")
    more = int(shown.rpartition(" and ")[2].removesuffix(" more").replace(",", "")) if shown.endswith("more") else 0
    assert named == min(count, most)
    assert named + more == count
