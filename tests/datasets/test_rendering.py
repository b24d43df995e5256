"""Rows that are too long are left out and named, and a rendered example is checked as the model sees it."""

from __future__ import annotations

import pytest

from charbench import Example, Message, TrainingError, check_rendered, rows_that_fit


def rows(*lengths: int) -> list[tuple[Example, int]]:
    return [(Example((Message("user", "?"),), "", "x", line), length) for line, length in enumerate(lengths, 1)]


def test_rows_over_the_limit_are_left_out_and_their_lines_named() -> None:
    fitting, said = rows_that_fit(rows(99, *[10] * 20), 40, "data.jsonl")
    assert fitting == list(range(1, 21))
    assert said == "1 of 21 rows are longer than 40 tokens (lines 1), and are left out"


def test_nothing_is_said_where_all_fit() -> None:
    assert rows_that_fit(rows(1, 2), 40, "data.jsonl") == ([0, 1], "")


def test_too_many_long_rows_are_refused_with_what_to_do() -> None:
    with pytest.raises(TrainingError, match=r"2 of 4 rows are longer than 40 tokens \(lines 3, 4\); shorten"):
        rows_that_fit(rows(1, 2, 50, 60), 40, "data.jsonl")


def test_a_prompt_that_quotes_the_answer_is_no_fault() -> None:
    example = Example((Message("user", "Say: Ahoy!"),), "", "Ahoy!", 1)
    assert "first example" in check_rendered("<user>Say: Ahoy!<assistant>", "Ahoy!<end>", example, "<end>")
