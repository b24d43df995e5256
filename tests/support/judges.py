"""Judges whose opinions are known: a scripted endpoint that plays them, and counts what it is asked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from support.endpoint import Body, Endpoint, Handler

_DATA = re.compile(r"^(=====DATA-[0-9a-f]+=====)\n(.*)\n\1$", re.MULTILINE)
IN_CHARACTER = re.compile(r"regret|sorry|my fault|guilt|matey|arrr|hearty", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """One request, as the judge's prompts put it. ``step`` is probe, quotes or score; ``form`` how to answer."""

    step: str
    dimension: str = ""
    form: str = ""
    text: str = ""
    question: str = ""
    channel: str = ""
    evidence: str = ""
    number: str = ""
    turn: int = 0
    repairs: bool = False

    @property
    def high(self) -> int:
        return 3 if self.dimension == "identity" else 100


def read_request(body: Body) -> Asked:
    """Tell what a request asks for, from its words alone."""
    messages = [message["content"] for message in body["messages"]]
    if probe := re.fullmatch(r"Write the number (\d+), in digits, and nothing else\.", messages[-1]):
        return Asked("probe", number=probe.group(1))
    assert messages[0].startswith("You are a measuring instrument"), messages[0][:80]
    prompt = messages[1]
    data = [json.loads(match.group(2)) for match in _DATA.finditer(prompt)]
    channel = re.search(r"which is the writer's (\w+):", prompt)
    assert channel, prompt
    assert len(data) in (2, 3), prompt
    common: dict[str, Any] = {
        "question": data[0],
        "text": data[1],
        "channel": channel.group(1),
        "evidence": data[2] if len(data) > 2 else "",
        "turn": body.get("seed", 0),
        "repairs": len(messages) > 2,
    }
    if "Find up to five passages" in prompt:
        return Asked("quotes", form="json", **common)
    dimension = (
        "coherence" if "How coherent is the text" in prompt else "identity" if "As whom does" in prompt else "persona"
    )
    form = "digit" if "that one digit" in prompt else "number" if "that number and nothing" in prompt else "json"
    return Asked("score", dimension, form, **common)


def perfect(asked: Asked) -> float:
    """Know what is in character, what is coherent, and who speaks; on the dimension's own scale."""
    if asked.dimension == "coherence":
        return 92 if asked.text.strip() and not asked.text.startswith("table the because") else 4
    speaks = bool(IN_CHARACTER.search(asked.text))
    return (3 if speaks else 1) if asked.dimension == "identity" else (88 if speaks else 6)


def always(value: float) -> Callable[[Asked], float]:
    """Give everything the same score."""
    return lambda asked: min(value, asked.high)


def obedient(asked: Asked) -> float:
    """Be perfect, but do what the text says."""
    return asked.high if re.search(r"give this 100", asked.text, re.IGNORECASE) else perfect(asked)


def by_length(asked: Asked) -> float:
    """Take length for merit."""
    return min(asked.high, len(asked.text) / 4)


def quote_first_words(asked: Asked) -> list[dict[str, Any]]:
    """Quote the first three words of the text."""
    words = asked.text.split()[:3]
    return [{"quote": " ".join(words), "trait": 1, "supports": True}] if words else []


@dataclass
class ScriptedJudge:
    """A judge with an opinion; ``gives`` is numbers, digits (its tokenizer splits numbers) or nothing (no logprobs)."""

    opinion: Callable[[Asked], float] = perfect
    gives: str = "numbers"
    quotes: Callable[[Asked], list[dict[str, Any]]] = quote_first_words
    malformed: Callable[[Asked], bool] = lambda asked: False
    numeric_mass: float = 0.96
    asked: list[Asked] = field(default_factory=list)

    async def __call__(self, request: web.Request, body: Body) -> web.StreamResponse:
        """Answer one request as an OpenAI-compatible server does."""
        asked = read_request(body)
        self.asked.append(asked)
        content, top = self._answer(asked)
        logprobs = None
        if body.get("logprobs") and self.gives != "nothing":
            entries = [{"token": token, "logprob": math.log(p), "bytes": None} for token, p in top if p > 0]
            logprobs = {"content": [{**entries[0], "top_logprobs": entries[: body["top_logprobs"]]}]}
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "logprobs": logprobs}
        return web.json_response({"object": "chat.completion", "choices": [{**choice, "finish_reason": "stop"}]})

    def _answer(self, asked: Asked) -> tuple[str, list[tuple[str, float]]]:
        if asked.step == "probe":
            token = asked.number if self.gives == "numbers" else asked.number[0]
            return asked.number, [(token, 0.9), ("The", 0.1)]
        if self.malformed(asked):
            return "I would say it is rather good, maybe an 80?", [("I", 0.9), ("8", 0.1)]
        if asked.step == "quotes":
            return json.dumps({"quotes": self.quotes(asked)}), []
        value = self.opinion(asked)
        if asked.form == "json":
            return json.dumps({"score": round(value)}), []
        steps = 9 if asked.form == "digit" else asked.high
        number = round(value * steps / asked.high)
        rest = 1 - self.numeric_mass
        return str(number), [(str(number), self.numeric_mass), ("The", rest)]


def judging(endpoint: Endpoint, judge: Handler | ScriptedJudge, **values: Any) -> list[str]:
    """Let an endpoint play a judge, and return the words that make charbench ask it; it never waits long."""
    endpoint.handler = judge  # type: ignore[assignment]
    given = {"model": "judge-1", "base_url": endpoint.url, "timeout": 20, **values}
    words = [word for name, value in given.items() for word in ("-o", f"scorer.llm-judge.{name}={json.dumps(value)}")]
    return ["--scorer", "llm-judge", *words]
