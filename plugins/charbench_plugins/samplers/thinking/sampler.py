"""Asks checkpoints behind an OpenAI-compatible endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from charbench import (
    Checkpoint,
    Completion,
    EndpointConfig,
    Sampler,
    SampleRequest,
    SamplingError,
    ThinkingMode,
    operational,
    reading_reply,
    redact,
)
from charbench_plugins.samplers.thinking.answers import parse_answer
from charbench_plugins.samplers.thinking.client import Client, HttpConfig
from charbench_plugins.samplers.thinking.endpoint import Endpoint, find_endpoint
from charbench_plugins.samplers.thinking.templates import Template
from charbench_plugins.template_process import TemplateConfig, TemplateLimits

SERVED = "model:"


class ThinkingSampler(Sampler):
    """Checkpoints behind any OpenAI-compatible endpoint (Tinker's by default), in thinking mode."""

    name = "thinking"

    class Config(HttpConfig, TemplateConfig, EndpointConfig):
        """Where and how to ask."""

        base_url: str | None = operational(
            None, description="the endpoint; default: OPENAI_BASE_URL, or Tinker's where TINKER_API_KEY is set"
        )
        api_key_env: str | None = operational(None, description="name of the environment variable with the key")
        api: Literal["chat", "completions"] = Field("chat", description="completions renders the prompt itself")
        template: Path | None = Field(None, description="Jinja2 chat template for completions; default: ChatML")
        models: dict[str, str | dict[str, Any]] = operational(
            {}, description="checkpoint (URI or name) -> model name, or {model: ..., extra_body: {...}}"
        )
        extra_body: dict[str, Any] = Field({}, description="further fields of every request")
        n: int = operational(1, ge=1, le=128, description="most epochs to ask for in one request")
        max_thinking_tokens: int | None = Field(None, ge=1, description="most thinking tokens, where the server can")
        thinking_tokens_field: str = Field("thinking_budget", description="what the server calls that limit")

    config: Config

    def prepare(self, root: Path, folder: Path) -> None:
        """Find the endpoint and its key."""
        self._endpoint: Endpoint = find_endpoint(self.config.base_url, self.config.api_key_env)
        template = root / self.config.template if self.config.template else None
        self._template = Template.load(template, TemplateLimits.of(self.config))
        self._client = Client(self._endpoint, self.config.max_reply_bytes)
        completions = self.config.api == "completions"
        self._params = {**self.content_config(), "template": self._template.fingerprint if completions else None}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Take what an endpoint can serve: Tinker's sampler weights, served models, and what ``models`` maps."""
        if checkpoint.uri in self.config.models or checkpoint.name in self.config.models:
            return True
        return checkpoint.sampleable and checkpoint.uri.startswith((SERVED, "tinker://"))

    def identity(self, checkpoint: Checkpoint) -> str:
        """Return the URI of a Tinker checkpoint; of others the endpoint, the model, and what is sent for it.

        A Tinker checkpoint that ``models`` maps to another model is one of the others.
        """
        model, extra = self._model(checkpoint)
        if checkpoint.uri.startswith("tinker://") and (model, extra) == (checkpoint.uri, {}):
            return checkpoint.uri
        return f"{self._endpoint.base_url}#{model}{sorted(extra.items()) if extra else ''}"

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
        path, body = self._body(request)
        if answers > 1:
            body.setdefault("n", answers)
        said = await self._client.post(path, body)
        with reading_reply(redact(self._endpoint.base_url)):
            given = parse_answer(said, self._prefill, self.config)
        if not given:
            raise SamplingError("the answer holds no choices", kind="bad_response", retryable=True)
        return given

    @property
    def _prefill(self) -> str:
        return self.config.thinking.prefill

    def _model(self, checkpoint: Checkpoint) -> tuple[str, dict[str, Any]]:
        mapped = self.config.models.get(checkpoint.uri) or self.config.models.get(checkpoint.name)
        if isinstance(mapped, str):
            return mapped, {}
        if mapped:
            return str(mapped.get("model", checkpoint.name)), dict(mapped.get("extra_body", {}))
        return checkpoint.uri.removeprefix(SERVED), {}

    def _body(self, request: SampleRequest) -> tuple[str, dict[str, Any]]:
        config = self.config
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
            path, body["prompt"] = "/completions", self._template.render(messages, thinking=not off) + self._prefill
        else:
            if self._prefill:
                messages.append({"role": "assistant", "content": self._prefill})
            if off:
                body["chat_template_kwargs"] = {"enable_thinking": False}
            path, body["messages"] = "/chat/completions", messages
        return path, {**body, **config.extra_body, **extra}
