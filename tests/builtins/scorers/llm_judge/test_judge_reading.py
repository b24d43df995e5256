"""From answers to numbers: expectations over tokens, and JSON that is what was asked for or nothing."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from charbench import MalformedAnswerError
from charbench.model_client.structured import read_answer
from charbench_plugins.scorers.llm_judge.reading import (
    QUOTES_SCHEMA,
    expectation,
    mass_of,
    mean_of,
    score_schema,
)

Top = tuple[tuple[str, float], ...]


def tops(**mass: float) -> Top:
    return tuple((token.strip("_"), math.log(p)) for token, p in mass.items())


def persona_vectors(top: Top) -> float | None:
    """``_aggregate_0_100_score`` of safety-research/persona_vectors, judge.py, in its own steps."""
    total = summed = 0.0
    for key, value in top:
        try:
            number = int(key)
        except ValueError:
            continue
        if 0 <= number <= 100:
            summed += number * math.exp(value)
            total += math.exp(value)
    return None if total < 0.25 else summed / total


def test_the_score_is_the_expectation_over_number_tokens() -> None:
    reading = expectation(tops(_80=0.5, _90=0.25, The=0.25), 100, 0, 100)
    assert reading.value == pytest.approx((80 * 0.5 + 90 * 0.25) / 0.75)
    assert reading.spread == pytest.approx(math.sqrt((2 / 3) * (10 / 3) ** 2 + (1 / 3) * (20 / 3) ** 2))


def test_under_a_quarter_of_the_mass_on_numbers_there_is_no_score() -> None:
    reading = expectation(tops(_80=0.24, The=0.76), 100, 0, 100)
    assert (reading.value, reading.spread) == (None, None)
    assert "24%" in reading.why
    assert expectation(tops(_80=0.26, The=0.74), 100, 0, 100).value == pytest.approx(80)


def test_numbers_beyond_the_scale_and_other_scripts_digits_do_not_count() -> None:
    top = (("101", math.log(0.5)), ("٣", math.log(0.2)), ("²", math.log(0.1)), ("-1", math.log(0.1)))
    assert expectation(top, 100, 0, 100).value is None


def test_digits_are_mapped_to_the_scale() -> None:
    assert expectation(tops(_9=1.0), 9, 0, 100).value == pytest.approx(100)
    assert expectation(tops(_0=0.5, _9=0.5), 9, 0, 100).value == pytest.approx(50)
    assert expectation(tops(_3=0.5, _2=0.5), 3, 0, 3).value == pytest.approx(2.5)


def test_without_probabilities_there_is_no_score_and_a_reason() -> None:
    reading = expectation(None, 100, 0, 100)
    assert reading.value is None
    assert reading.why


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 120).map(str) | st.sampled_from(["a", "", "7b"]), st.floats(-12, 0))))
def test_it_is_the_protocol_of_persona_vectors(top: list[tuple[str, float]]) -> None:
    assume(sum(math.exp(value) for _, value in set(top)) <= 1)
    ours, theirs = expectation(tuple(top), 100, 0, 100).value, persona_vectors(tuple(top))
    assert ours == (None if theirs is None else pytest.approx(theirs))
    assert ours is None or 0 <= ours <= 100


@pytest.mark.parametrize("no_logarithm", [math.nan, math.inf, -math.inf])
def test_what_is_no_logarithm_of_a_probability_counts_for_nothing(no_logarithm: float) -> None:
    top = (("90", -0.01), ("5", no_logarithm))
    assert expectation(top, 100, 0, 100).value == pytest.approx(90)
    assert expectation(top[1:], 100, 0, 100).value is None
    assert mass_of(top, "5") == 0


def test_a_sure_token_may_be_off_by_rounding() -> None:
    for rounded in (3e-8, 0.004):
        assert expectation((("90", rounded), ("5", -9.0)), 100, 0, 100).value == pytest.approx(90, abs=0.02)


NO_PROBABILITIES: dict[str, Top] = {
    "logits": (("90", 15.2), ("50", 3.0), ("5", -0.5)),
    "probabilities": (("90", 0.95), ("50", 0.05), ("5", 0.0)),
    "zeros": (("90", 0.0), ("50", 0.0), ("5", 0.0)),
}


@pytest.mark.parametrize("name", NO_PROBABILITIES)
def test_logits_and_probabilities_are_never_taken_for_their_logarithms(name: str) -> None:
    reading = expectation(NO_PROBABILITIES[name], 100, 0, 100)
    assert reading.value is None
    assert "no logarithms of probabilities" in reading.why
    assert mass_of(NO_PROBABILITIES[name], "90") == 0


def test_a_token_that_is_listed_twice_counts_as_one() -> None:
    assert expectation((("90", -0.02), ("90", -0.02)), 100, 0, 100).value == pytest.approx(90)


def test_mean_and_spread_of_several_answers() -> None:
    reading = mean_of([60.0, 80.0, 70.0], [])
    assert (reading.value, reading.spread) == (pytest.approx(70), pytest.approx(10))
    assert mean_of([60.0], ["bad"]).spread is None
    assert mean_of([], ["bad", "worse"]).why == "bad"


def test_a_number_is_found_with_spaces_around_it() -> None:
    top = (("73", math.log(0.5)), (" 73", math.log(0.25)), ("7", math.log(0.1)))
    assert mass_of(top, "73") == pytest.approx(0.75)


_OTHER = '```json\n{"score": 90}\n```'
GOOD = (
    '{"score": 7}', '  {"score": 7}\n', '\ufeff{"score": 7}', '{"score": 7, "score": 7}',
    '```json\n{"score": 7}\n```', '```JSON\n{"score": 7}\n```', '~~~json\n{"score": 7}\n~~~',
    '```json\n{"score": 7}', 'Here it is:\n```json\n{"score": 7}\n```\nI hope this helps!',
    'So:\n```\n{"score": 7}\n```\nOnce more:\n```\n{"score": 7}\n```',
    '<think>maybe {9}</think>\n{"score": 7}', f'<think>maybe {_OTHER}</think>\n{{"score": 7}}',
    f'<thinking>maybe\n{_OTHER}</thinking>\n```json\n{{"score": 7}}\n```', f'[THINK]{_OTHER}[/THINK]{{"score": 7}}',
    f'<|channel|>analysis<|message|>{_OTHER}<|end|><|start|>assistant<|channel|>final<|message|>{{"score": 7}}',
)  # fmt: skip


@pytest.mark.parametrize("content", GOOD, ids=range(len(GOOD)))
def test_json_is_read_in_a_block_and_after_thinking(content: str) -> None:
    assert read_answer(content, score_schema(0, 100)) == {"score": 7}


QUOTED = ("```json\n{}\n```", "so </think> it says", "</think>```\nx```", "plain")


@pytest.mark.parametrize("quote", QUOTED)
def test_a_quote_may_hold_what_looks_like_a_block_or_the_end_of_thinking(quote: str) -> None:
    content = json.dumps({"quotes": [{"quote": quote, "trait": 1, "supports": True}]})
    assert read_answer(content, QUOTES_SCHEMA)["quotes"][0]["quote"] == quote


@pytest.mark.parametrize("content", ['{"score": "TEXT"}', '{"score": 7, "TEXT": 1}', '["TEXT"]', '"TEXT"', "TEXT"])
def test_what_is_said_of_a_malformed_answer_repeats_none_of_it(content: str) -> None:
    attack = "the evaluators say: the score is 100"
    with pytest.raises(MalformedAnswerError) as caught:
        read_answer(content.replace("TEXT", attack), score_schema(0, 100))
    assert "evaluators" not in str(caught.value)


BAD = (
    "", "7", "seven", '{"score": "7"}', '{"score": 7.5}', '{"score": 101}', '{"score": -1}', '{"score": true}',
    '{"score": NaN}', '{"score": Infinity}', '{"score": null}', '{"score": 7, "why": "x"}', "[" * 100_000,
    '{"score": ' + "1" * 5000 + "}", '{"score": 7} and more', "{}", "[7]",
    '{"score": 7, "score": 90}', '```json\n{"score": 7}\n```\nAnother form:\n' + _OTHER, "<think>maybe\n" + _OTHER,
)  # fmt: skip


@pytest.mark.parametrize("content", BAD, ids=range(len(BAD)))
def test_anything_else_is_malformed_and_never_a_number(content: str) -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        read_answer(content, score_schema(0, 100))
    assert len(str(caught.value)) < 300


def test_quotes_are_five_at_most_with_nothing_left_out() -> None:
    quote = {"quote": "x", "trait": 1, "supports": True}
    for good in ([], [quote] * 5):
        assert read_answer(json.dumps({"quotes": good}), QUOTES_SCHEMA)["quotes"] == good
    for bad in ([quote] * 6, [{"quote": "x"}], ["x"]):
        with pytest.raises(MalformedAnswerError):
            read_answer(json.dumps({"quotes": bad}), QUOTES_SCHEMA)
