"""Trainer ``peft-sft``: continues an adapter in a folder, or starts one on a model in a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from charbench import (
    Checkpoint,
    ConfigError,
    Kind,
    Lineage,
    Note,
    SavedState,
    StateSaved,
    Trained,
    Trainer,
    TrainingError,
    TrainingEvent,
    TrainingTask,
    digest,
    operational,
)
from charbench_plugins.local.folders import FILE, ModelFolders, Weights, is_local
from charbench_plugins.local.options import LocalConfig, require_packages
from charbench_plugins.sft.options import RecipeConfig
from charbench_plugins.sft.recipes import RANKS, RECIPES, Recipe, other_rank
from charbench_plugins.sft.resuming import compare, file_hash, other_version, recipe_of, slug
from charbench_plugins.sft.rows import encode_rows
from charbench_plugins.tinker_sdk.choice import RendererChoice

WHO = "trainer.peft-sft"


class PeftSftTrainer(Trainer):
    """SFT of adapters (PEFT) in folders on this machine, on its CPU or GPU, resumable from saved states."""

    name = "peft-sft"
    recipes = tuple(RECIPES)

    class Config(LocalConfig, RecipeConfig):
        """What is not given comes from the recipe (paper or quick)."""

        rank: int | None = Field(
            None, ge=1, le=1024, description="rank of a new adapter; one that goes on keeps its own"
        )
        alpha: float | None = Field(None, gt=0, description="alpha of a new adapter; default: twice its rank")
        target_modules: str = Field(
            "all-linear", description="modules that a new adapter adapts: all-linear, or names with commas between them"
        )
        micro_batch: int = operational(4, ge=1, description="rows computed at once; a batch may be several")
        gradient_checkpointing: bool = operational(False, description="less memory, more time")
        save_every: int = operational(50, ge=1, description="steps between saved states")
        output: Path | None = operational(None, description="folder for new adapters; default: .charbench/checkpoints")

    config: Config

    def prepare(self, root: Path, folder: Path) -> None:
        """Check that the packages are there; note where file: URIs and results lie."""
        require_packages("trainer peft-sft")
        self._choice(None)
        self._root = root
        self._results = root / self.config.output if self.config.output else folder / "checkpoints"
        if not self._results.is_relative_to(root):
            raise ConfigError(f"option {WHO}.output: {self._results} is not in the lab's folder {root}")
        self._folders = ModelFolders(root, self.config.base_models, WHO, self.config.allow_download)

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Take folders that are not the tiny lab's."""
        return is_local(checkpoint, self.lifecycle.root if self.lifecycle else Path())

    def train(self, task: TrainingTask) -> Iterator[TrainingEvent]:
        """Train; the name of a saved state holds attempt and step."""
        from charbench_plugins.local import loading
        from charbench_plugins.local.steps import Steps

        chosen = self.config.chosen(task.recipe)
        recipe, data_hash = recipe_of(task, chosen), file_hash(task.dataset)
        yield from map(Note, compare(task, recipe, chosen, data_hash))
        weights = self._folders.find(task.checkpoint)
        yield Note(self._start_of(task, weights))
        tokenizer, renderer = loading.load_renderer(weights, task.checkpoint, self._choice(task))
        model = loading.load_model(weights, self.config, task.checkpoint.uri)
        context = loading.context_of(model) or recipe.max_length
        fitted = replace(recipe, max_length=min(recipe.max_length, context))
        rows, notes = encode_rows(task, fitted, tokenizer, renderer, self.name)
        yield from map(Note, notes)
        total = recipe.steps(len(rows))
        adapted = self._adapted(model, task, weights, recipe)
        steps = Steps(adapted, weights, recipe, total, self.config.micro_batch)
        if task.state is not None:
            steps.restore(self._folder_of(task.state.uri))
        yield from map(Note, other_rank(task.recipe, _rank(steps.model)) if weights.adapter else ())
        yield from map(Note, other_version(task, renderer))
        memory = {"recipe": asdict(recipe), "renderer": renderer.name, "data_hash": data_hash}
        if renderer.version:
            memory["renderer_version"] = renderer.version
        states: list[Path] = [self._folder_of(task.state.uri)] if task.state else []
        for step, batch in recipe.batches(len(rows), task.state.step if task.state else 0):
            yield steps.take(step, [rows[number] for number in batch])
            due = (step + 1) % self.config.save_every == 0 and step + 1 < total
            if due or task.stopping():
                folder = task.workspace / f"state-attempt{task.attempt}-step{step + 1}"
                steps.save(folder, memory)
                yield StateSaved(SavedState(uri=self._uri(folder), step=step + 1, metadata=memory))
                for earlier in states:  # the store knows of a later one
                    shutil.rmtree(earlier, ignore_errors=True)
                states = [folder]
                if task.stopping():
                    return
        template = {"template_fingerprint": digest(tokenizer.template)} if renderer.name == "template" else {}
        if renderer.version:
            template["renderer_version"] = renderer.version
        made = {**template, "learning_rate": recipe.learning_rate, "batch_size": recipe.batch_size}
        yield Trained((self._finish(steps.model, task, weights, renderer.name, {**made, "data_hash": data_hash}),))

    def _choice(self, task: TrainingTask | None) -> RendererChoice:
        """Return the choice of renderer; a saved state resumes with its own."""
        kept = task.state.metadata.get("renderer") if task is not None and task.state else None
        return RendererChoice.of(self.config, WHO, self.trust, str(kept) if kept else None)

    @staticmethod
    def _start_of(task: TrainingTask, weights: Weights) -> str:
        where = f" from step {task.state.step:,}" if task.state else ""
        if weights.adapter is not None:
            return f"continues the adapter {task.checkpoint.uri}{where}, on {weights.said}"
        return f"{'continues' if where else 'starts'} a new adapter{where}, on the model {task.checkpoint.uri}"

    def _adapted(self, model: Any, task: TrainingTask, weights: Weights, recipe: Recipe) -> Any:
        """Return the model with the adapter to train: that of the saved state, the checkpoint's, or a new one."""
        from charbench_plugins.local import loading

        start = self._folder_of(task.state.uri) if task.state else weights.adapter
        whose = task.state.uri if task.state else task.checkpoint.uri
        if start is not None and not start.is_dir():
            raise TrainingError(f"{start} no longer exists; restart: charbench reset {task.job.job_id}")
        if start is not None:
            adapted = loading.with_adapter(model, start, whose, trainable=True)
        else:
            adapted = loading.with_new_adapter(
                model,
                rank=self.config.rank or RANKS[task.recipe],
                alpha=self.config.alpha,
                modules=self.config.target_modules,
                seed=recipe.seed,
            )
        if self.config.gradient_checkpointing:
            adapted.enable_input_require_grads()
            adapted.gradient_checkpointing_enable()
        return adapted

    def _finish(
        self, model: Any, task: TrainingTask, weights: Weights, renderer: str, known: dict[str, Any]
    ) -> Checkpoint:
        from charbench_plugins.local.results import base_model, free_folder, save_adapter

        folder = free_folder(self._results, f"{slug(task.job.run)}_sft")
        # A whole model that was trained itself is nobody's base model.
        is_base = weights.adapter is not None or task.checkpoint.kind in (Kind.UNKNOWN, Kind.BASE)
        made = Checkpoint(
            uri=self._uri(folder),
            kind=Kind.SFT,
            persona=task.job.persona,
            base_model=task.checkpoint.base_model or (base_model(weights, self._root) if is_base else None),
            lineage=Lineage(task.checkpoint.uri, task.job.dataset, renderer, task.recipe),
            metadata={**known, "rank": _rank(model), "format": "adapter"},
        )
        save_adapter(model, folder, weights, self._root, made)
        return made

    def _folder_of(self, uri: str) -> Path:
        return self._root / uri.removeprefix(FILE)

    def _uri(self, folder: Path) -> str:
        return f"{FILE}{folder.relative_to(self._root).as_posix()}"


def _rank(model: Any) -> int | None:
    return getattr(next(iter(model.peft_config.values())), "r", None)
