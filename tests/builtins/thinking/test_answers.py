"""From a server's JSON to thinking and response: in any shape, no text is lost or counted twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import Completion, GenerationConfig, ThinkingMode
from charbench.domain.thinking import attribute
from charbench.model_client.completions import parse_answer
from charbench.testing import THINKING_CASES, ThinkingCase


def parsed(answer: dict[str, Any], mode: str = "on") -> Completion:
    config = GenerationConfig(thinking=ThinkingMode(mode))
    (completion,) = parse_answer(answer, config.thinking.prefill, config)
    return completion


def answer(message: dict[str, Any], finish: str | None = "stop") -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}]}


@pytest.mark.parametrize("case", THINKING_CASES, ids=str)
def test_every_shape_that_servers_send_is_told_apart(case: ThinkingCase) -> None:
    told = attribute(parsed(case.answer(), case.mode))
    assert (told.response, told.thinking, told.state) == (case.response, case.thinking, case.state)


@pytest.mark.parametrize(
    ("message", "thinking", "response"),
    [
        ({"content": "Ahoy", "reasoning": "hm", "reasoning_content": "hm"}, "hm", "Ahoy"),
        ({"content": "Ahoy", "reasoning": "hm", "reasoning_content": "so"}, "so\n\nhm", "Ahoy"),
        ({"content": [{"type": "thinking", "thinking": "hm"}, "Ahoy"], "reasoning": "hm"}, "hm", "Ahoy"),
        ({"content": [{"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": "Ahoy"}]}, "hm", "Ahoy"),
        ({"content": [{"type": "refusal", "refusal": "I will not."}]}, "", "I will not."),
        ({"content": [{"type": "image_url", "image_url": {}}, {"text": "Ahoy"}]}, "", "Ahoy"),
    ],
)
def test_parts_and_fields_are_read_once(message: dict[str, Any], thinking: str, response: str) -> None:
    told = attribute(parsed(answer(message)))
    assert (told.thinking, told.response) == (thinking, response)


def test_choices_are_taken_in_the_order_of_their_index() -> None:
    choices = [{"index": number, "message": {"content": str(number)}} for number in (1, 2, 0)]
    found = parse_answer({"choices": choices}, "", GenerationConfig())
    assert [one.text for one in found] == ["0", "1", "2"]


# A message is put together of numbered words, so that each can be looked for: t0, t1, ... are thought, s0, ... said.

SHAPES = st.sampled_from(["inline", "reasoning_content", "reasoning", "both fields", "part", "nested part", "twice"])


@st.composite
def messages(draw: st.DrawFn) -> tuple[dict[str, Any], list[str], list[str]]:
    thought = [f"t{number}." for number in range(draw(st.integers(1, 5)))]
    said = [f"s{number}." for number in range(draw(st.integers(1, 5)))]
    glue = draw(st.sampled_from([" ", "\n", "\n\n"]))
    thinking, text = glue.join(thought), glue.join(said)
    inline = f"<think>\n{thinking}\n</think>\n\n{text}"
    nested = [{"type": "text", "text": f"{word}{glue}"} for word in thought]
    spoken = [{"type": "text", "text": f"{word}{glue}"} for word in said]
    message: dict[str, Any] = {
        "inline": {"content": inline},
        "reasoning_content": {"content": text, "reasoning_content": thinking},
        "reasoning": {"content": text, "reasoning": thinking, "reasoning_content": None},
        "both fields": {"content": spoken, "reasoning": thinking, "reasoning_content": f"{thinking}\n"},
        "part": {"content": [{"type": "thinking", "thinking": thinking, "signature": "x"}, *spoken]},
        "nested part": {"content": [{"type": "thinking", "thinking": nested}, *spoken]},
        "twice": {"content": inline, "reasoning_content": thinking},
    }[draw(SHAPES)]
    return message, thought, said


@given(messages(), st.sampled_from(["stop", "length", None]), st.sampled_from(["on", "off", "prefill", "closed"]))
def test_every_word_that_a_server_sends_stands_once_in_its_channel(
    sent: tuple[dict[str, Any], list[str], list[str]], finish: str | None, mode: str
) -> None:
    message, thought, said = sent
    told = attribute(parsed(answer(message, finish), mode))
    assert told.thinking.split() == thought
    assert told.response.split() == said
