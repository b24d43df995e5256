"""Continues a checkpoint's ``weights/`` on introspection data, and saves what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from charbench import (
    Checkpoint,
    ConfigError,
    Example,
    Kind,
    Lineage,
    Note,
    SavedState,
    StateSaved,
    TinkerPath,
    Trained,
    Trainer,
    TrainingError,
    TrainingEvent,
    TrainingTask,
    check_rendered,
    digest,
    operational,
    read_examples,
)
from charbench_plugins.tinker_sdk.calls import call
from charbench_plugins.tinker_sdk.renderers import Renderer, renderer_for
from charbench_plugins.tinker_sdk.service import api_key, open_service
from charbench_plugins.tinker_sdk.tokenizer import ModelTokenizer, load_tokenizer, tokenizer_of
from charbench_plugins.trainers.tinker_sft.loop import Batch, StepPipeline
from charbench_plugins.trainers.tinker_sft.recipes import RECIPES, Recipe

TOO_LONG_SHARE = 0.1
"""Share of rows over the length limit above which a job is refused."""
OPEN_SECONDS = 300.0
"""Seconds that loading a checkpoint for training may take."""


class TinkerSftTrainer(Trainer):
    """SFT on Tinker from a checkpoint's training weights, pipelined, resumable from saved states."""

    name = "tinker-sft"

    class Config(Trainer.Config):
        """Recipe fields that are not given come from the recipe (paper or quick)."""

        learning_rate: float | None = Field(None, gt=0)
        batch_size: int | None = Field(None, ge=1)
        epochs: int | None = Field(None, ge=1)
        max_length: int | None = Field(None, ge=16, description="longest row in tokens; longer ones are left out")
        warmup: float | None = Field(None, ge=0, le=1, description="share of the steps with a rising learning rate")
        max_examples: int | None = Field(None, ge=1)
        seed: int | None = Field(None, ge=0)
        renderer: Literal["auto", "qwen3", "qwen3-no-thinking", "llama3", "template"] = Field("auto")
        tokenizer: Path | None = Field(None, description="a model's folder with tokenizer.json; default: the SDK's")
        micro_batch: int | None = operational(None, ge=1, description="rows in one request; a batch may be several")
        save_every: int = operational(50, ge=1, description="steps between saved states")
        in_flight: int = operational(2, ge=1, le=8, description="steps that are submitted before one is waited for")
        ttl_seconds: int | None = operational(None, ge=60, description="time to live of what is saved")
        step_seconds: float = operational(600.0, gt=0, description="seconds that one step may take")

    config: Config

    def prepare(self, root: Path, folder: Path) -> None:
        """Check the key's form before anything is asked."""
        api_key()
        self._root = root

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Take Tinker's training weights."""
        path = TinkerPath.parse(checkpoint.uri)
        return path is not None and path.space == "weights"

    def train(self, task: TrainingTask) -> Iterator[TrainingEvent]:
        """Train with steps in flight; save states that name attempt and step."""
        recipe = self._recipe(task.recipe)
        service = open_service(persona=task.job.persona, run=task.job.run, made_by="charbench")
        client = self._client(service, task)
        tokenizer = (
            load_tokenizer(self._root / self.config.tokenizer) if self.config.tokenizer else tokenizer_of(client)
        )
        base_model = task.checkpoint.base_model or _base_model(client)
        renderer = renderer_for(self.config.renderer, base_model, task.checkpoint.lineage.renderer, tokenizer)
        rows, notes = _rows(task, recipe, tokenizer, renderer)
        yield from (Note(note) for note in notes)
        total = recipe.steps(len(rows))
        first = task.state.step if task.state else 0
        pipeline = StepPipeline(client, recipe, total, self.config.in_flight, self.config.step_seconds)
        saved = first
        for step, ids in recipe.batches(len(rows), first):
            yield from pipeline.submit(Batch(step, ids, [rows[i] for i in ids], self.config.micro_batch))
            due = (step + 1) % self.config.save_every == 0 and step + 1 < total
            if due or task.stopping():
                yield from pipeline.drain()
                yield StateSaved(self._save_state(client, task, step + 1))
                saved = step + 1
                if task.stopping():
                    return
        yield from pipeline.drain()
        if total == first == saved and task.state is None:
            raise TrainingError("no steps to take")
        yield Trained(self._finish(client, task, renderer, base_model, recipe))

    def _recipe(self, name: str) -> Recipe:
        changes = self.config.model_dump(include=set(Recipe.__dataclass_fields__))
        return RECIPES[name].with_changes(changes)

    def _client(self, service: Any, task: TrainingTask) -> Any:
        if task.state is not None:
            make = service.create_training_client_from_state_with_optimizer
            return call(f"loading {task.state.uri}", make, task.state.uri, seconds=OPEN_SECONDS)
        make = service.create_training_client_from_state
        return call(f"loading {task.checkpoint.uri}", make, task.checkpoint.uri, seconds=OPEN_SECONDS)

    def _save_state(self, client: Any, task: TrainingTask, step: int) -> SavedState:
        name = f"{task.job.run}_sft-attempt{task.attempt}-step{step}"
        return SavedState(uri=self._save(client.save_state, name, {}), step=step)

    def _finish(
        self, client: Any, task: TrainingTask, renderer: Renderer, base_model: str | None, recipe: Recipe
    ) -> tuple[Checkpoint, ...]:
        import charbench

        metadata = {
            "persona": task.job.persona,
            "renderer_name": renderer.name,
            "data_hash": _file_hash(task.dataset),
            "charbench_version": charbench.__version__,
            "parent": task.checkpoint.uri,
        }
        name = f"{task.job.run}_sft" if task.attempt == 1 else f"{task.job.run}_sft-attempt{task.attempt}"
        uris = [
            self._save(client.save_state, name, metadata),
            _as_sampler(self._save(client.save_weights_for_sampler, f"{name}-sampler", metadata)),
        ]
        lineage = Lineage(task.checkpoint.uri, task.job.dataset, renderer.name, task.recipe)
        return tuple(
            Checkpoint(
                uri=uri, name=name, kind=Kind.SFT, persona=task.job.persona, base_model=base_model, lineage=lineage,
                metadata={**metadata, "learning_rate": recipe.learning_rate, "batch_size": recipe.batch_size},
            )
            for uri in uris
        )  # fmt: skip

    def _save(self, save: Any, name: str, metadata: dict[str, str]) -> str:
        from inspect import signature

        options: dict[str, Any] = {"ttl_seconds": self.config.ttl_seconds, "user_metadata": metadata or None}
        taken = signature(save).parameters
        given = {key: value for key, value in options.items() if value is not None and key in taken}
        return str(call(f"saving {name}", save, name, seconds=OPEN_SECONDS, **given).path)


