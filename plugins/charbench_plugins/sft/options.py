"""The options in which a recipe can be changed."""

from __future__ import annotations

from pydantic import Field

from charbench import Trainer
from charbench_plugins.sft.recipes import RECIPES, Recipe


class RecipeConfig(Trainer.Config):
    """What is not given comes from the recipe (paper or quick)."""

    learning_rate: float | None = Field(None, gt=0, description="peak learning rate; it decays to zero")
    batch_size: int | None = Field(None, ge=1, description="batch size in rows")
    epochs: int | None = Field(None, ge=1, description="epochs")
    max_length: int | None = Field(None, ge=16, description="maximum row length in tokens; longer ones are left out")
    warmup: float | None = Field(None, ge=0, le=1, description="share of the steps used for warm-up")
    beta1: float | None = Field(None, ge=0, lt=1, description="Adam's beta1")
    beta2: float | None = Field(None, ge=0, lt=1, description="Adam's beta2")
    max_examples: int | None = Field(None, ge=1, description="maximum rows, from the first on")
    seed: int | None = Field(None, ge=0, description="random seed of the row order")
    weight_decay: float | None = Field(None, ge=0, description="AdamW's weight decay; 0: none")
    grad_clip_norm: float | None = Field(
        None, ge=0, description="norm over all weights to which a larger gradient is scaled down; 0: no clipping"
    )

    def chosen(self, recipe: str) -> Recipe:
        """Return the recipe of this name with the options that are given."""
        return RECIPES[recipe].with_changes(self.model_dump(include=set(Recipe.__dataclass_fields__)))
