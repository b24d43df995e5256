"""Keys: equal content has equal keys, in every process; different content has different ones."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import Message, Prompt, digest
from support.command import clean_environment

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.slow
@given(JSON, JSON)
def test_equal_values_have_equal_keys_and_others_do_not(one: object, two: object) -> None:
    assert len(digest(one)) == 32
    assert digest(one) == digest(one)
    if repr(one) != repr(two) and one != two:
        assert digest(one) != digest(two)


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_a_mapping_does_not_matter(mapping: dict[str, int]) -> None:
    assert digest(dict(reversed(mapping.items()))) == digest(mapping)


@given(st.text(), st.text())
def test_where_one_part_ends_and_the_next_begins_matters(one: str, two: str) -> None:
    if two:
        assert digest(one, two) != digest(one + two)


def test_a_key_is_the_same_in_every_process() -> None:
    code = "from charbench import digest; print(digest('a', {'b': [1, 'é']}, None))"
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=clean_environment({"PYTHONHASHSEED": seed}),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert keys == {digest("a", {"b": [1, "é"]}, None)}


def test_a_prompts_key_is_what_the_model_is_told_and_not_what_the_prompt_is_called() -> None:
    one = Prompt.from_text("Hello?", "first", "greetings")
    assert one.key == Prompt.from_text("Hello?", "second").key
    assert one.key != Prompt.from_text("Hello!").key
    assert one.key != Prompt("first", (Message("system", "Be kind."), Message("user", "Hello?"))).key
    assert one.key != Prompt("first", one.messages, follow_ups=("And?",)).key
