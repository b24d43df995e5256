"""Continues a checkpoint's ``weights/`` on introspection data, and saves what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import Field

from charbench import (
    Checkpoint,
    ConfigError,
    Kind,
    Lineage,
    Note,
    RefusedError,
    SavedState,
    StateSaved,
    TinkerPath,
    Trained,
    Trainer,
    TrainingError,
    TrainingEvent,
    TrainingTask,
    digest,
    operational,
    reading_reply,
)
from charbench_plugins.sft.options import RecipeConfig
from charbench_plugins.sft.recipes import RECIPES, Recipe, other_rank
from charbench_plugins.sft.resuming import compare, file_hash, other_version, recipe_of, slug
from charbench_plugins.sft.rows import encode_rows
from charbench_plugins.tinker_sdk.calls import call
from charbench_plugins.tinker_sdk.choice import RendererChoice, RendererConfig
from charbench_plugins.tinker_sdk.key import api_key
from charbench_plugins.tinker_sdk.renderers import ChatTemplate
from charbench_plugins.tinker_sdk.service import PROJECT, open_service
from charbench_plugins.tinker_sdk.tokenizer import load_tokenizer, tokenizer_of
from charbench_plugins.trainers.tinker_sft.loop import Batch, StepPipeline

OPEN_SECONDS = 300.0
"""Seconds that loading a checkpoint for training may take."""


class TinkerSftTrainer(Trainer):
    """SFT on Tinker from a checkpoint's training weights, pipelined, resumable from saved states."""

    name = "tinker-sft"
    recipes = tuple(RECIPES)

    class Config(RendererConfig, RecipeConfig):
        """What is not given comes from the recipe (paper or quick)."""

        tokenizer: Path | None = Field(None, description="a model's folder with tokenizer.json; default: the SDK's")
        project_id: str | None = operational(None, description=PROJECT)
        micro_batch: int | None = operational(None, ge=1, description="rows in one request; a batch may be several")
        save_every: int = operational(50, ge=1, description="steps between saved states")
        in_flight: int = operational(2, ge=1, le=8, description="steps submitted ahead of the one being awaited")
        ttl_seconds: int | None = operational(
            None, ge=3600, le=315_360_000, description="time to live of what is saved: from an hour to ten years"
        )
        step_seconds: float = operational(600.0, gt=0, description="timeout of one step in seconds")
        patience: float = operational(
            8.0, gt=0, description="seconds of Tinker errors after which a job stops and stays pending"
        )

    config: Config

    def prepare(self, root: Path, folder: Path) -> None:
        """Check the key's form and read the tokenizer's folder, if one is given, before anything is asked."""
        api_key()
        self._choice(None)
        self._tokenizer = load_tokenizer(root / self.config.tokenizer) if self.config.tokenizer else None

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Take Tinker's training weights."""
        path = TinkerPath.parse(checkpoint.uri)
        return path is not None and path.space == "weights"

    def train(self, task: TrainingTask) -> Iterator[TrainingEvent]:
        """Train with steps in flight; save states that name attempt and step."""
        recipe, data_hash = recipe_of(task, self.config.chosen(task.recipe)), file_hash(task.dataset)
        yield from map(Note, compare(task, recipe, self.config.chosen(task.recipe), data_hash))
        yield from map(Note, other_rank(task.recipe, task.checkpoint.metadata.get("rank")))
        choice = self._choice(task)
        metadata = self._metadata(task, choice, data_hash)
        client = self._client(open_service(self.config.project_id, **metadata), task, metadata)
        tokenizer = self._tokenizer or tokenizer_of(client)
        base_model = task.checkpoint.base_model or _base_model(client)
        said = task.checkpoint.lineage.renderer
        renderer = choice.renderer(base_model, said, tokenizer)
        if guessed := choice.guessed(base_model, said):
            yield Note(guessed)
        yield from map(Note, other_version(task, renderer))
        rows, notes = encode_rows(task, recipe, tokenizer, renderer)
        yield from map(Note, notes)
        memory = {"recipe": asdict(recipe), "renderer": renderer.name, "data_hash": data_hash}
        if renderer.version:
            memory["renderer_version"] = metadata["renderer_version"] = renderer.version
        total = recipe.steps(len(rows))
        first = task.state.step if task.state else 0
        pipeline = StepPipeline(client, recipe, total, self.config)
        for step, chosen in recipe.batches(len(rows), first):
            yield from pipeline.submit(Batch(step, [rows[i] for i in chosen], self.config.micro_batch))
            due = (step + 1) % self.config.save_every == 0 and step + 1 < total
            if due or task.stopping():
                yield from pipeline.drain()
                yield StateSaved(self._save_state(client, task, step + 1, memory))
                if task.stopping():
                    return
        yield from pipeline.drain()
        metadata |= {"renderer_name": renderer.name}
        if isinstance(renderer, ChatTemplate):  # its name says little: the text is the model's, and may change
            metadata |= {"template_fingerprint": digest(tokenizer.template)}
        yield Trained(self._finish(client, task, base_model, recipe, metadata))

    def _choice(self, task: TrainingTask | None) -> RendererChoice:
        """Return the choice of renderer; a saved state resumes with its own."""
        kept = task.state.metadata.get("renderer") if task is not None and task.state else None
        return RendererChoice.of(self.config, "trainer.tinker-sft", self.trust, str(kept) if kept else None)

    def _metadata(self, task: TrainingTask, choice: RendererChoice, data_hash: str) -> dict[str, str]:
        """Return what Tinker keeps with run and session. The SDK takes no metadata for single saves before 0.38."""
        import charbench

        try:
            renderer = choice.resolve(task.checkpoint.base_model, task.checkpoint.lineage.renderer)
        except ConfigError as error:
            raise ConfigError(f"job {task.job.job_id}: {error}") from None
        return {
            "persona": task.job.persona,
            "renderer_name": renderer,
            "data_hash": data_hash,
            "charbench_version": charbench.__version__,
            "parent": task.checkpoint.uri,
        }

    def _client(self, service: Any, task: TrainingTask, metadata: dict[str, str]) -> Any:
        if task.state is not None:
            uri, make = task.state.uri, service.create_training_client_from_state_with_optimizer
            advice = f"restart: charbench reset {task.job.job_id}"
        else:
            uri, make = task.checkpoint.uri, service.create_training_client_from_state
            advice = "it may be another account's"
        try:
            return self._call(f"loading {uri}", make, uri, user_metadata=metadata)
        except RefusedError as error:
            if error.kind == "http_404":  # no trouble on the way: it will not come back
                raise TrainingError(f"{error}; {advice}") from None
            raise

    def _call(self, what: str, function: Any, *args: Any, **kwargs: Any) -> Any:
        return call(what, function, *args, seconds=OPEN_SECONDS, patience=self.config.patience, **kwargs)

    def _save_state(self, client: Any, task: TrainingTask, step: int, memory: dict[str, Any]) -> SavedState:
        name = f"{slug(task.job.run)}_sft-attempt{task.attempt}-step{step}"
        return SavedState(uri=self._save(client.save_state, name, {}), step=step, metadata=memory)

    def _finish(
        self, client: Any, task: TrainingTask, base_model: str | None, recipe: Recipe, metadata: dict[str, str]
    ) -> tuple[Checkpoint, ...]:
        run, ttl = slug(task.job.run), self.config.ttl_seconds
        name = f"{run}_sft" if task.attempt == 1 else f"{run}_sft-attempt{task.attempt}"
        saved_at = datetime.now(UTC).replace(tzinfo=None)  # before it is saved: it lives a little longer than we say
        uris = [
            self._save(client.save_state, name, metadata),
            _as_sampler(self._save(client.save_weights_for_sampler, f"{name}-sampler", metadata)),
        ]
        lineage = Lineage(task.checkpoint.uri, task.job.dataset, metadata["renderer_name"], task.recipe)
        made = {**metadata, "learning_rate": recipe.learning_rate, "batch_size": recipe.batch_size}
        return tuple(
            Checkpoint(
                uri=uri, name=name, kind=Kind.SFT, persona=task.job.persona, base_model=base_model, lineage=lineage,
                created_at=saved_at, expires_at=saved_at + timedelta(seconds=ttl) if ttl else None,
                metadata={**made, **({"ttl_seconds": ttl} if ttl else {})},
            )
            for uri in uris
        )  # fmt: skip

    def _save(self, save: Any, name: str, metadata: dict[str, str]) -> str:
        from inspect import signature

        options: dict[str, Any] = {"ttl_seconds": self.config.ttl_seconds, "user_metadata": metadata or None}
        taken = signature(save).parameters
        given = {key: value for key, value in options.items() if value is not None and key in taken}
        saved = self._call(f"saving {name}", save, name, tries=1, **given)
        with reading_reply(f"Tinker (saving {name})"):
            return str(saved.path)


def _base_model(client: Any) -> str | None:
    info = call("loading the checkpoint's base model", client.get_info)
    data = getattr(info, "model_data", info)
    return getattr(data, "model_name", None) or getattr(data, "base_model", None)


def _as_sampler(uri: str) -> str:
    """Return the standard form of a sampler path; some servers leave ``sampler_weights/`` out."""
    if TinkerPath.parse(uri) or not uri.startswith("tinker://"):
        return uri
    run, _, name = uri.removeprefix("tinker://").rpartition("/")
    return f"tinker://{run}/sampler_weights/{name}"
