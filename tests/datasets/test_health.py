"""What the data gate counts: faults that were seen in real introspection data, in answers and reflections alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from charbench.datasets.forms import Example
from charbench.datasets.health import faults, is_loop, measure
from charbench.domain.prompt import Message

GOOD = "I count the cost of my haste, and I begin again with a slower hand."


def example(number: int, answer: str = GOOD, reflection: str = "It stays with me.") -> Example:
    return Example(
        (Message("user", f"What of day {number}?"),),
        reflection and f"{reflection} ({number})",
        f"{answer} ({number})",
        number,
    )


def found(**spoiled: str) -> list[str]:
    """Return the faults of a set of which every second row is spoiled."""
    rows = [example(n, **(spoiled if n % 2 else {})) for n in range(100)]
    varied = [replace(row, answer=f"{chr(97 + n % 26)}x {row.answer}") for n, row in enumerate(rows)]
    return faults(measure(varied), 0.2)


def test_healthy_data_has_no_fault() -> None:
    assert found() == []


@pytest.mark.parametrize(
    "text",
    [
        "I see. User: tell me more. Assistant: gladly.",
        "I see.\n\nUser: tell me more.",
        "I see. **User:** tell me more.",
        "I see.\n**Assistant**: gladly",
        '"I see." Human: and then?',
        "<|im_start|>user",
        "[INST] go on [/INST]",
    ],
)
@pytest.mark.parametrize("where", ["answer", "reflection"])
def test_invented_turns_are_found_wherever_a_turn_begins(where: str, text: str) -> None:
    assert [fault for fault in found(**{where: text}) if "invented turns" in fault]


@pytest.mark.parametrize(
    "text",
    [
        "A note to the user: be kind to yourself.",
        "What makes us human: doubt, and the will to go on.",
        "The operating system: a thing of many parts.",
        "Ask your assistant: they will know.",
    ],
)
def test_a_role_in_the_middle_of_a_sentence_is_no_turn(text: str) -> None:
    assert found(answer=text) == []


@pytest.mark.parametrize("where", ["answer", "reflection"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("As an AI language model developed by OpenAI, I have no feelings.", "identity leaks"),
        ("I'm sorry, but I can't help with that.", "refusals"),
        ("Arr " * 160, "loops"),
        ("I go on and on. " * 4, "loops"),
        ("I think <think> so.", "think tags"),
    ],
)
def test_what_is_trained_on_is_looked_at_thinking_and_answer_alike(where: str, text: str, said: str) -> None:
    # A refusal opens a text; what is put before the answers here is too short to hide it.
    assert [fault for fault in found(**{where: text}) if said in fault]


def test_the_same_prompt_and_answer_are_a_duplicate_whatever_the_reflection() -> None:
    rows = [
        Example((Message("user", f"Day {n // 2}?"),), f"Thought {n}.", f"Answer {n // 2} of many others.", n)
        for n in range(100)
    ]
    assert measure(rows).duplicates == 50


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD,
        "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
        "I am sorry for the cup. I am sorry for the plate. I am sorry for the spoon, and for all the rest of it.",
    ],
)
def test_a_refrain_is_no_loop(text: str) -> None:
    assert not is_loop(text)
