"""Asks Tinker natively: the prompt is rendered here, so the thinking prefill is known exactly."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from charbench import (
    Checkpoint,
    Completion,
    ConfigError,
    EndpointConfig,
    Provenance,
    RefusedError,
    Sampler,
    SampleRequest,
    SamplingError,
    ThinkingMode,
    TinkerPath,
    Usage,
    opened_by,
    operational,
    reading_reply,
)
from charbench_plugins.tinker_sdk.calls import call_async
from charbench_plugins.tinker_sdk.choice import RendererChoice, RendererConfig
from charbench_plugins.tinker_sdk.key import api_key
from charbench_plugins.tinker_sdk.renderers import Renderer, without_end
from charbench_plugins.tinker_sdk.service import PROJECT, open_service
from charbench_plugins.tinker_sdk.tokenizer import ModelTokenizer, load_tokenizer, tokenizer_of

BASE = "base:"
LOAD_SECONDS = 300.0
_NO_WAY = frozenset({"connection", "http_401", "http_402"})
"""Kinds of refusal that stand for the account, not for one checkpoint."""


@dataclass(frozen=True, slots=True)
class _Model:
    client: Any
    tokenizer: ModelTokenizer
    renderer: Renderer
    remarks: tuple[str, ...] = ()


class TinkerNativeSampler(Sampler):
    """Tinker's sampler weights, and base models (base:NAME), through the SDK's sampling client."""

    name = "tinker-native"
    version = 2
    """2: models without a thinking mode, and later ones than Qwen3, are asked as their own templates ask them."""

    class Config(RendererConfig, EndpointConfig):
        """How to ask."""

        tokenizer: Path | None = Field(None, description="a model's folder with tokenizer.json; default: the SDK's")
        n: int = operational(1, ge=1, le=128, description="maximum epochs per request")
        project_id: str | None = operational(None, description=PROJECT)

    config: Config

    def prepare(self, root: Path, folder: Path) -> None:
        """Check the key's form and read the tokenizer's folder, if one is given, before anything is asked."""
        api_key()
        self._choice = RendererChoice.of(self.config, "sampler.tinker-native", self.trust)
        self._tokenizer: ModelTokenizer | None = None
        if self.config.tokenizer:
            self._tokenizer = load_tokenizer(root / self.config.tokenizer)
        self._service: Any = None
        self._models: dict[str, _Model | ConfigError] = {}
        self._no_way: RefusedError | None = None
        self._connecting = asyncio.Lock()
        self._opening: dict[str, asyncio.Lock] = {}

    async def aclose(self) -> None:
        """Forget the locks: they belong to the event loop that ends."""
        self._connecting = asyncio.Lock()
        self._opening = {}

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Take Tinker's sampler weights and base models."""
        path = TinkerPath.parse(checkpoint.uri)
        return path.space == "sampler_weights" if path else checkpoint.uri.startswith((BASE, "tinker://"))

    @property
    def epochs_at_once(self) -> int:
        """The option ``n``."""
        return self.config.n

    async def sample(self, request: SampleRequest) -> Completion:
        """Ask once; where nothing can be asked at all (no key, no credit, no network), every request is told so."""
        return (await self._answers(request, 1))[0]

    async def sample_epochs(self, requests: Sequence[SampleRequest]) -> list[Completion]:
        """Ask once for as many answers as there are epochs; the prompt is counted once."""
        return await self._answers(requests[0], len(requests))

    async def _answers(self, request: SampleRequest, answers: int) -> list[Completion]:
        if self._no_way is not None:
            raise self._no_way
        try:
            return await self._ask(await self._model(request.checkpoint), request, answers)
        except RefusedError as error:
            if error.kind in _NO_WAY:
                self._no_way = error
            raise

    async def _ask(self, model: _Model, request: SampleRequest, answers: int) -> list[Completion]:
        from tinker import types

        config = self.config
        thinking, messages = config.thinking is not ThinkingMode.OFF, request.prompt.messages
        opened = opened_by(model.renderer.prompt(messages, thinking=thinking))
        prefill = config.thinking.prefill_after(opened)
        ids = model.renderer.prompt_tokens(messages, model.tokenizer, thinking=thinking, then=prefill)
        params = types.SamplingParams(
            max_tokens=config.max_tokens,
            temperature=config.temperature,
            top_p=config.top_p,
            seed=None if config.seed is None else config.seed + request.epoch,
            stop=[*model.renderer.stops, *config.stop],
        )
        answer = await call_async(
            f"sampling {request.checkpoint.name}", model.client.sample, types.ModelInput.from_ints(ids), answers,
            params, seconds=config.timeout,
        )  # fmt: skip
        with reading_reply(f"Tinker (sampling {request.checkpoint.name})"):
            if not answer.sequences:
                raise IndexError("no sequence")
            return [
                Completion(
                    text=without_end(model.tokenizer.decode(sequence.tokens), model.renderer),
                    prefill=opened + prefill,
                    provenance=Provenance(endpoint="tinker", renderer=model.renderer.full_name),
                    remarks=model.remarks,
                    thinking_off=config.thinking in (ThinkingMode.OFF, ThinkingMode.CLOSED),
                    finish_reason=str(getattr(sequence.stop_reason, "value", sequence.stop_reason) or "stop"),
                    usage=Usage(0 if number else len(ids), len(sequence.tokens)),
                    max_tokens=config.max_tokens,
                )
                for number, sequence in enumerate(answer.sequences)
            ]

    async def _model(self, checkpoint: Checkpoint) -> _Model:
        """Return the client of a checkpoint; opened once, however many ask at the same time."""
        async with self._opening.setdefault(checkpoint.uri, asyncio.Lock()):
            if checkpoint.uri not in self._models:
                try:
                    self._models[checkpoint.uri] = await self._open(checkpoint)
                except ConfigError as error:  # no tokenizer, no renderer: the same for everything that is asked of it
                    self._models[checkpoint.uri] = error
            model = self._models[checkpoint.uri]
        if isinstance(model, ConfigError):
            raise model
        return model

    async def _open(self, checkpoint: Checkpoint) -> _Model:
        make = (await self._connect()).create_sampling_client
        if checkpoint.uri.startswith(BASE):
            name = checkpoint.uri.removeprefix(BASE)
            client = await call_async(f"loading {name}", lambda: make(base_model=name), seconds=LOAD_SECONDS)
        else:
            name = checkpoint.base_model or ""
            client = await call_async(
                f"loading {checkpoint.uri}", lambda: make(model_path=checkpoint.uri), seconds=LOAD_SECONDS
            )
        tokenizer = self._tokenizer
        if tokenizer is None:
            tokenizer = await asyncio.to_thread(tokenizer_of, client)
        said = checkpoint.lineage.renderer
        renderer = await asyncio.to_thread(self._choice.renderer, name, said, tokenizer)
        guessed = None if checkpoint.uri.startswith(BASE) else self._choice.guessed(name, said)
        return _Model(client, tokenizer, renderer, (guessed,) if guessed else ())

    async def _connect(self) -> Any:
        """Return the service, opened once."""
        async with self._connecting:
            if self._service is None:
                if self._no_way is not None:  # whoever was here before us found none
                    raise self._no_way
                try:
                    self._service = await asyncio.to_thread(open_service, self.config.project_id)
                except SamplingError as error:
                    self._no_way = RefusedError(str(error), kind=error.kind)
                    raise self._no_way from None
            return self._service
