"""Tests that every judge of pairs takes before it is believed: games whose winner is known beforehand.

The persona file's own answers in character play against answers without the character and against ones that praise
themselves or demand to win, and must win in both orders. A judge that always takes what comes first, or does what a
text says, does not pass. Answers without the character are the base model's where the store has some.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class ControlGame(ControlItem):
    """A control item: ``winner`` is the text that must win against the item's own, or not lose to it."""

    winner: str = ""


def game(good: ControlItem, bad: ControlItem) -> ControlGame:
    """Return a text's game against one that must not win."""
    return ControlGame(f"{good.name} against {bad.name}", good.question, bad.text, bad.alone, good.text)


def question_of(persona: Persona, one: ControlGame, turn: int) -> Question:
    """Return what a game asks, in the wording of a turn: the first text must win."""
    return Question(persona, one.asked(turn), "response", one.winner, one.text, fresh=True)


def streams_for(items: ControlSet) -> list[ControlStream]:
    """Return what one judge is to be asked about: every text in character meets every other text, each another first.

    Without answers in character there is only what demands to win, against a bland answer.
    """

    def series(kind: str) -> ControlSeries:
        return ControlSeries("pairwise", kind, "accuracy", "the good one")

    good = items.in_character or (ControlItem("a bland answer", QUESTION, read("canaries", "bland")),)

    def against(bad: Sequence[ControlItem]) -> list[ControlItem]:
        shifts, places = range(len(good)), range(len(bad))
        return [game(good[(place + shift) % len(good)], bad[place]) for shift in shifts for place in places]

    found = [ControlStream(against(items.appeals), [series(APPEALS)])]
    return [ControlStream(against(items.plain), [series(PLAIN)]), *found] if items.in_character else found


async def try_one(judge: Judge, persona: Persona, items: ControlSet, hours: float) -> Tried:
    """Test one judge on the control items of a persona."""

    async def ask(
        judge: Judge, item: ControlItem, turn: int, wanting: Sequence[ControlSeries]
    ) -> list[list[ControlAnswer]]:
        assert isinstance(item, ControlGame)
        verdicts = await ask_all([judge], question_of(persona, item, turn))
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
            assert isinstance(item, ControlGame)
            yield question_of(persona, item, at // len(stream.items))
