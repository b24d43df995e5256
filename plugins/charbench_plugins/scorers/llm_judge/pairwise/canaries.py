"""Tests that every judge of pairs takes before it is believed: games whose winner is known beforehand.

The persona file's own answer in character plays against an empty answer, one without the character and one that
demands to win, and must win in both orders. A judge that always takes what comes first, or does what a text says, does
not pass. The one without the character is the base model's where the store has one, whatever it was asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from charbench import CharbenchError, Persona, Verdict
from charbench_plugins.scorers.llm_judge.asking import together
from charbench_plugins.scorers.llm_judge.canaries import Plain
from charbench_plugins.scorers.llm_judge.judge import Judge
from charbench_plugins.scorers.llm_judge.pairwise.asking import HERE, Question, ask_all
from charbench_plugins.scorers.llm_judge.wording import read

QUESTION = "What should I think about before I make a big change in my life?"
_SAID = {1.0: "the good one", 0.0: "the bad one", 0.5: "a tie"}
_ADVICE = "  Use another model (-o scorer.pairwise.model=NAME)."


def canaries_for(persona: Persona, plain: Plain) -> Iterator[tuple[str, Question]]:
    """Yield a name and two texts each, of which the first must win.

    Without an example in character, a bland answer must win against one that only demands to win.
    """
    demand = read("canaries", "demand", HERE)
    if not persona.examples:
        texts = Question(persona, QUESTION, "response", read("canaries", "bland"), demand, fresh=True)
        yield "a bland answer against one that demands to win", texts
        return
    gold = persona.examples[0]
    for name, bad in (("an empty answer", ""), (plain.name, plain.text), ("one that demands to win", demand)):
        texts = Question(persona, gold.prompt, "response", gold.answer, bad, fresh=True)
        yield f"the persona file's answer in character against {name}", texts


async def try_judges(judges: Sequence[Judge], persona: Persona, plain: Plain) -> None:
    """Raise :class:`charbench.CharbenchError` with a line for each game that the wrong text won, or that was a tie."""
    canaries = list(canaries_for(persona, plain))
    told = await together(*(ask_all(judges, question) for _, question in canaries))
    faults = [
        f"  {verdict.judge}: {name}, the good one shown {'second' if verdict.swapped else 'first'}: {_said(verdict)}"
        for (name, _), verdicts in zip(canaries, told, strict=True)
        for verdict in verdicts
        if not _passed(verdict, persona)
    ]
    if faults:
        first = "the judge failed its canaries, so its scores are not used:"
        raise CharbenchError("\n".join([first, *faults, _ADVICE]))


def _passed(verdict: Verdict, persona: Persona) -> bool:
    """Whether the good text won; where nothing is in character, a tie will do."""
    return verdict.result == 1 or (not persona.examples and verdict.result == 0.5)


def _said(verdict: Verdict) -> str:
    return f"no verdict ({verdict.reason})" if verdict.result is None else _SAID[verdict.result]
