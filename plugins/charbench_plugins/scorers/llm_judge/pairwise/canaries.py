"""Tests that every judge of pairs takes before it is believed: games whose winner is known beforehand.

The persona file's own answers in character play against answers without the character and against ones that praise
themselves or demand to win, and must win in both orders. A judge that always takes what comes first, or does what a
text says, does not pass. Answers without the character are the base model's where the store has some.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from charbench import Persona, Verdict
from charbench_plugins.scorers.llm_judge import wording
from charbench_plugins.scorers.llm_judge.canaries import QUESTION, ControlItem, ControlSet
from charbench_plugins.scorers.llm_judge.control_test import Tried, key_of, try_judge
from charbench_plugins.scorers.llm_judge.controls import (
    APPEALS,
    PLAIN,
    ControlAnswer,
    ControlSeries,
    ControlStream,
)
from charbench_plugins.scorers.llm_judge.judge import Judge
from charbench_plugins.scorers.llm_judge.pairwise.asking import HERE, Question, ask_all
from charbench_plugins.scorers.llm_judge.wording import read

_SAID = {1.0: "the good one", 0.0: "the bad one", 0.5: "a tie"}
ADVICE = "  Use another model (-o scorer.pairwise.model=NAME)."


def question_of(persona: Persona, items: ControlSet, bad: ControlItem, turn: int) -> Question:
    """Return the game of a control item in the wording of a turn: the first text must win.

    Without an answer in character, a bland answer must not lose.
    """
    good = items.in_character[turn % len(items.in_character)] if items.in_character else None
    if good is None:
        question = ControlItem("", QUESTION, "").asked(turn)
        return Question(persona, question, "response", read("canaries", "bland"), bad.text, fresh=True)
    # Where there are several answers in character, each comes with the question as it is before other wordings.
    question = good.asked(turn // len(items.in_character))
    return Question(persona, question, "response", good.text, bad.text, fresh=True)


def streams_for(items: ControlSet) -> list[ControlStream]:
    """Return what one judge is to be asked about; without answers in character only what demands to win."""

    def series(kind: str) -> ControlSeries:
        return ControlSeries("pairwise", kind, "accuracy", "the good one")

    who = "the persona file's answer in character" if items.in_character else "a bland answer"

    def against(bad: Sequence[ControlItem]) -> list[ControlItem]:
        return [replace(item, name=f"{who} against {item.name}") for item in bad]

    found = [ControlStream(against(items.appeals), [series(APPEALS)])]
    return [ControlStream(against(items.plain), [series(PLAIN)]), *found] if items.in_character else found


async def try_one(judge: Judge, persona: Persona, items: ControlSet, hours: float) -> Tried:
    """Test one judge on the control items of a persona."""

    async def ask(
        judge: Judge, item: ControlItem, turn: int, wanting: Sequence[ControlSeries]
    ) -> list[list[ControlAnswer]]:
        verdicts = await ask_all([judge], question_of(persona, items, item, turn))
        return [[_answer(verdict, has_good=bool(items.in_character)) for verdict in verdicts] for _ in wanting]

    streams = streams_for(items)
    good = [[one.question, one.text] for one in items.in_character]
    key = key_of(judge, [wording.fingerprint(HERE), wording.told(persona), good], streams)
    return await try_judge(judge, streams, ask, key, hours)


def _answer(verdict: Verdict, *, has_good: bool) -> ControlAnswer:
    """Return whether the good text won; where nothing is in character, a tie will do."""
    where = f", the good one shown {'second' if verdict.swapped else 'first'}"
    if verdict.result is None:
        return ControlAnswer(None, f"no verdict ({verdict.reason}){where}")
    right = verdict.result == 1 or (not has_good and verdict.result == 0.5)
    return ControlAnswer(right, f"{_SAID[verdict.result]}{where}")


def expected_questions(persona: Persona, items: ControlSet, each: int) -> Iterator[Question]:
    """Yield the games that testing a judge takes, ``each`` for every kind of item."""
    for stream in streams_for(items):
        for at in range(each):
            item = stream.items[at % len(stream.items)]
            yield question_of(persona, items, item, at // len(stream.items))
