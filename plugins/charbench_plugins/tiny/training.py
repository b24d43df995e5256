"""A training run: one step at a time, deterministic, and resumable after any step.

    run = TrainingRun(model, adapter, examples, TrainingRecipe())
    while not run.done:
        report = run.step()
        run.save_state(folder)
    run.adapter.save(result)

Saving after every step is cheap (a few milliseconds) but seldom needed; the caller decides.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .arrays import FloatArray
from .examples import TrainingExample, check_examples, fingerprint, pad_batch, split_batch, trained_tokens
from .lora import LoraAdapter, LoraFactors
from .model import TinyModel
from .optimizer import Adam
from .recipe import TrainingRecipe
from .run_state import TrainingState, find_state, replace_directory
from .threads import one_blas_thread
from .transformer import loss_and_gradients

__all__ = ["StepReport", "TinyTraining", "TrainingExample", "TrainingRecipe"]


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did."""

    step: int
    """From 0."""
    loss: float
    """Nats per trained token, measured before this step's change."""
    learning_rate: float
    tokens: int
    """Trained tokens of the batch."""
    seconds: float
    batch_ids: tuple[int, ...]
    """Positions of the batch's examples in the run's list."""


class TinyTraining:
    """Trains one adapter on one list of examples. The adapter given is changed in place.

    Args:
        adapter: a new one, or one that was loaded: training then continues from there, with a fresh optimizer.

    Raises:
        ValueError: no examples, an example longer than the model's context, or an adapter of another model.
    """

    def __init__(
        self,
        model: TinyModel,
        adapter: LoraAdapter,
        examples: Sequence[TrainingExample],
        recipe: TrainingRecipe | None = None,
    ) -> None:
        adapter.check_fits(model)
        check_examples(model.config, examples)
        self.model = model
        self.adapter = adapter
        self.examples = tuple(examples)
        self.recipe = recipe or TrainingRecipe()
        self.total_steps = self.recipe.total_steps(len(self.examples))
        self.next_step = 0
        self._optimizer = Adam(_named(adapter.factors), self.recipe.betas)

    @property
    def done(self) -> bool:
        """Whether all steps are taken."""
        return self.next_step >= self.total_steps

    def step(self) -> StepReport:
        """Train on the next batch.

        Raises:
            RuntimeError: all steps are taken.
        """
        if self.done:
            raise RuntimeError(f"all {self.total_steps} steps of this run are taken")
        started = time.perf_counter()
        batch_ids = self.recipe.batch(self.next_step, len(self.examples))
        learning_rate = self.recipe.learning_rate_at(self.next_step, self.total_steps)
        batch = [self.examples[index] for index in batch_ids]
        with one_blas_thread():
            loss, gradients = self._gradients(batch)
            _clip(gradients, self.recipe.max_gradient_norm)
            self._optimizer.step(gradients, learning_rate)
        tokens = trained_tokens(batch)
        seconds = time.perf_counter() - started
        report = StepReport(self.next_step, loss, learning_rate, tokens, seconds, batch_ids)
        self.next_step += 1
        return report

    def save_state(self, directory: Path) -> None:
        """Store all that ``resume`` needs. The folder is also a PEFT adapter, as good as trained so far.

        A process killed at any moment leaves either the earlier state or this one, never a mixture.
        """
        with replace_directory(directory) as draft:
            self.adapter.save(draft)
            self._optimizer.save(draft / "optimizer.safetensors")
            TrainingState(self.next_step, self.recipe, fingerprint(self.examples)).save(draft)

    @classmethod
    def resume(
        cls,
        directory: Path,
        model: TinyModel,
        examples: Sequence[TrainingExample],
        recipe: TrainingRecipe | None = None,
    ) -> TinyTraining:
        """Go on from ``save_state``; the weights come out as if the run had never stopped.

        Args:
            recipe: what the caller believes to be the recipe; None trusts the saved one.

        Raises:
            FileNotFoundError: there is no saved state.
            ValueError: the examples, the recipe or the model are not the ones the state was made with.
        """
        found = find_state(directory)
        state = TrainingState.load(found)
        if state.examples_fingerprint != fingerprint(examples):
            raise ValueError(f"{directory} was saved by a run on other examples; start a new run instead")
        if recipe is not None and recipe != state.recipe:
            raise ValueError(f"{directory} was saved by a run with another recipe; start a new run instead")
        run = cls(model, LoraAdapter.load(found), examples, state.recipe)
        run._optimizer.load(found / "optimizer.safetensors")
        run.next_step = state.next_step
        return run

    def _gradients(self, batch: Sequence[TrainingExample]) -> tuple[float, dict[str, FloatArray]]:
        """Loss and gradients of a batch, worked off in pieces that bound the memory of long examples."""
        total = trained_tokens(batch)
        loss = 0.0
        summed: dict[str, FloatArray] = {}
        for piece in split_batch(batch):
            inputs, targets = pad_batch(piece)
            piece_loss, factors = loss_and_gradients(self.model, self.adapter, inputs, targets, total)
            loss += piece_loss
            for name, gradient in _named(factors).items():
                summed[name] = summed[name] + gradient if name in summed else gradient
        return loss, summed


def _named(factors: Mapping[str, LoraFactors]) -> dict[str, FloatArray]:
    """The factors as a flat mapping of arrays (not copies), which is what an optimizer wants."""
    arrays = {}
    for path, pair in factors.items():
        arrays[f"{path}.down"] = pair.down
        arrays[f"{path}.up"] = pair.up
    return arrays


def _clip(gradients: dict[str, FloatArray], max_norm: float | None) -> None:
    """Shorten the gradient, seen as one vector over all factors, to ``max_norm``; in place."""
    if max_norm is None:
        return
    norm = math.sqrt(sum(float(np.square(gradient).sum()) for gradient in gradients.values()))
    if norm > max_norm:
        for gradient in gradients.values():
            gradient *= max_norm / norm
