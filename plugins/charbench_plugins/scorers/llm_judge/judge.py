"""One judge: a model, and how it gives scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from charbench import AnswerCache, MalformedAnswerError, ModelAnswer, ModelClient, RefusedError, SamplingError
from charbench_plugins.scorers.llm_judge.options import PanelConfig, Protocol
from charbench_plugins.scorers.llm_judge.reading import are_probabilities, mass_of
from charbench_plugins.scorers.llm_judge.wording import ChatMessage, fill

TOP = 20
_ONE_TOKEN: dict[str, Any] = {"temperature": 0, "max_tokens": 1, "seed": 0}
_WITH_PROBABILITIES: dict[str, Any] = {**_ONE_TOKEN, "logprobs": True, "top_logprobs": TOP}
PROBE_NUMBERS = ("73", "100")
"""Numbers of two and three digits: where either is split, so may others be."""
SURE = 0.25
FILTERED = "filtered"
"""Kind of failure of what a content filter stopped."""


class Judge:
    """A judge model.

    ``protocol`` is None until it is known how it gives scores, and ``why`` says what speaks for it; without
    probabilities, ``samples`` answers are averaged.
    """

    protocol: Protocol | None = None
    why: str = "set by the option protocol"
    samples: int = 1

    sent: int = 0
    """Requests that were sent in any case, to test it (without those to repair an answer)."""

    def __init__(self, name: str, client: ModelClient, config: PanelConfig, cache: AnswerCache) -> None:
        self.name, self.model, self.config, self.cache = name, client.model, config, cache
        self._client = client

    def identity(self) -> dict[str, Any]:
        """Return what makes this judge itself, for keys."""
        return self._client.identity()

    def stop_when(self, stopping: Callable[[], bool]) -> None:
        """Stop waiting for another try when ``stopping()`` says so."""
        self._client.stop_when(stopping)

    async def aclose(self) -> None:
        """Close the connections."""
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
                known = top and are_probabilities(top)
                self.why = "it does not begin with the number" if known else "its endpoint gives no probabilities"
                return
            whole.append(one >= first)
        self.protocol = Protocol.NUMBERS if all(whole) else Protocol.DIGITS
        self.why = "each number is one token" if all(whole) else "its tokenizer splits numbers"

    async def first_token(
        self, messages: Sequence[ChatMessage], *, fresh: bool = False, needed: bool = False
    ) -> ModelAnswer:
        """Ask for one token with its probabilities; where they are ``needed``, an answer without them is a failure."""
        self.sent += fresh
        check = _check_for_probabilities if needed else None
        return await self._client.ask(messages, fresh=fresh, limit_is_meant=True, check=check, **_WITH_PROBABILITIES)

    async def json(
        self, messages: Sequence[ChatMessage], schema: Mapping[str, Any], *, turn: int = 0, fresh: bool = False
    ) -> Any:
        """Ask for JSON as :meth:`charbench.ModelClient.ask_json` does; ``turn`` tells several askings apart.

        What a content filter keeps from the judge is no failure of it: as where it refuses, there is nothing to read.
        """
        config = self.config
        self.sent += fresh
        try:
            return await self._client.ask_json(
                messages, schema, form=config.response_format, fresh=fresh, longest_repeated=config.max_chars,
                temperature=config.temperature, max_tokens=config.max_tokens, seed=turn,
            )  # fmt: skip
        except SamplingError as error:
            if error.kind != FILTERED:
                raise
            raise MalformedAnswerError(str(error)) from None

    async def _probed(self, messages: Sequence[ChatMessage]) -> ModelAnswer:
        """Ask for one token with its probabilities; without them where the endpoint refuses nothing but these.

        What it refuses for another reason, such as a model that is still loading, it may grant in a moment: only
        where the same request passes without probabilities, and is refused again with them, is that kept.
        """
        answer = await self._unless_refused(messages)
        if answer is None:
            plain = await self._client.ask(messages, limit_is_meant=True, **_ONE_TOKEN)
            answer = await self._unless_refused(messages)
            if answer is None:
                answer = plain
                self._client.keep(messages, answer, **_WITH_PROBABILITIES)
        return answer

    async def _unless_refused(self, messages: Sequence[ChatMessage]) -> ModelAnswer | None:
        """Ask for one token with its probabilities; None where the endpoint does not take the request."""
        try:
            return await self.first_token(messages)
        except RefusedError:
            raise
        except SamplingError as error:
            if error.retryable or not error.kind.startswith("http_4"):
                raise
            return None


def _check_for_probabilities(answer: ModelAnswer) -> None:
    """Raise where an endpoint that gives probabilities gave none: another server, or another way to think, answered."""
    if answer.top is None and not answer.refusal:
        told = "the endpoint gave no probabilities of its answer (option protocol=samples asks for none)"
        raise SamplingError(told, kind="bad_response", retryable=True)
