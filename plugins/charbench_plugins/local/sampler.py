"""Sampler ``transformers``: adapters and models in folders on this machine, on its CPU or GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charbench import (
    Checkpoint,
    Completion,
    ConfigError,
    Failure,
    GenerationConfig,
    Provenance,
    Sampler,
    SampleRequest,
    SamplingError,
    ThinkingMode,
    Usage,
    digest,
    opened_by,
    operational,
)
from charbench_plugins.by_checkpoint import complete_by_checkpoint
from charbench_plugins.local.folders import BASE, ModelFolders, Weights, is_local
from charbench_plugins.local.options import LocalConfig, require_packages
from charbench_plugins.tinker_sdk.choice import RendererChoice
from charbench_plugins.tinker_sdk.renderers import Renderer
from charbench_plugins.tinker_sdk.tokenizer import ModelTokenizer

WHO = "sampler.transformers"


@dataclass(slots=True)
class _Ready:
    """What is loaded: one checkpoint's model at a time."""

    weights: Weights
    model: Any
    tokenizer: ModelTokenizer
    renderer: Renderer
    end_tokens: frozenset[int]
    texts_that_end: tuple[str, ...]
    """What ends a turn and is several tokens."""
    context: int | None


@dataclass(frozen=True, slots=True)
class _Written:
    """A request as tokens, and what its prompt ends with."""

    tokens: list[int]
    prefill: str


