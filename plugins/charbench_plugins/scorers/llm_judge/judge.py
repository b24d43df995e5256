"""One judge: a model at an endpoint, asked with patience, and never twice for the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from charbench import Limits, Patience, RefusedError, SamplingError, digest, redact
from charbench_plugins.samplers.thinking.client import Client
from charbench_plugins.samplers.thinking.endpoint import Endpoint
from charbench_plugins.scorers.llm_judge.kept import Answer, KeptAnswers
from charbench_plugins.scorers.llm_judge.options import JudgeModel, PanelConfig, Protocol
from charbench_plugins.scorers.llm_judge.reading import MalformedError, mass_of, read_json
from charbench_plugins.scorers.llm_judge.wording import Message, fill, without_marks

TOP = 20
PROBE_NUMBERS = ("73", "100")
"""Numbers of two and three digits: where either is split, so may others be."""
SURE = 0.25


class Judge:
    """A judge model.

    ``protocol`` is None until it is known how it gives scores; without probabilities, ``samples`` answers are averaged.
    """

    protocol: Protocol | None = None
    samples: int = 1

    def __init__(
        self, name: str, model: JudgeModel, endpoint: Endpoint, config: PanelConfig, kept: KeptAnswers
    ) -> None:
        self.name, self.model, self.config = name, model.model, config
        self._extra = dict(model.extra_body or {})
        self._address = redact(endpoint.base_url)
        self._client = Client(endpoint)
        self._kept = kept
        self._patience = Patience(Limits.of(config))
        self._slots: asyncio.Semaphore | None = None

    def identity(self) -> dict[str, Any]:
        """Return what makes this judge itself, for keys."""
        return {"model": self.model, "endpoint": self._address, "extra_body": self._extra}

    def heed(self, stopping: Callable[[], bool]) -> None:
        """Stop waiting for another try when ``stopping()`` says so."""
        self._patience.stopping = stopping

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
            messages = [{"role": "user", "content": fill("probe", number=number)}]
            top = (await self._ask_for_token(messages, keep_refusal=True)).top
            one, first = mass_of(top, number), mass_of(top, number[0])
            if max(one, first) < SURE:
                self.protocol = Protocol.SAMPLES
                return
            whole.append(one >= first)
        self.protocol = Protocol.NUMBERS if all(whole) else Protocol.DIGITS

    async def first_token(self, messages: Sequence[Message], *, fresh: bool = False) -> Answer:
        """Ask for one token with its probabilities."""
        return await self._ask_for_token(messages, fresh=fresh)

    async def json(
        self, messages: Sequence[Message], schema: Mapping[str, Any], *, turn: int = 0, fresh: bool = False
    ) -> Any:
        """Ask for JSON, once more where it is malformed; raises :class:`MalformedError` if it still is.

        ``turn`` tells the several askings of one question apart.
        """
        more = {"temperature": self.config.temperature, "max_tokens": self.config.max_tokens, "seed": turn}
        more |= _format(self.config.response_format, schema)
        answer = await self._ask(messages, more, fresh=fresh)
        try:
            return read_json(answer.content, schema)
        except MalformedError as fault:
            again = [
                *messages,
                {"role": "assistant", "content": without_marks(answer.content[: self.config.max_chars])},
                {"role": "user", "content": fill("repair", fault=fault)},
            ]
        return read_json((await self._ask(again, more, fresh=fresh)).content, schema)

    async def _ask_for_token(
        self, messages: Sequence[Message], *, fresh: bool = False, keep_refusal: bool = False
    ) -> Answer:
        more = {"temperature": 0, "max_tokens": 1, "logprobs": True, "top_logprobs": TOP, "seed": 0}
        return await self._ask(messages, more, fresh=fresh, keep_refusal=keep_refusal)

    async def _ask(
        self, messages: Sequence[Message], more: Mapping[str, Any], *, fresh: bool, keep_refusal: bool = False
    ) -> Answer:
        """Return the kept answer to this very request, else ask; ``fresh`` asks in any case, and keeps nothing."""
        body = {"model": self.model, "messages": list(messages), **more, **self._extra}
        key = digest(self._address, body)
        if not fresh and (kept := self._kept.get(key)) is not None:
            return kept
        if self._slots is None:
            self._slots = asyncio.Semaphore(self.config.concurrency)
        async with self._slots:
            try:
                answer = await self._patience.call(partial(self._post, body))
            except RefusedError:
                raise
            except SamplingError as error:
                if error.retryable or not (keep_refusal and error.kind.startswith("http_4")):
                    raise
                answer = Answer("")  # it does not know what it was asked for: no probabilities then
        if not fresh:
            self._kept.put(key, answer)
        return answer

    async def _post(self, body: dict[str, Any]) -> Answer:
        said = await self._client.post("/chat/completions", body)
        answer = _answer(said)
        if answer is None:
            raise SamplingError("the answer holds no text", kind="bad_response", retryable=True)
        return answer


def _answer(said: Any) -> Answer | None:
    """Return what stands in an endpoint's JSON, None where it is not what the API promises."""
    try:
        choice = said["choices"][0]
        content = choice["message"].get("content") or ""
        top = _top(choice.get("logprobs"))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return None
    return Answer(content, top) if isinstance(content, str) else None


def _top(logprobs: Any) -> tuple[tuple[str, float], ...] | None:
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not tokens or not tokens[0].get("top_logprobs"):
        return None
    return tuple((str(entry["token"]), float(entry["logprob"])) for entry in tokens[0]["top_logprobs"][:TOP])


def _format(form: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if form == "json_schema":
        return {"response_format": {"type": form, "json_schema": {"name": "answer", "strict": True, "schema": schema}}}
    return {"response_format": {"type": form}} if form == "json_object" else {}
