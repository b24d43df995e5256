"""Recipes: what a job is trained with where nothing else is said."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyper-parameters. ``max_examples`` None: all; lengths in tokens; ``warmup`` a share of all steps.

    ``weight_decay`` is decoupled from the gradient (AdamW); a gradient whose norm over all weights is above
    ``grad_clip_norm`` is scaled down to it. 0: neither.
    """

    learning_rate: float = 5e-5
    batch_size: int = 32
    epochs: int = 1
    max_length: int = 3072
    warmup: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.98
    max_examples: int | None = None
    seed: int = 0
    weight_decay: float = 0.0
    grad_clip_norm: float = 0.0

    def with_changes(self, changes: dict[str, Any]) -> Recipe:
        """Return the recipe with the fields that were given (not None)."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})

    def differences(self, other: Recipe) -> str:
        """Return the fields in which ``other`` is otherwise, as text; empty if there are none."""
        mine, theirs = asdict(self), asdict(other)
        return ", ".join(
            f"{name} {mine[name]} instead of {theirs[name]}" for name in mine if mine[name] != theirs[name]
        )

    def steps(self, examples: int) -> int:
        """Return how many steps there are: the last batch of an epoch may be small, and is trained."""
        return self.epochs * math.ceil(examples / self.batch_size)

    def batches(self, examples: int, first: int = 0) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield (step, rows) from step ``first`` on; the order is a fact of the seed, and of nothing else."""
        per_epoch = math.ceil(examples / self.batch_size)
        for epoch in range(self.epochs):
            order = list(range(examples))
            random.Random(f"{self.seed}/{epoch}").shuffle(order)  # noqa: S311  an order, no secret
            for index in range(per_epoch):
                step = epoch * per_epoch + index
                if step >= first:
                    yield step, tuple(order[index * self.batch_size : (index + 1) * self.batch_size])

    def learning_rate_at(self, step: int, total: int) -> float:
        """Return the learning rate of a step: a linear rise over the warm-up, then a linear fall to zero."""
        rise = math.ceil(self.warmup * total)
        if step < rise:
            return self.learning_rate * (step + 1) / rise
        return self.learning_rate * (total - step) / max(1, total - rise)


PAPER = Recipe()
"""Open Character Training's introspection SFT."""
QUICK = Recipe(batch_size=16, max_examples=500)
"""For a look: at most 500 examples."""
RECIPES = {"paper": PAPER, "quick": QUICK}
RANKS = {"paper": 64, "quick": 32}
"""The rank that each recipe is for. It is not one of their fields: a run that continues a LoRA keeps its rank."""


def other_rank(recipe: str, rank: Any) -> Iterator[str]:
    """Yield a warning where a checkpoint's ``rank`` is known and is not the recipe's."""
    if isinstance(rank, int) and rank != RANKS[recipe]:
        yield (
            f"warning: recipe {recipe} is for rank {RANKS[recipe]}, and the checkpoint's rank is {rank}; "
            "it keeps its own"
        )
