"""How to train: epochs, batches, and the learning rate of each step."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

Schedule = Literal["cosine", "linear", "constant"]
SCHEDULES: tuple[Schedule, ...] = ("cosine", "linear", "constant")


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """Everything that decides a run besides its data and its starting adapter.

    The defaults make the shipped model a pirate with 100 examples in a few seconds.
    """

    epochs: int = 3
    batch_size: int = 8
    learning_rate: float = 5e-3
    """The highest value; the schedule decides how much of it a step gets."""
    warmup_ratio: float = 0.0
    """Share of all steps, 0 to 1, in which the learning rate rises to its highest value."""
    schedule: Schedule = "cosine"
    """What the learning rate does after the warm-up: fall to 0 along a cosine or a line, or stay."""
    betas: tuple[float, float] = (0.9, 0.999)
    max_gradient_norm: float | None = None
    """Scale the gradient down where its length, over all factors, exceeds this. None: never."""
    seed: int = 0
    """Decides the order of the examples."""

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise ValueError("epochs and batch_size are at least 1")
        if not self.learning_rate > 0 or not 0 <= self.warmup_ratio <= 1:
            raise ValueError("learning_rate is above 0, and warmup_ratio from 0 to 1")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"unknown schedule {self.schedule!r}; there are {', '.join(SCHEDULES)}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"Adam's betas are from 0 to below 1, not {self.betas}")
        if self.seed < 0:
            raise ValueError(f"a seed is at least 0, not {self.seed}")
        if self.max_gradient_norm is not None and not self.max_gradient_norm > 0:
            raise ValueError("max_gradient_norm is above 0, or None")

    def to_json(self) -> dict[str, Any]:
        """As JSON would give it back: the betas are a list."""
        return {**asdict(self), "betas": list(self.betas)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrainingRecipe:
        """The inverse of ``to_json``."""
        return cls(**{**values, "betas": tuple(values["betas"])})

    def steps_per_epoch(self, example_count: int) -> int:
        """The last batch may be smaller: fewer examples than a batch still make one step, not none."""
        return math.ceil(example_count / self.batch_size)

    def total_steps(self, example_count: int) -> int:
        """Steps of all epochs together."""
        return self.epochs * self.steps_per_epoch(example_count)

    def batch(self, step: int, example_count: int) -> tuple[int, ...]:
        """The positions of the examples that step ``step`` (from 0) trains on.

        Each epoch is a shuffle of all examples that depends on the seed and the epoch's number only, so a
        resumed run needs no state of a random generator.
        """
        epoch, position = divmod(step, self.steps_per_epoch(example_count))
        order = np.random.default_rng([self.seed, epoch]).permutation(example_count)
        start = position * self.batch_size
        return tuple(int(index) for index in order[start : start + self.batch_size])

    def learning_rate_at(self, step: int, total_steps: int) -> float:
        """The learning rate of step ``step`` (from 0). Above 0 at every step: no step is wasted."""
        warmup_steps = round(self.warmup_ratio * total_steps)
        if step < warmup_steps:
            return self.learning_rate * (step + 1) / warmup_steps
        progress = (step - warmup_steps) / (total_steps - warmup_steps)
        if self.schedule == "cosine":
            return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))
        if self.schedule == "linear":
            return self.learning_rate * (1.0 - progress)
        return self.learning_rate
