"""One judge: a model at an endpoint, and never asked twice for the same."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from charbench import (
    Endpoint,
    Limits,
    RefusedError,
    RetryPolicy,
    SamplingError,
    digest,
    is_refusal,
    malformed_reply,
    reading_reply,
    redact,
)
from charbench_plugins.samplers.thinking.client import Client
from charbench_plugins.scorers.llm_judge.kept import Answer, KeptAnswers
from charbench_plugins.scorers.llm_judge.options import JudgeModel, PanelConfig, Protocol
from charbench_plugins.scorers.llm_judge.reading import MalformedError, after_thinking, mass_of, read_json
from charbench_plugins.scorers.llm_judge.wording import Message, fill, without_marks

TOP = 20
_ONE_TOKEN = {"temperature": 0, "max_tokens": 1, "seed": 0}
_WITH_PROBABILITIES = {**_ONE_TOKEN, "logprobs": True, "top_logprobs": TOP}
_LONGEST_REFUSAL = 200
PROBE_NUMBERS = ("73", "100")
"""Numbers of two and three digits: where either is split, so may others be."""
SURE = 0.25
_PORT = re.compile(r"(?<=[\w\]]):\d+(?=/|$)")


class Judge:
    """A judge model.

    ``protocol`` is None until it is known how it gives scores, and ``why`` says what speaks for it; without
    probabilities, ``samples`` answers are averaged.
    """

    protocol: Protocol | None = None
    why: str = "set by the option protocol"
    samples: int = 1

    def __init__(
        self, name: str, model: JudgeModel, endpoint: Endpoint, config: PanelConfig, kept: KeptAnswers
    ) -> None:
        self.name, self.model, self.config = name, model.model, config
        self._extra = dict(model.extra_body or {})
        self._address = redact(endpoint.base_url)
        self._client = Client(endpoint, config.max_reply_bytes)
        self._kept = kept
        self._retries = RetryPolicy(Limits.of(config), who=f"judge {name}: its endpoint")
        self._slots: asyncio.Semaphore | None = None

    def identity(self) -> dict[str, Any]:
        """Return what makes this judge itself, for keys."""
        return {"model": self.model, "endpoint": self._address, "extra_body": self._extra}

    def heed(self, stopping: Callable[[], bool]) -> None:
        """Stop waiting for another try when ``stopping()`` says so."""
        self._retries.stopping = stopping

    async def aclose(self) -> None:
        """Close the connections."""
        self._slots = None
        await self._client.aclose()

    async def probe(self) -> None:
        """Find out, by two tiny requests that are asked once and for all, how this model can give scores."""
        if self.protocol is not None:
            return
        whole: list[bool] = []
        for number in PROBE_NUMBERS:
            top = (await self._probed([{"role": "user", "content": fill("probe", number=number)}])).top
            one, first = mass_of(top, number), mass_of(top, number[0])
            if max(one, first) < SURE:
                self.protocol = Protocol.SAMPLES
                self.why = "it does not begin with the number" if top else "its endpoint gives no probabilities"
                return
            whole.append(one >= first)
        self.protocol = Protocol.NUMBERS if all(whole) else Protocol.DIGITS
        self.why = "each number is one token" if all(whole) else "its tokenizer splits numbers"

    async def first_token(self, messages: Sequence[Message], *, fresh: bool = False) -> Answer:
        """Ask for one token with its probabilities."""
        return await self._ask(messages, _WITH_PROBABILITIES, fresh=fresh)

    async def json(
        self, messages: Sequence[Message], schema: Mapping[str, Any], *, turn: int = 0, fresh: bool = False
    ) -> Any:
        """Ask for JSON, once more where it is malformed; raises :class:`MalformedError` if it still is.

        A judge that refuses is not asked again: it is not the form that is wrong. ``turn`` tells the several
        askings of one question apart.
        """
        more = {"temperature": self.config.temperature, "max_tokens": self.config.max_tokens, "seed": turn}
        more |= _format(self.config.response_format, schema)
        answer = await self._ask(messages, more, fresh=fresh)
        try:
            return _read(answer, schema)
        except MalformedError as fault:
            if answer.refusal or is_refusal(after_thinking(answer.content)):
                raise
            again = [
                *messages,
                {"role": "assistant", "content": without_marks(answer.content[: self.config.max_chars])},
                {"role": "user", "content": fill("repair", fault=fault)},
            ]
        return _read(await self._ask(again, more, fresh=fresh), schema)

    async def _probed(self, messages: Sequence[Message]) -> Answer:
        """Ask for one token with its probabilities; without them where the endpoint refuses nothing but these.

        What it refuses for another reason, such as a model that is still loading, it may grant in a moment: only
        where the same request passes without probabilities, and is refused again with them, is that kept.
        """
        answer = await self._unless_refused(messages)
        if answer is None:
            plain = await self._ask(messages, _ONE_TOKEN)
            answer = await self._unless_refused(messages)
            if answer is None:
                answer = plain
                self._kept.put(self._key(self._body(messages, _WITH_PROBABILITIES)), answer)
        return answer

    async def _unless_refused(self, messages: Sequence[Message]) -> Answer | None:
        """Ask for one token with its probabilities; None where the endpoint does not take the request."""
        try:
            return await self._ask(messages, _WITH_PROBABILITIES)
        except RefusedError:
            raise
        except SamplingError as error:
            if error.retryable or not error.kind.startswith("http_4"):
                raise
            return None

    def _body(self, messages: Sequence[Message], more: Mapping[str, Any]) -> dict[str, Any]:
        return {"model": self.model, "messages": list(messages), **more, **self._extra}

    def _key(self, body: Mapping[str, Any]) -> str:
        """Return the name of a request: a local server that is started again may be given another port."""
        return digest(_PORT.sub("", self._address), body)

    def _kept_answer(self, body: Mapping[str, Any]) -> Answer | None:
        """Return the kept answer to a request; earlier versions named it with the port."""
        return self._kept.get(self._key(body)) or self._kept.get(digest(self._address, body))

    async def _ask(self, messages: Sequence[Message], more: Mapping[str, Any], *, fresh: bool = False) -> Answer:
        """Return the kept answer to this very request, else ask; ``fresh`` asks in any case, and keeps nothing."""
        body = self._body(messages, more)
        if not fresh and (kept := self._kept_answer(body)) is not None:
            return kept
        if self._slots is None:
            self._slots = asyncio.Semaphore(self.config.concurrency)
        async with self._slots:
            answer = await self._retries.call(partial(self._post, body))
        if not fresh:
            self._kept.put(self._key(body), answer)
        return answer

    async def _post(self, body: dict[str, Any]) -> Answer:
        said = await self._client.post("/chat/completions", body)
        with reading_reply(self._address):
            return _answer(said, self._address)


def _answer(said: Any, where: str) -> Answer:
    """Return what stands in an endpoint's JSON; raises :class:`SamplingError` where the model did not finish it."""
    choice = said["choices"][0]
    if choice.get("finish_reason") == "error":
        raise malformed_reply(where, f"the model's reply ended with an error ({choice.get('error')})")
    content = choice["message"].get("content") or ""
    refusal = choice["message"].get("refusal") or ""
    top = _top(choice.get("logprobs"))
    if not isinstance(content, str) or not isinstance(refusal, str):
        raise TypeError("its content is no text")
    return Answer(content, top, "" if content else _shortened(refusal))


def _shortened(refusal: str) -> str:
    return redact(" ".join(refusal.split()))[:_LONGEST_REFUSAL]


def _read(answer: Answer, schema: Mapping[str, Any]) -> Any:
    if answer.refusal:
        raise MalformedError(answer.refused)
    try:
        return read_json(answer.content, schema)
    except MalformedError:
        if is_refusal(said := after_thinking(answer.content)):
            raise MalformedError(replace(answer, refusal=_shortened(said)).refused) from None
        raise


def _top(logprobs: Any) -> tuple[tuple[str, float], ...] | None:
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not tokens or not tokens[0].get("top_logprobs"):
        return None
    return tuple((str(entry["token"]), float(entry["logprob"])) for entry in tokens[0]["top_logprobs"][:TOP])


def _format(form: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if form == "json_schema":
        return {"response_format": {"type": form, "json_schema": {"name": "answer", "strict": True, "schema": schema}}}
    return {"response_format": {"type": form}} if form == "json_object" else {}
