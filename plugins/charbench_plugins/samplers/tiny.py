"""Sampler ``tiny``: the tiny lab's model and its adapters, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from charbench import (
    Checkpoint,
    Completion,
    Failure,
    GenerationConfig,
    Sampler,
    SampleRequest,
    SamplingError,
    ThinkingMode,
    Usage,
    digest,
    hookimpl,
)
from charbench_plugins.by_checkpoint import complete_by_checkpoint

BASE = "tiny:base"


class TinySampler(Sampler):
    """The tiny lab's 0.9M-parameter model with or without an adapter: shows the pipeline, not a product."""

    name = "tiny"
    batch_size = 64
    costs_money = False

    class Config(GenerationConfig):
        """How text is generated; answers of the tiny model are 40 to 110 tokens long."""

        max_tokens: int = Field(160, ge=1, le=400, description="maximum tokens of one completion, including thinking")

    config: Config

    def prepare(self, root: Path, folder: Path) -> None:
        """Note where file: URIs lie; the model is loaded when it is first asked."""
        self._root = root
        self._loaded: Any = None

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Take the tiny model itself, and adapters on disk that are not known to be another model's."""
        from charbench_plugins.tiny.base_check import is_of_another_model

        if not checkpoint.uri.startswith("file:") or checkpoint.base_model not in (None, BASE):
            return checkpoint.uri == BASE
        root = self.lifecycle.root if self.lifecycle else Path()
        return not is_of_another_model(root / checkpoint.uri.removeprefix("file:"))

    def sample(self, request: SampleRequest) -> Completion:
        """Complete one prompt."""
        (given,) = self._complete(request.checkpoint.uri, [request])
        return given

    def sample_batch(self, requests: Sequence[SampleRequest]) -> Sequence[Completion]:
        """Complete many prompts, those of one checkpoint together; each has a random stream of its own."""
        return complete_by_checkpoint(requests, self._complete_or_fail)

    def _complete_or_fail(self, requests: Sequence[SampleRequest]) -> list[Completion]:
        try:
            return self._complete(requests[0].checkpoint.uri, requests)
        except SamplingError as error:  # this checkpoint's alone
            return [Completion(failure=Failure(error.kind, str(error)))] * len(requests)

    def _complete(self, uri: str, requests: Sequence[SampleRequest]) -> list[Completion]:
        from charbench_plugins.tiny.completion import GenerationSettings
        from charbench_plugins.tiny.generation import generate

        model, chat = self._model()
        config = self.config
        settings = GenerationSettings(
            max_tokens=config.max_tokens,
            temperature=config.temperature,
            top_p=config.top_p,
            stop_strings=config.stop,
            batch_size=self.batch_size,
        )
        prompts = [self._prompt_ids(chat, request) for request in requests]
        seeds = [int(digest(config.seed or 0, r.prompt.key, r.epoch)[:8], 16) for r in requests]
        generated = generate(model, self._adapter(uri), prompts, settings, seeds=seeds, decode=chat.decode)
        return [
            Completion(
                text=chat.completion_text(one),
                prefill=config.thinking.prefill,
                thinking_off=config.thinking in (ThinkingMode.OFF, ThinkingMode.CLOSED),
                finish_reason=one.finish_reason,
                usage=Usage(len(prompt), len(one.token_ids)),
                max_tokens=config.max_tokens,
            )
            for prompt, one in zip(prompts, generated, strict=True)
        ]

    def _prompt_ids(self, chat: Any, request: SampleRequest) -> list[int]:
        turns = [{"role": turn.role, "content": turn.content} for turn in request.prompt.messages]
        thinking = False if self.config.thinking is ThinkingMode.OFF else None
        ids: list[int] = chat.prompt_ids(turns, enable_thinking=thinking, prefill=self.config.thinking.prefill)
        return ids

    def _model(self) -> Any:
        from charbench_plugins.tiny.chat import ChatFormat
        from charbench_plugins.tiny.model import TinyModel

        if self._loaded is None:
            self._loaded = TinyModel.load(), ChatFormat.load()
        return self._loaded

    def _adapter(self, uri: str) -> Any:
        from charbench_plugins.tiny.lora import LoraAdapter

        if uri == BASE:
            return None
        folder = self._root / uri.removeprefix("file:")
        try:
            adapter = LoraAdapter.load(folder)
            adapter.check_fits(self._model()[0])
        except (OSError, ValueError, KeyError) as error:
            raise SamplingError(f"{uri}: no adapter of the tiny model: {error}", kind="not_an_adapter") from None
        return adapter


@hookimpl
def charbench_samplers() -> Iterable[type[Sampler]]:
    """Return the tiny lab's sampler."""
    return [TinySampler]