def _rows(
    task: TrainingTask, recipe: Recipe, tokenizer: ModelTokenizer, renderer: Renderer
) -> tuple[list[tuple[list[int], int]], list[str]]:
    """Render and encode the data: (token ids, where the trained span begins) of each row that fits."""
    rows: list[tuple[list[int], int]] = []
    notes: list[str] = []
    read = too_long = 0
    for example in islice(read_examples(task.dataset, task.job.dataset), recipe.max_examples):
        read += 1
        given, learned = _encode(example, tokenizer, renderer)
        if not rows:
            said = check_rendered(tokenizer.decode(given), tokenizer.decode(learned), example, renderer.end_of_turn)
            notes.append(f"{said}; renderer {renderer.name}")
        if len(given) + len(learned) > recipe.max_length:
            too_long += 1
            continue
        rows.append(([*given, *learned], len(given)))
    if too_long > TOO_LONG_SHARE * max(1, read):
        raise TrainingError(
            f"{task.job.dataset}: {too_long:,} of {read:,} rows are longer than {recipe.max_length:,} tokens; "
            "shorten them, or raise -o trainer.tinker-sft.max_length"
        )
    if not rows:
        raise TrainingError(f"{task.job.dataset}: no rows to train on")
    if too_long:
        notes.append(f"{too_long:,} of {read:,} rows are longer than {recipe.max_length:,} tokens, and left out")
    return rows, notes


def _encode(example: Example, tokenizer: ModelTokenizer, renderer: Renderer) -> tuple[list[int], list[int]]:
    return tokenizer.encode(renderer.prompt(example.messages)), tokenizer.encode(renderer.answer(example))


def _base_model(client: Any) -> str | None:
    info = call("asking what the checkpoint is of", client.get_info)
    data = getattr(info, "model_data", info)
    return getattr(data, "model_name", None) or getattr(data, "base_model", None)


def _as_sampler(uri: str) -> str:
    """Return the standard form of a sampler path; some servers leave ``sampler_weights/`` out."""
    if TinkerPath.parse(uri) or not uri.startswith("tinker://"):
        return uri
    run, _, name = uri.removeprefix("tinker://").rpartition("/")
    return f"tinker://{run}/sampler_weights/{name}"


def _file_hash(path: Path) -> str:
    try:
        return digest(path.read_bytes().hex())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