class TransformersSampler(Sampler):
    """Adapters (PEFT) and models in folders on this machine, in this process, on its CPU or GPU."""

    name = "transformers"
    batch_size = 16
    costs_money = False

    class Config(LocalConfig, GenerationConfig):
        """Where models lie, and how text is generated."""

        batch_size: int = operational(16, ge=1, le=1024, description="completions that are worked on at once")

    config: Config

    def __init__(self, config: Sampler.Config | None = None) -> None:
        super().__init__(config)
        self.batch_size = self.config.batch_size  # type: ignore[misc]
        self._folders: ModelFolders | None = None

    def prepare(self, root: Path, folder: Path) -> None:
        """Check that the packages are there; models are loaded when they are first asked."""
        require_packages("sampler transformers")
        self._choice = RendererChoice.of(self.config, WHO, self.trust)
        self._folders = self._folders_in(root)
        self._ready: tuple[str, _Ready] | None = None
        self._refused: dict[str, str] = {}

    def aclose(self) -> None:
        """Let go of the model's memory."""
        self._ready = None

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Take folders that are not the tiny lab's, and base models whose folder is known."""
        root = self.lifecycle.root if self.lifecycle else Path()
        if checkpoint.uri.startswith(BASE):
            return self._folders_in(root).folder_of(checkpoint.uri.removeprefix(BASE)) is not None
        return checkpoint.sampleable and is_local(checkpoint, root)

    def sample(self, request: SampleRequest) -> Completion:
        """Complete one prompt."""
        (given,) = self.sample_batch([request])
        if given.failure is not None:
            raise SamplingError(given.failure.message, kind=given.failure.kind)
        return given

    def sample_batch(self, requests: Sequence[SampleRequest]) -> Sequence[Completion]:
        """Complete many prompts, those of one checkpoint together; what fails for one of them is its own failure."""
        return complete_by_checkpoint(requests, self._complete)

    def _folders_in(self, root: Path) -> ModelFolders:
        return ModelFolders(root, self.config.base_models, WHO, self.config.allow_download)

    def _complete(self, requests: Sequence[SampleRequest]) -> list[Completion]:
        checkpoint = requests[0].checkpoint
        if checkpoint.uri not in self._refused:
            try:
                ready = self._load(checkpoint)
            except ConfigError as error:
                self._refused[checkpoint.uri] = str(error)
        if (reason := self._refused.get(checkpoint.uri)) is not None:
            return [Completion(failure=Failure("config", reason))] * len(requests)
        written = [self._write(ready, request) for request in requests]
        sound = [index for index, one in enumerate(written) if isinstance(one, _Written)]
        answers = self._generate(ready, [requests[index] for index in sound], [written[index] for index in sound])
        by_index = dict(zip(sound, answers, strict=True))
        return [
            by_index[index] if isinstance(one, _Written) else Completion(failure=one)
            for index, one in enumerate(written)
        ]

    def _write(self, ready: _Ready, request: SampleRequest) -> _Written | Failure:
        """Return a request's tokens, or why there are none."""
        mode = self.config.thinking
        thinking, messages = mode is not ThinkingMode.OFF, request.prompt.messages
        try:
            opened = opened_by(ready.renderer.prompt(messages, thinking=thinking))
        except ConfigError as error:
            return Failure("template", str(error))
        more = mode.prefill_after(opened)
        tokens = ready.renderer.prompt_tokens(messages, ready.tokenizer, thinking=thinking, then=more)
        if ready.context is not None and len(tokens) >= ready.context:
            return Failure("bad_request", f"the prompt has {len(tokens):,} tokens; the model takes {ready.context:,}")
        return _Written(tokens, opened + more)

    def _generate(self, ready: _Ready, requests: Sequence[SampleRequest], written: Sequence[Any]) -> list[Completion]:
        from charbench_plugins.local.generation import Settings, Wanted, generate

        if not requests:
            return []
        config = self.config
        stops = (*ready.texts_that_end, *config.stop)
        settings = Settings(config.temperature, config.top_p, stops, ready.end_tokens, ready.tokenizer.decode)
        wanted = []
        for request, one in zip(requests, written, strict=True):
            room = config.max_tokens if ready.context is None else ready.context - len(one.tokens)
            seed = digest(config.seed or 0, request.checkpoint.uri, request.prompt.key, request.epoch)
            wanted.append(Wanted(one.tokens, int(seed[:8], 16), min(config.max_tokens, room)))
        return [
            Completion(
                text=made.text,
                prefill=one.prefill,
                thinking_off=config.thinking in (ThinkingMode.OFF, ThinkingMode.CLOSED),
                finish_reason=made.finish_reason,
                usage=Usage(len(one.tokens), len(made.tokens)),
                max_tokens=config.max_tokens,
                provenance=Provenance(endpoint="local", renderer=ready.renderer.full_name),
            )
            for one, made in zip(written, generate(ready.model, wanted, settings), strict=True)
        ]

    def _load(self, checkpoint: Checkpoint) -> _Ready:
        """Return a checkpoint's model; the one before it makes room, and its base model stays where it is the same."""
        from charbench_plugins.local import loading

        if self._ready is not None and self._ready[0] == checkpoint.uri:
            return self._ready[1]
        assert self._folders is not None, "prepare() comes first"
        weights = self._folders.find(checkpoint)
        tokenizer, renderer = loading.load_renderer(weights, checkpoint, self._choice)
        before, self._ready = self._ready, None
        model = None
        if before is not None and _same_under(before[1].weights, weights):
            adapter, model = before[1].weights.adapter, before[1].model
            if adapter is not None:
                model = None if loading.changes_the_base(adapter) else loading.without_adapter(model)
        before = None
        if model is None:
            model = loading.load_model(weights, self.config, checkpoint.uri)
        if weights.adapter is not None:
            model = loading.with_adapter(model, weights.adapter, checkpoint.uri)
        ends, texts = _ends(model, tokenizer, renderer)
        ready = _Ready(weights, model, tokenizer, renderer, ends, texts, loading.context_of(model))
        self._ready = checkpoint.uri, ready
        return ready


def _same_under(one: Weights, other: Weights) -> bool:
    """Whether two checkpoints differ in their last adapter alone."""
    return (one.base, one.adapters[:-1]) == (other.base, other.adapters[:-1])


def _ends(model: Any, tokenizer: ModelTokenizer, renderer: Renderer) -> tuple[frozenset[int], tuple[str, ...]]:
    """Return the tokens that end a turn, those of the model and the renderer's, and the texts that are no one token."""
    said = model.generation_config.eos_token_id
    tokens = {said} if isinstance(said, int) else set(said or ())
    texts = []
    for stop in renderer.stops:
        encoded = tokenizer.encode(stop)
        if len(encoded) == 1:
            tokens.add(encoded[0])
        else:
            texts.append(stop)
    return frozenset(tokens), tuple(texts)
