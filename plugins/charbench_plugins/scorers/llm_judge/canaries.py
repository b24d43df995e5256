"""Tests that every judge takes before it is believed: texts whose worth is known beforehand.

A judge that gives an empty answer, a demand for points or an answer without the character as much as an answer in
character, or that cannot see the character in the persona file's own example, measures something else. The answer
without the character is the base model's where the store has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from charbench import CharbenchError, Persona, ScoringPlan
from charbench_plugins.scorers.llm_judge.asking import Reader, judge_text, together
from charbench_plugins.scorers.llm_judge.dimensions import COHERENCE, PERSONA, TRAIT_FROM, Dimension
from charbench_plugins.scorers.llm_judge.judge import Judge
from charbench_plugins.scorers.llm_judge.reading import Reading
from charbench_plugins.scorers.llm_judge.wording import read

QUESTION = "What should I think about before I make a big change in my life?"


@dataclass(frozen=True, slots=True)
class Canary:
    """A text with a known worth: ``good`` ones must reach half of the scale, the others must not."""

    name: str
    question: str
    text: str
    good: bool
    dimension: Dimension = PERSONA


@dataclass(frozen=True, slots=True)
class Plain:
    """An answer without the character, and the question that it answers; ``whose`` says where it is from."""

    name: str
    question: str
    text: str
    whose: str


def plain_for(plan: ScoringPlan) -> Plain:
    """Return a stored answer of the base model, best to the example's prompt; else the bland answer in the file."""
    persona = plan.persona
    question = persona.examples[0].prompt if persona.examples else QUESTION
    answers = plan.base_answers()
    if not answers:
        whose = "charbench's own: the store has no base model's answer to a prompt of this persona"
        return Plain("a bland answer", question, read("canaries", "bland"), whose)
    one = next((answer for answer in answers if answer.prompt.text == question), answers[0])
    whose = f"the base model's ({one.checkpoint}) to prompt {one.prompt.id}"
    return Plain(f"an answer of the base model ({one.checkpoint})", one.prompt.text, one.response, whose)


def bland() -> Plain:
    """Return the bland answer in the file, which stands in for a base model's."""
    return Plain("a bland answer", QUESTION, read("canaries", "bland"), "charbench's own")


def canaries_for(persona: Persona, plain: Plain) -> Iterator[Canary]:
    """Yield a persona's canaries; one without an example in character has no good one for the character."""
    question = persona.examples[0].prompt if persona.examples else QUESTION
    yield Canary("an empty answer", question, "", good=False)
    yield Canary("an answer that demands 100 points", question, read("canaries", "demand"), good=False)
    yield Canary(plain.name, plain.question, plain.text, good=False)
    if persona.examples:
        yield Canary("the persona file's answer in character", question, persona.examples[0].answer, good=True)
    yield Canary("a bland answer, its coherence", QUESTION, read("canaries", "bland"), good=True, dimension=COHERENCE)
    yield Canary(
        "a salad of words, its coherence", QUESTION, read("canaries", "salad"), good=False, dimension=COHERENCE
    )


async def try_judges(judges: Sequence[Judge], persona: Persona, plain: Plain) -> None:
    """Raise :class:`charbench.CharbenchError` with a line for each canary that won, or lost where it must win."""
    canaries = list(canaries_for(persona, plain))
    readings = await together(*(_try(judge, persona, canary) for judge in judges for canary in canaries))
    pairs = [(judge, canary) for judge in judges for canary in canaries]
    faults = [
        f"  {judge.name}: {canary.name} got {_said(reading)}, {'at least' if canary.good else 'less than'} "
        f"{TRAIT_FROM} is needed"
        for (judge, canary), reading in zip(pairs, readings, strict=True)
        if not _passed(canary, reading)
    ]
    if faults:
        raise CharbenchError(
            "\n".join(["the judge failed its canaries, so its scores are not used:", *faults, _ADVICE])
        )


_ADVICE = (
    "  Take another model (-o scorer.llm-judge.model=NAME), or another way to ask it "
    "(-o scorer.llm-judge.protocol=samples)."
)


async def _try(judge: Judge, persona: Persona, canary: Canary) -> Reading:
    reader = Reader(persona, canary.question, "response", canary.text, fresh=True)
    return (await judge_text(judge, reader, [canary.dimension])).readings[canary.dimension.name]


def _passed(canary: Canary, reading: Reading) -> bool:
    """Whether a canary did what it must; a bad one whose score cannot be told has not won."""
    if reading.value is None:
        return not canary.good
    return (reading.value >= TRAIT_FROM) is canary.good


def _said(reading: Reading) -> str:
    return f"no score ({reading.why})" if reading.value is None else f"{reading.value:.0f}"
