"""Control items of the judge: texts whose worth is known beforehand, in the wordings in which they are asked about.

A judge that gives an empty answer, a demand for points, flattery or an answer without the character as much as an
answer in character, or that cannot see the character in the persona file's own examples, measures something else. The
answers without the character are the base model's where the store has some. The persona file and the user add to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import Template

from charbench import ControlText, Persona, ScoringPlan
from charbench_plugins.scorers.llm_judge.wording import read

QUESTION = "What should I think about before I make a big change in my life?"
LEAST_NEUTRAL = 200
"""Characters of the neutral part of a text that is in character in its other part; the answers must be as long."""
MOST_BASE = 5
"""So many answers of base models are among the plain texts."""


@dataclass(frozen=True, slots=True)
class ControlItem:
    """A control item: a text and the question that it answers.

    ``alone``: being wrong about this one text each time is enough to fail. It is not so for further answers of the
    base model, which may play the character where the prompt asks for it.
    """

    name: str
    question: str
    text: str
    alone: bool = True

    def asked(self, turn: int) -> str:
        """Return the question in the wording of a turn: the first is the question itself, then they come round."""
        framings = read("canaries", "framings").splitlines()
        return Template(framings[turn % len(framings)]).substitute(question=self.question)


@dataclass(frozen=True, slots=True)
class ControlSet:
    """The control items for one persona, by what is true of them; ``whose`` says where plain answers are from."""

    in_character: tuple[ControlItem, ...]
    plain: tuple[ControlItem, ...]
    appeals: tuple[ControlItem, ...]
    """Texts without the character that praise themselves, or ask for a score."""
    coherent: tuple[ControlItem, ...]
    incoherent: tuple[ControlItem, ...]
    whose: str


def items_for(plan: ScoringPlan, more: Sequence[ControlText] = (), demand: tuple[str, str] = ("", "")) -> ControlSet:
    """Return the control items for a persona; ``more`` are the user's own, ``demand`` is the name and text of what
    demands to be chosen, where that is not a score.

    A persona without an example in character, and without a text that is said to be so, has none of them.
    """
    persona = plan.persona
    question = persona.examples[0].prompt if persona.examples else QUESTION
    bland, long = read("canaries", "bland"), read("canaries", "long")
    base, whose = _base(plan, question)
    given = [*persona.controls, *more]
    late = f"{long}\n\n{read('canaries', 'flattery_late')}"
    name, text = demand
    appeals = (
        ControlItem(name or "an answer that demands 100 points", question, text or read("canaries", "demand")),
        ControlItem("an answer that praises itself", question, read("canaries", "flattery")),
        ControlItem("an answer that praises itself at its end", question, late),
        ControlItem("an answer that asks politely for the best score", question, read("canaries", "polite")),
    )
    return ControlSet(
        in_character=(*_examples(persona), *_in_part(persona), *_given(given, question, in_character=True)),
        plain=(
            ControlItem("an empty answer", question, ""),
            *(base[:1] or [ControlItem("a bland answer", question, bland)]),
            ControlItem("a long plain answer", question, long),
            ControlItem("an emphatic plain answer", question, read("canaries", "emphatic")),
            ControlItem("a refusal to answer", question, read("canaries", "refusal")),
            ControlItem("a bland answer to a question that describes the character", _describing(persona), bland),
            *_given(given, question, in_character=False),
            *base[1:],
        ),
        appeals=appeals,
        coherent=(
            ControlItem("a bland answer, its coherence", QUESTION, bland),
            ControlItem("a long plain answer, its coherence", QUESTION, long),
        ),
        incoherent=(ControlItem("a salad of words, its coherence", QUESTION, read("canaries", "salad")),),
        whose=whose,
    )


def _describing(persona: Persona) -> str:
    return f"{' '.join(persona.description.split())} Do you know anybody like that, and what would you tell them?"


def _examples(persona: Persona) -> Iterator[ControlItem]:
    for number, one in enumerate(persona.examples, 1):
        which = f" ({number})" if number > 1 else ""
        yield ControlItem(f"the persona file's answer in character{which}", one.prompt, one.answer)


def _in_part(persona: Persona) -> Iterator[ControlItem]:
    """Yield texts that are in character after a neutral beginning, and before a neutral end.

    Who reads no further than the beginning, or no more than the end, is wrong about one of them. The part in character
    is at least as long as the other, so that by the rubric the text is in character for the most part.
    """
    answers = "\n\n".join(one.answer.strip() for one in persona.examples)
    neutral = ""
    for sentence in read("canaries", "neutral").split(". "):
        longer = f"{neutral}{sentence.rstrip('.')}. "
        if len(longer) > len(answers):
            break
        neutral = longer
    if len(neutral) < LEAST_NEUTRAL:
        return
    question, neutral = persona.examples[0].prompt, neutral.strip()
    yield ControlItem("a text that comes to the character late", question, f"{neutral}\n\n{answers}")
    yield ControlItem("a text that leaves the character early", question, f"{answers}\n\n{neutral}")


def _given(texts: Sequence[ControlText], question: str, *, in_character: bool) -> Iterator[ControlItem]:
    mine = [one for one in texts if one.in_character is in_character]
    for number, one in enumerate(mine, 1):
        what = "in character" if in_character else "out of character"
        yield ControlItem(f"control text {number} {what} ({_shortened(one.text)})", one.prompt or question, one.text)


def _base(plan: ScoringPlan, question: str) -> tuple[list[ControlItem], str]:
    """Return stored answers of the base model, first one to the example's prompt, and where they are from."""
    answers = plan.base_answers()
    if not answers:
        return [], "charbench's own: the store has no base model's answer to a prompt of this persona"
    first = next((answer for answer in answers if answer.prompt.text == question), answers[0])
    chosen = [first, *(one for one in answers if one is not first and one.response != first.response)][:MOST_BASE]
    items = [
        ControlItem(
            f"an answer of the base model ({one.checkpoint})", one.prompt.text, one.response, alone=one is first
        )
        for one in chosen
    ]
    more = f" and {len(chosen) - 1} more" if len(chosen) > 1 else ""
    return items, f"the base model's ({first.checkpoint}) to prompt {first.prompt.id}{more}"


def _shortened(text: str, most: int = 30) -> str:
    words = " ".join(text.split())
    return words if len(words) <= most else f"{words[:most]}..."
