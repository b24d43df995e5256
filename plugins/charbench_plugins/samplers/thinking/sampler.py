"""Asks checkpoints behind an OpenAI-compatible endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from charbench import (
    Checkpoint,
    Completion,
    DefaultEndpoint,
    Endpoint,
    EndpointConfig,
    ModelClient,
    ModelClientConfig,
    Provenance,
    Sampler,
    SampleRequest,
    ThinkingMode,
    opened_by,
    operational,
)
from charbench_plugins.samplers.thinking.prefill import PrefillWays, ThinkingMethod
from charbench_plugins.samplers.thinking.templates import Template
from charbench_plugins.template_process import TemplateConfig, TemplateLimits

SERVED = "model:"
TINKER = DefaultEndpoint(
    "https://tinker.thinkingmachines.dev/services/tinker-prod/oai/api/v1",
    owner="Tinker",
    api_key_env="TINKER_API_KEY",
    key_prefix="tml-",
    find_key="charbench_plugins.tinker_sdk.key:key_source",
)
OPENED = "<think>\n"
"""What the prompt ends with where the server's chat template opens the thinking."""


class ThinkingSampler(Sampler):
    """Checkpoints behind any OpenAI-compatible endpoint (Tinker's by default), in thinking mode."""

    name = "thinking"
    default_endpoints = (TINKER,)

    class Config(ModelClientConfig, TemplateConfig, EndpointConfig):
        """Where and how to ask."""

        api: Literal["chat", "completions"] = Field("chat", description="completions: charbench renders the prompt")
        template: Path | None = Field(None, description="Jinja2 chat template for completions; default: ChatML")
        models: dict[str, str | dict[str, Any]] = operational(
            {}, description="checkpoint (URI or name) -> model name, or {model: ..., extra_body: {...}}"
        )
        extra_body: dict[str, Any] = Field({}, description="additional fields of every request")
        n: int = operational(1, ge=1, le=128, description="maximum epochs per request")
        max_thinking_tokens: int | None = Field(
            None, ge=1, description="maximum thinking tokens, where the server supports a limit"
        )
        thinking_tokens_field: str = Field("thinking_budget", description="name of that parameter in requests")

    config: Config

    def prepare(self, root: Path, folder: Path) -> None:
        """Find the endpoint and its key."""
        self._client = ModelClient.of(self)
        template = root / self.config.template if self.config.template else None
        self._template = Template.load(template, TemplateLimits.of(self.config))
        self._ways = PrefillWays()
        completions = self.config.api == "completions"
        self._params = {**self.content_config(), "template": self._template.fingerprint if completions else None}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Take what an endpoint can serve: Tinker's sampler weights, served models, and what ``models`` maps.

        Where the endpoint's entry in the configuration says which models it serves, no other is taken.
        """
        if checkpoint.uri in self.config.models or checkpoint.name in self.config.models:
            return True
        if checkpoint.uri.startswith(SERVED) and (served := self._served_models()):
            return checkpoint.uri.removeprefix(SERVED) in served
        return checkpoint.sampleable and checkpoint.uri.startswith((SERVED, "tinker://"))

    def identity(self, checkpoint: Checkpoint) -> str:
        """Return the URI of a Tinker checkpoint; of others the endpoint, the model, and what is sent for it.

        A Tinker checkpoint that ``models`` maps to another model is one of the others.
        """
        return self.identity_at(checkpoint, self._client.endpoint.identity)

    def identity_at(self, checkpoint: Checkpoint, endpoint: str) -> str:
        """Return the identity at an endpoint of this name or URL."""
        model, extra = self._model(checkpoint)
        if checkpoint.uri.startswith("tinker://") and (model, extra) == (checkpoint.uri, {}):
            return checkpoint.uri
        return f"{endpoint}#{model}{sorted(extra.items()) if extra else ''}"

    def endpoint_of(self, checkpoint: Checkpoint) -> Endpoint | None:
        """Return the endpoint, except for a Tinker checkpoint, which is itself wherever it is served."""
        served = self.identity(checkpoint) != checkpoint.uri
        return self._client.endpoint if served else None

    def _served_models(self) -> tuple[str, ...]:
        chosen = self.config.endpoint or self.config.base_url or self.endpoints.chosen
        named = self.endpoints.find(chosen) if chosen else None
        return named.models if named else ()

    def params(self, request: SampleRequest) -> dict[str, Any]:
        """Return the options that decide the answer, and the template's own text in place of its path."""
        return self._params

    @property
    def epochs_at_once(self) -> int:
        """The option ``n``."""
        return self.config.n

    async def sample(self, request: SampleRequest) -> Completion:
        """Ask once."""
        return (await self._ask(request, 1))[0]

    async def sample_epochs(self, requests: Sequence[SampleRequest]) -> list[Completion]:
        """Ask once for as many answers as there are epochs."""
        return await self._ask(requests[0], len(requests))

    async def _ask(self, request: SampleRequest, answers: int) -> list[Completion]:
        """Return the answers to one request: one or more, as the server likes."""
        way = await self._way(request)
        path, body, prefill = self._body(request, way)
        if answers > 1:
            body.setdefault("n", answers)
        given, name = await self._client.complete(body, path=path, prefill=prefill, config=self.config)
        where = self._client.identity()["endpoint"]
        served = Provenance(endpoint=where, server_model=name, prefill=way.value if way else None)
        remarks = self._remarks(body["model"], served, way)
        return [replace(one, provenance=served, remarks=remarks) for one in given]

    async def _way(self, request: SampleRequest) -> ThinkingMethod | None:
        """Return how the server treats a prefill; None where there is none, or charbench renders the prompt."""
        if not self.config.thinking.prefill or self.config.api != "chat":
            return None
        model, extra = self._model(request.checkpoint)

        async def send(fields: dict[str, Any]) -> Completion:
            body = {"model": model, **fields, **self.config.extra_body, **extra}
            return (await self._client.complete(body, config=self.config, trial_of=request.checkpoint))[0][0]

        return await self._ways.find(model, self.config.thinking.prefill, send)

    @staticmethod
    def _remarks(asked: str, served: Provenance, way: ThinkingMethod | None) -> tuple[str, ...]:
        remarks = []
        if served.server_model and served.server_model != asked:
            remarks.append(f"the server answers as {served.server_model!r}, not as the requested name")
        if way is ThinkingMethod.FLAGGED:
            remarks.append("the prefill is continued by the server with continue_final_message")
        if way is ThinkingMethod.NEW_TURN:
            remarks.append(
                "the server begins a new turn after a prefill, so nothing was prefilled; with api=completions "
                "charbench renders the prompt itself"
            )
        return tuple(remarks)

    def _model(self, checkpoint: Checkpoint) -> tuple[str, dict[str, Any]]:
        mapped = self.config.models.get(checkpoint.uri) or self.config.models.get(checkpoint.name)
        if isinstance(mapped, str):
            return mapped, {}
        if mapped:
            return str(mapped.get("model", checkpoint.name)), dict(mapped.get("extra_body", {}))
        return checkpoint.uri.removeprefix(SERVED), {}

    def _body(self, request: SampleRequest, way: ThinkingMethod | None) -> tuple[str, dict[str, Any], str]:
        """Return the path, the request, and what stands before the reply's own text."""
        config = self.config
        prefill = "" if way is ThinkingMethod.NEW_TURN else config.thinking.prefill
        model, extra = self._model(request.checkpoint)
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": config.max_tokens,
            "temperature": config.temperature,
            "top_p": config.top_p,
        }
        if config.seed is not None:
            body["seed"] = config.seed + request.epoch
        if config.stop:
            body["stop"] = list(config.stop)
        if config.max_thinking_tokens is not None:
            body[config.thinking_tokens_field] = config.max_thinking_tokens
        messages = [{"role": message.role, "content": message.content} for message in request.prompt.messages]
        off = config.thinking is ThinkingMode.OFF
        if config.api == "completions":
            prompt = self._template.render(messages, thinking=not off)
            opened = opened_by(prompt)
            more = config.thinking.prefill_after(opened)
            path, body["prompt"], prefill = "/completions", prompt + more, opened + more
        else:
            if prefill:
                messages.append({"role": "assistant", "content": prefill})
                body |= way.fields if way else {}
            elif config.template_opens:
                prefill = OPENED
            if off:
                body["chat_template_kwargs"] = {"enable_thinking": False}
            path, body["messages"] = "/chat/completions", messages
        return path, {**body, **config.extra_body, **extra}, prefill
