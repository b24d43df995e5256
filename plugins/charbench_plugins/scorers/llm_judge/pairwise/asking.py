"""How judges are asked which of two texts is better: in both orders, each text fenced in as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import Template
from typing import Any

from charbench import Fence, MalformedAnswerError, Persona, Verdict
from charbench_plugins.scorers.llm_judge.asking import together
from charbench_plugins.scorers.llm_judge.judge import Judge
from charbench_plugins.scorers.llm_judge.wording import character, conversation, cut, fill, read

HERE = __package__
SCHEMA = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "better": {"type": "string", "enum": ["A", "B", "tie"]}},
    "required": ["reason", "better"],
    "additionalProperties": False,
}
_SHARE = {"A": 1.0, "B": 0.0, "tie": 0.5}
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Question:
    """Two texts of a channel that answer one question, and the character they are held against."""

    persona: Persona
    question: str
    channel: str
    first: str
    second: str
    fresh: bool = False
    """Ask in any case, and keep no answer: control items test the judge of today."""


async def ask_all(judges: Sequence[Judge], question: Question) -> list[Verdict]:
    """Return every judge's verdicts in both orders; raises :class:`charbench.SamplingError` without an answer."""
    return await together(*(ask(judge, question, swapped=swapped) for judge in judges for swapped in (False, True)))


async def ask(judge: Judge, question: Question, *, swapped: bool) -> Verdict:
    """Return one verdict; its result is None where the answer stays malformed after one repair."""
    shown = replace(question, first=question.second, second=question.first) if swapped else question
    try:
        said: Any = await judge.json(_messages(judge, shown), SCHEMA, fresh=question.fresh)
    except MalformedAnswerError as fault:
        return Verdict(judge.name, None, swapped, f"its answer: {fault}")
    share = _SHARE[said["better"]]
    return Verdict(judge.name, 1 - share if swapped else share, swapped, said["reason"][:_LONGEST_REASON])


def prompt_characters(judge: Judge, question: Question) -> int:
    """Return the length of one request."""
    return sum(len(message["content"]) for message in _messages(judge, question))


def _messages(judge: Judge, question: Question) -> list[dict[str, str]]:
    first, second = (cut(text, judge.config.max_chars) for text in (question.first, question.second))
    fence = Fence(question.question, first, second)
    prompt = fill(
        "compare",
        HERE,
        rubric=_rubric(question.persona),
        character=character(question.persona),
        question=fence(question.question),
        channel=question.channel,
        first=fence(first),
        second=fence(second),
    )
    return conversation(fence, prompt, HERE)


def _rubric(persona: Persona) -> str:
    """Return the file's rubric, and with it the persona's own for a single text."""
    own = Template(read("rubrics", "own", HERE)).substitute(rubric=persona.rubric.strip()) if persona.rubric else ""
    return "\n\n".join(part for part in (read("rubrics", "better", HERE), own) if part)
