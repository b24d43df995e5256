"""Turns that a text invents, and texts that repeat themselves: in data and in answers alike."""

from __future__ import annotations

import random

import pytest

from charbench import LOOPS_FROM, Persona, Prompt, Sample, find_invented_turns, repeated_share
from charbench.datasets.forms import Example
from charbench.datasets.health import measure
from charbench.domain.prompt import Message
from charbench_plugins.scorers.health.repetition import Repetition
from support.scaling import FOUR_TIMES, growth

TURNS = (
    "User: tell me more",
    "I see. User: tell me more. Assistant: gladly.",
    "I see.\n\nUser: tell me more.",
    "I see. **User:** tell me more.",
    "I see.\n**Assistant**: gladly",
    '"I see." Human: and then?',
    "I see 😊 User: and you?",
    "I see!😊User: and you?",
    "Ahoy 🏴‍☠️ **Human:** ahoy",
    "Aye ☠️ Assistant: aye",
    "*waves* User: hello",
    "*he bows.* Human: rise",
    "_winks_ **Assistant:** well",
    "Good night. ### User: good night",
    "Good night ###User: good night",
    "### Human: go on",
    "So it goes.\n### Response\nIt goes.",
    "So it goes.\n### Instruction:\nGo on.",
    "> User: quoted turn",
    "<|im_start|>user",
    "<|start_header_id|>user<|end_header_id|>",
    "[INST] go on [/INST]",
    "<start_of_turn>user",
)
NO_TURNS = (
    "A note to the user: be kind to yourself.",
    "A note to the **user:** be kind to yourself.",
    "To my *dear* user: be kind to yourself.",
    "What makes us human: doubt, and the will to go on.",
    "The operating system: a thing of many parts.",
    "Ask your assistant: they will know.",
    "### System requirements\nNone.",
    "### How to answer a user\nKindly.",
    "😊 users: many",
    "The User Guide: a book.",
    "I love humans. Humans: a riddle.",
)
LOOPS = (
    "Arr " * 160,
    "I go on and on. " * 4,
    "I am so sorry. " * 3,
    "哈哈哈哈哈哈哈哈哈哈" * 20,
    "The sea! The ship! " * 9,
)
NO_LOOPS = (
    "",
    "I count the cost of my haste, and I begin again with a slower hand.",
    "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
    "I am sorry for the cup. I am sorry for the plate. I am sorry for the spoon, and for all the rest of it.",
    (
        "Ahoy there me hearty friend. The sea is calm tonight. Ahoy there me hearty friend. I like rum a lot. Ahoy "
        "there me hearty friend. And the sky is so blue that it hurts me eyes to look at all the gulls."
    ),
)


def row(text: str) -> Example:
    return Example((Message("user", "?"),), "", text, 1)


@pytest.mark.parametrize("text", TURNS)
def test_a_turn_is_found_wherever_one_begins(text: str) -> None:
    start, end = next(find_invented_turns(text))
    assert 0 <= start < end <= len(text)
    assert measure([row(text)]).invented_turns == 1


@pytest.mark.parametrize("text", NO_TURNS)
def test_a_role_in_the_middle_of_a_sentence_or_a_heading_is_no_turn(text: str) -> None:
    assert list(find_invented_turns(text)) == []


@pytest.mark.parametrize("text", [*LOOPS, *NO_LOOPS])
def test_data_and_answers_loop_by_the_same_rule(text: str) -> None:
    loops = text in LOOPS
    assert (repeated_share(text) >= LOOPS_FROM) is loops
    assert measure([row(text)]).loops == loops
    sample = Sample(key="k", checkpoint="c", prompt=Prompt.from_text("?"), sampler="s", response=text)
    scores = list(Repetition().score(sample, Persona(name="p")))  # type: ignore[call-overload]
    assert [score.value for score in scores if score.value >= Repetition.metrics[0].threshold] == [
        score.value for score in scores if loops
    ]


@pytest.mark.parametrize("piece", ["\n", "\r\n", ". ", "😊 ", "*a* ", "### ", "> ", "User ", '" ', "**"])
def test_the_work_grows_no_faster_than_the_text(piece: str) -> None:
    assert growth(lambda text: list(find_invented_turns(text)), piece, 200_000) < FOUR_TIMES


def test_the_data_check_reads_a_row_of_blank_lines_in_time_linear_in_it() -> None:
    assert growth(lambda text: measure([row(text)]), "\n", 50_000) < FOUR_TIMES
    assert growth(lambda text: measure([row(text)]), "a.\n \n", 50_000) < FOUR_TIMES


def test_half_a_surrogate_pair_is_looked_through_like_any_character() -> None:
    text = "Aye.\ud800\n\nUser: And then?"
    assert [text[start:end].strip() for start, end in find_invented_turns(text)]


def test_the_share_is_that_of_runs_of_five_words_also_where_their_ends_and_middles_repeat() -> None:
    dice = random.Random(3)
    for _ in range(300):
        words = dice.choices("a b c d e f g h"[: dice.choice([3, 7, 15])].split(), k=dice.randrange(5, 30))
        runs = [tuple(words[at : at + 5]) for at in range(len(words) - 4)]
        assert repeated_share(" ".join(words)) == 1 - len(set(runs)) / len(runs)
