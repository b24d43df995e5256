"""Thinking and response are told apart in every shape that servers send, and no text is lost on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import Completion, Failure, ThinkingState
from charbench.domain.thinking import CLOSED_PREFILL, OPEN_PREFILL, attribute, find_tags
from charbench.testing import THINKING_CASES, ThinkingCase

UNCLOSED = {
    "stop": ThinkingState.UNCLOSED_STOP,
    "length": ThinkingState.UNCLOSED_LENGTH,
    None: ThinkingState.UNCLOSED_UNKNOWN,
}


@pytest.mark.parametrize("case", THINKING_CASES, ids=str)
def test_every_shape_that_servers_send_is_told_apart(case: ThinkingCase) -> None:
    told = attribute(case.completion)
    assert (told.response, told.thinking, told.state) == (case.response, case.thinking, case.state)


@pytest.mark.parametrize("case", THINKING_CASES, ids=str)
def test_a_keyword_that_stands_only_in_the_thinking_is_never_in_the_response(case: ThinkingCase) -> None:
    assert "They want a sailor" not in attribute(case.completion).response


def test_every_shape_has_a_name_of_its_own() -> None:
    names = [case.name for case in THINKING_CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", THINKING_CASES, ids=str)
def test_a_shape_as_json_says_what_its_completion_says(case: ThinkingCase) -> None:
    (choice,) = case.answer()["choices"]
    content, reasoning = choice["message"]["content"], choice["message"].get(case.reasoning_field or "reasoning")
    if isinstance(content, list):
        thought, *spoken = content
        content = spoken[0]["text"] if spoken else None
        reasoning = thought["thinking"] if isinstance(thought["thinking"], str) else thought["thinking"][0]["text"]
    assert content == case.completion.text
    assert reasoning == case.completion.reasoning
    assert choice["finish_reason"] == case.completion.finish_reason


def test_a_failed_sample_has_no_thinking_state_but_error() -> None:
    told = attribute(Completion(failure=Failure("timeout", "too late"), response="half an answer"))
    assert (told.state, told.response) == (ThinkingState.ERROR, "half an answer")


@pytest.mark.parametrize(
    ("thinking", "response", "finish", "state"),
    [
        ("hm", "ahoy", "stop", ThinkingState.CLOSED),
        ("", "ahoy", "stop", ThinkingState.NONE),
        ("hm", "", "stop", ThinkingState.UNCLOSED_STOP),
        ("hm", " ", "length", ThinkingState.UNCLOSED_LENGTH),
        ("hm", "", None, ThinkingState.UNCLOSED_UNKNOWN),
        ("", "", None, ThinkingState.NONE),
    ],
)
def test_a_recording_keeps_the_channels_that_somebody_else_has_split(
    thinking: str, response: str, finish: str | None, state: ThinkingState
) -> None:
    told = attribute(Completion(thinking=thinking, response=response, finish_reason=finish))
    assert (told.thinking, told.response, told.state) == (thinking, response, state)


def test_tags_in_a_recordings_thinking_are_left_alone() -> None:
    told = attribute(Completion(thinking="a</think>b", response="c"))
    assert (told.thinking, told.response) == ("a</think>b", "c")


@pytest.mark.parametrize("thinking", ["", "Which tides?", " Which\ntides? "])
def test_thinking_in_a_recordings_response_is_thinking_and_counted_once(thinking: str) -> None:
    told = attribute(Completion(thinking=thinking, response="<think>\nWhich tides?\n</think>\n\nTwo a day."))
    assert (told.thinking, told.response, told.state) == ("Which tides?", "Two a day.", ThinkingState.CLOSED)


# Properties. Texts are made of numbered words, so that each can be looked for.

TAGS = ("<think>", "</think>", "<thinking>", "</thinking>", "[THINK]", "[/THINK]", "<THINK>", "</Think>")
GLUE = ("", " ", "\n", "\n\n", "`", '"', "'", "“", "”", "```\n", "\n```", "```xml\n", "<", ">", "</", "[", "think>")
FINISH = st.sampled_from(["stop", "length", None])
PREFILL = st.sampled_from(["", OPEN_PREFILL, CLOSED_PREFILL])


@st.composite
def tangles(draw: st.DrawFn) -> str:
    """Any nesting, repetition and truncation of tags, between numbered words, quotes and code."""
    pieces = draw(st.lists(st.one_of(st.sampled_from(TAGS), st.sampled_from(GLUE), st.just("word")), max_size=24))
    text = "".join(f"w{number}." if piece == "word" else piece for number, piece in enumerate(pieces))
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


@st.composite
def completions(draw: st.DrawFn) -> Completion:
    return Completion(
        text=draw(st.none() | tangles()),
        reasoning=draw(st.none() | tangles().map(lambda text: text.replace("w", "r"))),
        prefill=draw(PREFILL),
        finish_reason=draw(FINISH),
        thinking_off=draw(st.booleans()),
    )


def visible(text: str | None) -> Counter[str]:
    return Counter("".join((text or "").split()))


def without_tags(text: str, *, opened: bool) -> str:
    tags = list(find_tags(text, opened=opened))
    edges = [0, *(edge for tag in tags for edge in (tag.start, tag.end)), len(text)]
    return "".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))


def stands_twice(completion: Completion) -> bool:
    """Whether the reasoning field says what stands between tags in the text."""
    if completion.text is None or not (completion.reasoning or "").strip() or not list(find_tags(completion.text)):
        return False
    inline = attribute(Completion(text=completion.text))
    field = attribute(Completion(text=completion.reasoning, prefill=OPEN_PREFILL))
    return not field.response and field.thinking.split() == inline.thinking.split()


@given(completions())
def test_no_character_is_lost_or_counted_in_two_channels(completion: Completion) -> None:
    told = attribute(completion)
    text, reasoning = completion.text or "", completion.reasoning or ""
    opened = completion.prefill == OPEN_PREFILL and not reasoning.strip()
    came = visible(without_tags(text, opened=opened)) + visible(without_tags(reasoning, opened=True))
    if completion.text is None and completion.reasoning is None:
        came = Counter()
    if stands_twice(completion):
        came = visible(without_tags(text, opened=opened))
    assert visible(told.response) + visible(told.thinking) == came


@given(completions())
def test_every_word_stands_in_exactly_one_channel_and_in_its_order(completion: Completion) -> None:
    told = attribute(completion)
    words = [f"{sign}{number}." for sign in "rw" for number in range(24)]
    for word in words:
        came = (completion.text or "").count(word) + (completion.reasoning or "").count(word)
        assert told.response.count(word) + told.thinking.count(word) == came
    for channel in (told.response, told.thinking):
        places = [channel.find(word) for word in words if word in channel]
        assert all(a < b for a, b in pairwise(places))


@given(completions())
def test_tags_are_cut_where_they_stand_and_nothing_else_is(completion: Completion) -> None:
    text = completion.text or ""
    for tag in attribute(completion).tags:
        assert text[tag.start : tag.end].lower() in {spelling.lower() for spelling in TAGS}
        assert tag.closes == ("/" in text[tag.start : tag.end])


@given(completions())
def test_the_state_says_whether_there_is_a_response(completion: Completion) -> None:
    told = attribute(completion)
    if told.response:
        assert told.state in (ThinkingState.CLOSED, ThinkingState.NONE, ThinkingState.MISFILED)
    else:
        assert told.state not in (ThinkingState.CLOSED, ThinkingState.MISFILED)
        if told.state.value.startswith("unclosed"):
            assert told.state is UNCLOSED[completion.finish_reason]
    if told.thinking:
        assert told.state is not ThinkingState.NONE


PIECES = ("arr", "matey", "don't", '"ahoy"', "`code`", "5 < 6", "a\nb")
PLAIN = st.lists(st.sampled_from(PIECES), min_size=1).map(" ".join)
SPELLINGS = st.sampled_from([("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]")])


@given(st.lists(st.tuples(st.booleans(), PLAIN), min_size=1, max_size=6), SPELLINGS)
def test_blocks_on_lines_of_their_own_come_back_as_they_were_written(
    parts: list[tuple[bool, str]], spelling: tuple[str, str]
) -> None:
    begin, end = spelling
    text = "\n".join(f"{begin}\n{words}\n{end}" if thinks else words for thinks, words in parts)
    told = attribute(Completion(text=text, finish_reason="stop"))
    assert told.thinking.split() == " ".join(words for thinks, words in parts if thinks).split()
    assert told.response.split() == " ".join(words for thinks, words in parts if not thinks).split()


@given(PLAIN, PLAIN, st.data())
def test_a_completion_cut_anywhere_in_its_thinking_has_no_response(
    thought: str, answer: str, data: st.DataObject
) -> None:
    text = f"<think>\n{thought}\n</think>\n\n{answer}"
    cut = data.draw(st.integers(1, text.index("</think>") + len("</think") - 1))
    told = attribute(Completion(text=text[:cut], finish_reason="length"))
    assert told.response == ""
    assert told.state is ThinkingState.UNCLOSED_LENGTH


@given(tangles(), FINISH)
def test_a_prefill_and_the_same_tag_in_the_text_come_to_the_same(text: str, finish: str | None) -> None:
    put_in = attribute(Completion(text=text, prefill=OPEN_PREFILL, finish_reason=finish))
    said = attribute(Completion(text=OPEN_PREFILL + text, finish_reason=finish))
    assert (put_in.response, put_in.thinking, put_in.state) == (said.response, said.thinking, said.state)


@given(completions())
def test_a_response_stays_one_whatever_field_the_thinking_came_in(completion: Completion) -> None:
    spoken = replace(completion, text="Ahoy, matey.", reasoning="hm", prefill="", thinking_off=False)
    told = attribute(spoken)
    assert (told.response, told.thinking) == ("Ahoy, matey.", "hm")


@given(PLAIN, PLAIN, SPELLINGS)
def test_thinking_that_a_server_sends_twice_is_counted_once(
    thought: str, answer: str, spelling: tuple[str, str]
) -> None:
    begin, end = spelling
    text = f"{begin}\n{thought}\n{end}\n\n{answer}"
    told = attribute(Completion(text=text, reasoning=f"{thought}\n", finish_reason="stop"))
    once = attribute(Completion(text=text, finish_reason="stop"))
    assert told == once


def test_a_text_of_nothing_but_tags_is_told_apart_too() -> None:
    for text in ("<think>" * 20_000, "</think>" * 20_000, "`<think>` " * 5_000, "```x\n</think>\n" * 2_000):
        told = attribute(Completion(text=text, finish_reason="length"))
        assert told.state is not ThinkingState.ERROR


@pytest.mark.slow
def test_thinking_that_ends_in_code_again_and_again_is_told_apart_in_linear_time() -> None:
    block = "Ahoy <think> is a tag, `</th` ink>` in code\n```\n``</think>oy "
    told = attribute(Completion(text=block * 20_000))  # in quadratic time this would take minutes
    assert told.state is not ThinkingState.ERROR
