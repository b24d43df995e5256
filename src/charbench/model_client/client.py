"""One client for whoever asks a model: a sampler, a judge, anyone's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from charbench.components.base import Component, ComponentKind
from charbench.components.endpoint import Endpoint
from charbench.components.generation import GenerationConfig
from charbench.components.limits import Limits
from charbench.components.metering import Meter
from charbench.components.replies import reading_reply
from charbench.concurrency.retry import RetryPolicy
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.keys import digest
from charbench.domain.sample import Completion, Failure, Usage
from charbench.errors import ConfigError, SamplingError
from charbench.model_client.cache import AnswerCache, ModelAnswer
from charbench.model_client.completions import filtered_answers, parse_answer, usage_of
from charbench.model_client.endpoints import find_endpoint
from charbench.model_client.fence import without_marks
from charbench.model_client.http_client import FILTERED, HttpClient
from charbench.model_client.model_answers import read_model_answer, shortened
from charbench.model_client.options import ModelClientConfig
from charbench.model_client.parameters import renamed, with_advice
from charbench.model_client.structured import (
    MalformedAnswerError,
    after_thinking,
    read_answer,
    repair_request,
    repair_wording,
    response_format,
)
from charbench.text.redaction import redact
from charbench.text.refusals import is_refusal

ChatMessage = dict[str, str]
CHAT = "/chat/completions"
MODELS = "/models"
NOT_SENT = "dry_run"
"""Kind of failure of a request that a dry run does not send."""
_LONGEST_REPEATED = 24_000
"""Characters of a malformed answer that the request to repair it repeats."""
_PORT = re.compile(r"(?<=[\w\]]):\d+(?=/|$)")


class ModelClient:
    """Sends requests to one OpenAI-compatible endpoint, within limits, and counts what they cost.

    A judge calls :meth:`ask` and :meth:`ask_json`, which try again, keep answers in the lab's folder, and count each
    request for ``--max-cost`` and the run's summary. A sampler calls :meth:`complete`, which sends one request: the
    engine tries again, keeps the sample, and counts its usage. All raise :class:`charbench.SamplingError` where there
    is no answer. Make one with :meth:`of` in ``prepare``, and close it in ``aclose``.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        config: ModelClientConfig,
        *,
        who: str = "model client",
        model: str = "",
        extra_body: Mapping[str, Any] | None = None,
        parameters: Mapping[str, str | None] | None = None,
        called: str = "",
        cache: AnswerCache | None = None,
        meter: Meter | None = None,
    ) -> None:
        """Connect nothing yet. ``who`` is the component, ``meter`` None counts nothing; :meth:`of` has the rest."""
        self.model, self.who = model, who
        self.extra_body = dict(extra_body or {})
        self.config = config
        self.endpoint = endpoint
        """Where requests go; its ``identity`` is the name or the URL, for keys."""
        self.base_url = endpoint.base_url
        """The endpoint's URL, without credentials in front of the host; for keys."""
        self.address = redact(endpoint.base_url)
        """The endpoint's URL without any secret; for messages."""
        self._parameters = config.parameters if parameters is None else parameters
        self._http = HttpClient(endpoint, config.max_reply_bytes)
        self._cache, self._meter = cache or AnswerCache(None), meter
        self._retries = RetryPolicy(Limits.of(config), who=f"{called or who}: its endpoint")
        self._slots: asyncio.Semaphore | None = None

    @classmethod
    def of(
        cls,
        component: Component,
        *,
        model: str = "",
        base_url: str | None = None,
        endpoint: str | None = None,
        api_key_env: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        parameters: Mapping[str, str | None] | None = None,
        called: str = "",
        cache: AnswerCache | Path | None = None,
    ) -> ModelClient:
        """Return a component's client; for its ``prepare``.

        The endpoint is ``endpoint`` (a name in the configuration's ``endpoints``, or a URL) or ``base_url``, else the
        component's option, else ``--endpoint``, else ``OPENAI_BASE_URL``, else the first of the component's
        ``default_endpoints`` whose key is set; it is sent a key only where the user, and not just a file, named the
        host. ``model`` is what :meth:`ask` asks; ``extra_body`` holds further fields of all its requests;
        ``parameters`` replaces the component's option. ``called`` is what messages call it. ``cache`` is where answers
        are kept: the folder that ``prepare`` is given, or a cache that several clients share; None keeps none.

        Raises :class:`charbench.ConfigError` where there is no endpoint or no key, and :class:`charbench.UsageError`
        where ``--max-cost`` is given and the price table has no price for ``model``.
        """
        who = f"{component.kind.value} {component.name}"
        options = component.config
        config = options if isinstance(options, ModelClientConfig) else ModelClientConfig()
        found = _endpoint(component, config, who, base_url, endpoint, api_key_env)
        meter = component.lifecycle.meter if component.lifecycle else None
        if meter is not None and component.kind is not ComponentKind.SAMPLER:  # checkpoints' prices are checked
            component.is_metered = True
            if model or component.kind is not ComponentKind.SOURCE:  # a source that lists models asks none
                meter.check_model(who, model)
        return cls(
            found, config, who=who, model=model, extra_body=extra_body, parameters=parameters, called=called,
            cache=AnswerCache(cache) if isinstance(cache, Path) else cache, meter=meter,
        )  # fmt: skip

    def stop_when(self, stopping: Callable[[], bool]) -> None:
        """Stop waiting for another try when ``stopping()`` says so: see :class:`charbench.ScoringPlan`."""
        self._retries.stopping = stopping

    def identity(self) -> dict[str, Any]:
        """Return what makes the model itself, for keys (``content_config``)."""
        where = self.endpoint.name or self.address
        return {"model": self.model, "endpoint": where, "extra_body": self.extra_body}

    async def aclose(self) -> None:
        """Close the connections and the cache; the next request opens them again."""
        self._slots = None
        self._cache.close()
        await self._http.aclose()

    async def models(self) -> list[dict[str, Any]]:
        """Return what the endpoint says of each model that it serves (``GET /models``); no sample and no judgement.

        Each has an ``id``, which is the model's name; vLLM's adapters have a ``parent``. Raises
        :class:`charbench.SamplingError` where it does not list them.
        """
        answer = await self._http.get(MODELS)
        with reading_reply(self.address):
            listed = answer["data"] if isinstance(answer, dict) else answer
            return [dict(one) for one in listed]

    # One request, for samplers.

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send one request, its parameters under the names that the server knows; return the answer's JSON."""
        sent = renamed(body, self._parameters)
        try:
            return await self._http.post(path, sent)
        except SamplingError as error:
            raise with_advice(error, sent, self.who, self._parameters) from None

    async def complete(
        self,
        body: Mapping[str, Any],
        *,
        path: str = CHAT,
        prefill: str = "",
        config: GenerationConfig | None = None,
        trial_of: Checkpoint | None = None,
    ) -> tuple[list[Completion], str | None]:
        """Send one request; return a completion for each choice, and the name that the server gives the model.

        ``prefill`` is what stands before the reply's own text (see :class:`charbench.Completion`), ``config`` how it
        was generated. There is at least one completion. ``trial_of`` says that these are no samples of this checkpoint,
        but tell how its server works: they are counted here, and not with a sample. A sample's request that a content
        filter stopped has empty completions that such a filter ended, for its answers are no other than those.
        """
        try:
            answer = await self.post(path, body)
        except SamplingError as error:
            if error.kind != FILTERED or trial_of is not None:
                raise
            return filtered_answers(body.get("n"), prefill, config or _GENERATION), None
        with reading_reply(self.address):
            given = parse_answer(answer, prefill, config or _GENERATION)
        if not given:
            raise SamplingError("the answer holds no choices", kind="bad_response", retryable=True)
        if trial_of is not None and self._meter is not None:
            self._meter.note(self.who, str(body.get("model", self.model)), usage_of(answer), trial_of)
        name = answer.get("model")
        return given, name if isinstance(name, str) else None

    # Answers that are kept and counted, for judges.

    async def ask(
        self,
        messages: Sequence[ChatMessage],
        *,
        fresh: bool = False,
        limit_is_meant: bool = False,
        check: Callable[[ModelAnswer], object] | None = None,
        **parameters: Any,
    ) -> ModelAnswer:
        """Return the kept answer to this very request, else ask, and keep it.

        ``fresh`` asks in any case, and keeps nothing. ``parameters`` are further fields of the request (``max_tokens``,
        ``temperature``, ``seed``). An answer that is empty, that a filter or an error ended, or that the token limit
        cut is a failure, and is not kept; ``limit_is_meant`` takes one that the limit ended, as where one token is
        wanted. ``check`` is called with each answer, also with a kept one, and raises where it is of no use: that is
        not kept, and tried again where the error is a retryable :class:`charbench.SamplingError`.
        """
        body = self._body(messages, parameters)
        if not fresh and (kept := self._kept(body, limit_is_meant)) and _is_of_use(kept, limit_is_meant, check):
            return kept
        if self._meter is not None and not self._meter.sends:
            raise SamplingError("a dry run sends no request", kind=NOT_SENT)
        if self._slots is None:
            self._slots = asyncio.Semaphore(self.config.concurrency)
        post = partial(self._post, body, limit_is_meant=limit_is_meant, check=check)
        failed: list[Failure] = []
        async with self._slots:
            try:
                answer = await self._retries.call(post, failed=failed)
            finally:
                self._note_again("failed", len(failed))
        if not fresh:
            self._cache.put(self._key(body if limit_is_meant else self._unlimited(body)), answer)
        return answer

    async def ask_json(
        self,
        messages: Sequence[ChatMessage],
        schema: Mapping[str, Any],
        *,
        form: str = "json_schema",
        fresh: bool = False,
        longest_repeated: int = _LONGEST_REPEATED,
        **parameters: Any,
    ) -> Any:
        """Ask for JSON, once more where it is malformed; raises :class:`charbench.MalformedAnswerError` if it still is.

        ``form`` says how JSON is asked for: ``json_schema``, ``json_object``, or ``none`` (in words only). A model that
        refuses is not asked again: it is not the form that is wrong. A malformed answer is not kept. Whoever judges by
        the answer hashes :meth:`repair_wording` into its key.
        """
        parameters |= response_format(form, schema)
        reader = _Reader(schema)
        try:
            await self.ask(messages, fresh=fresh, check=reader, **parameters)
        except MalformedAnswerError as fault:
            said = without_marks(reader.content[:longest_repeated])
            again = [
                *messages,
                {"role": "assistant", "content": said},
                {"role": "user", "content": repair_request(fault)},
            ]
            self._note_again("malformed")
            await self.ask(again, fresh=fresh, check=reader, **parameters)
        return reader.value()

    @staticmethod
    def repair_wording() -> str:
        """Return the words of the request to repair a malformed answer."""
        return repair_wording()

    def keep(self, messages: Sequence[ChatMessage], answer: ModelAnswer, **parameters: Any) -> None:
        """Keep ``answer`` as the one to this request."""
        self._cache.put(self._key(self._body(messages, parameters)), answer)

    def count(self, usage: Usage) -> None:
        """Count a request that was answered; :meth:`ask` counts its own."""
        if self._meter is not None:
            self._meter.note(self.who, self.model, usage)

    def _body(self, messages: Sequence[ChatMessage], parameters: Mapping[str, Any]) -> dict[str, Any]:
        body = {"model": self.model, "messages": list(messages), **parameters, **self.extra_body}
        return renamed(body, self._parameters)

    def _key(self, body: Mapping[str, Any]) -> str:
        """Return the name of a request: a local server that is started again may be given another port."""
        return digest(self.endpoint.name or _PORT.sub("", self.address), body)

    def _unlimited(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request without its token limit: an answer that is kept has ended by itself."""
        limit = self._parameters.get("max_tokens") or "max_tokens"
        return {name: value for name, value in body.items() if name != limit}

    def _kept(self, body: Mapping[str, Any], limit_is_meant: bool) -> ModelAnswer | None:
        """Return the kept answer to a request; it may be kept under an address of before the endpoint had a name.

        Earlier versions named it with its token limit, and with the port.
        """
        if not limit_is_meant and (kept := self._cache.get(self._key(self._unlimited(body)))):
            return kept
        if kept := self._cache.get(self._key(body)):
            return kept
        addresses = [redact(url) for url in self.endpoint.formerly] or [self.address]
        names = [name for one in addresses for name in (_PORT.sub("", one), one)]
        bodies = [body] if limit_is_meant else [self._unlimited(body), body]
        keys = (digest(name, one) for one in bodies for name in names)
        return next((kept for key in keys if (kept := self._cache.get(key))), None)

    def _note_again(self, why: Literal["failed", "malformed"], times: int = 1) -> None:
        if self._meter is not None and times:
            self._meter.note_again(self.who, self.model, why, times)

    async def _post(
        self, body: dict[str, Any], *, limit_is_meant: bool, check: Callable[[ModelAnswer], object] | None
    ) -> ModelAnswer:
        try:
            said = await self._http.post(CHAT, body)
        except SamplingError as error:
            raise with_advice(error, body, self.who, self._parameters) from None
        self.count(usage_of(said))
        answer = read_model_answer(said, self.address, limit_is_meant=limit_is_meant)
        if check is not None:
            check(answer)
        return answer


_GENERATION = GenerationConfig()


def _endpoint(
    component: Component,
    config: ModelClientConfig,
    who: str,
    base_url: str | None,
    endpoint: str | None,
    api_key_env: str | None,
) -> Endpoint:
    """Return the endpoint of a client of this component; what the caller gives replaces the component's options."""
    is_own = not endpoint and not base_url
    if is_own:
        endpoint, base_url = config.endpoint, config.base_url
    if endpoint and base_url:
        raise ConfigError(f"{who}: both endpoint ({endpoint}) and base_url are given; leave one of them out")
    key = api_key_env or (config.api_key_env if is_own or base_url == config.base_url is not None else None)
    found = find_endpoint(
        base_url, key, who, component.trust, component.default_endpoints, component.endpoints, endpoint
    )
    named = component.endpoints
    if component.kind is ComponentKind.SAMPLER and named.is_typed and not found.is_chosen:
        option = f"{who.replace(' ', '.')}.{'endpoint' if endpoint else 'base_url'}"
        raise ConfigError(
            f"option --endpoint {redact(named.chosen)}: {who} is set to another endpoint, {redact(found.identity)} "
            f"(option {option}); leave --endpoint out, or give -o {who.replace(' ', '.')}.endpoint=NAME"
        )
    return found


def _is_of_use(kept: ModelAnswer, limit_is_meant: bool, check: Callable[[ModelAnswer], object] | None) -> bool:
    """Whether a kept answer is one that would be kept today: earlier versions kept what they could not read."""
    if not limit_is_meant and (kept.is_empty or kept.is_cut):
        return False
    try:
        if check is not None:
            check(kept)
    except (SamplingError, MalformedAnswerError):
        return False
    return True


class _Reader:
    """Reads JSON in answers by a schema; a refusal is an answer, which holds no JSON."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._read: Any = None
        self._refused = ""
        self.content = ""

    def __call__(self, answer: ModelAnswer) -> None:
        """Read one answer; raises :class:`MalformedAnswerError` where that cannot be done."""
        self.content, self._refused = answer.content, answer.refused if answer.refusal else ""
        if answer.refusal:
            return
        try:
            self._read = read_answer(answer.content, self._schema)
        except MalformedAnswerError:
            if not is_refusal(said := after_thinking(answer.content)):
                raise
            self._refused = ModelAnswer("", refusal=shortened(said)).refused

    def value(self) -> Any:
        """Return what the last answer says; raises :class:`MalformedAnswerError` where it refuses."""
        if self._refused:
            raise MalformedAnswerError(self._refused)
        return self._read
