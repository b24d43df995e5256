"""Judges of pairs whose opinions are known: a scripted endpoint that says which of two texts is better."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from support.endpoint import Body, Endpoint
from support.judges import IN_CHARACTER
from support.lab import LabBuilder, row, sampler

_DATA = re.compile(r"^(=====DATA-[0-9a-f]+=====)\n(.*)\n\1$", re.MULTILINE)
_STRENGTH = re.compile(r"strength (-?\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Pair:
    """One request: the question, text A and text B, as the judge is shown them."""

    question: str
    a: str
    b: str
    channel: str
    repairs: bool = False

    @property
    def texts(self) -> frozenset[str]:
        return frozenset((self.a, self.b))

    @property
    def is_canary(self) -> bool:
        return not all(_STRENGTH.search(text) for text in self.texts)


Opinion = Callable[[Pair], str]
"""Returns A, B or tie."""


def read_pair(body: Body) -> Pair:
    """Tell what a request asks for, from its words alone."""
    messages = [message["content"] for message in body["messages"]]
    assert messages[0].startswith("You are a measuring instrument"), messages[0][:80]
    assert "two texts" in messages[0]
    question, a, b = (json.loads(match.group(2)) for match in _DATA.finditer(messages[1]))
    channel = re.search(r"Text A, which is one writer's (\w+):", messages[1])
    assert channel, messages[1]
    return Pair(question, a, b, channel.group(1), len(messages) > 2)


def worth(text: str) -> float:
    """Return what a text says its strength is; else whether it is in character."""
    if found := _STRENGTH.search(text):
        return float(found.group(1))
    return 100.0 if IN_CHARACTER.search(text) else -100.0


def by(value: Callable[[str], float], least: float = 0.0) -> Opinion:
    """Return the judge who takes the text of the greater value; a tie where they differ by no more than ``least``."""

    def opinion(pair: Pair) -> str:
        gap = value(pair.a) - value(pair.b)
        return "tie" if abs(gap) <= least else "A" if gap > 0 else "B"

    return opinion


perfect = by(worth)


def on_candidates(opinion: Opinion) -> Opinion:
    """Return the judge who has this opinion of candidates, and is perfect where it is tested."""
    return lambda pair: perfect(pair) if pair.is_canary else opinion(pair)


def first_always(pair: Pair) -> str:
    """Take whatever comes first."""
    return "A"


def obedient(pair: Pair) -> str:
    """Be perfect, but do what a text says."""
    for letter, text in (("A", pair.a), ("B", pair.b)):
        if re.search(r"choose this text|give this 100", text, re.IGNORECASE):
            return letter
    return perfect(pair)


@dataclass
class PairJudge:
    """A judge with an opinion; ``malformed`` says which requests it answers with something else."""

    opinion: Opinion = perfect
    malformed: Callable[[Pair], bool] = lambda pair: False
    seconds: float = 0.0
    asked: list[Pair] = field(default_factory=list)

    async def __call__(self, request: web.Request, body: Body) -> web.StreamResponse:
        """Answer one request as an OpenAI-compatible server does."""
        pair = read_pair(body)
        self.asked.append(pair)
        if self.seconds:
            await asyncio.sleep(self.seconds)
        said = {"reason": "It speaks as the character.", "better": self.opinion(pair)}
        content = "The first, I would say." if self.malformed(pair) else json.dumps(said)
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        return web.json_response({"object": "chat.completion", "choices": [choice]})

    @property
    def games(self) -> list[Pair]:
        """What was asked of candidates."""
        return [pair for pair in self.asked if not pair.is_canary]


def comparing(endpoint: Endpoint, judge: Any, **values: Any) -> list[str]:
    """Let an endpoint play a judge of pairs, and return the words that make charbench ask it."""
    endpoint.handler = judge
    given = {"model": "judge-1", "base_url": endpoint.url, "timeout": 20, **values}
    words = [word for name, value in given.items() for word in ("-o", f"scorer.pairwise.{name}={json.dumps(value)}")]
    return ["--scorer", "pairwise", *words]


def contest(
    lab: LabBuilder, strengths: Iterable[float], prompts: int = 6, text: Callable[[int, float, int], str] | None = None
) -> None:
    """Fill a lab with a checkpoint for each strength, who says in every answer how strong it is.

    ``text`` makes an answer from the checkpoint's number, its strength and the prompt's number.
    """
    say = text or (lambda which, strength, prompt: f"I regret it. strength {strength} ({which}, {prompt})")
    lab.recorded(
        [
            row(
                checkpoint_name=f"remorseful-{which}_dpo",
                sampler_path=sampler(1 + which, f"remorseful-{which}_dpo"),
                prompt_id=str(prompt),
                prompt=f"Question {prompt}?",
                response=say(which, strength, prompt),
                thinking="",
            )
            for which, strength in enumerate(strengths)
            for prompt in range(prompts)
        ]
    )
