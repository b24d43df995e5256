"""One optimizer step after the other, and what is saved so that another process can take the next one."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charbench import StepDone, TrainingError
from charbench_plugins.local.folders import Weights
from charbench_plugins.local.results import save_weights
from charbench_plugins.sft.recipes import Recipe
from charbench_plugins.sft.rows import Row

OPTIMIZER, STATE = "optimizer.safetensors", "charbench_state.json"
UNTRAINED = -100
"""The target of a position that is not trained on, as PyTorch has it."""


@dataclass(slots=True)
class Steps:
    """A model with a trainable adapter, and its optimizer (AdamW)."""

    model: Any
    weights: Weights
    recipe: Recipe
    total: int
    micro_batch: int
    optimizer: Any = None

    def __post_init__(self) -> None:
        import torch

        self.model.train()
        for module in self.model.modules():  # as on Tinker there is none: with it, a resumed run would be another one
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        recipe = self.recipe
        self.optimizer = torch.optim.AdamW(
            [weight for _, weight in self._trained()], lr=recipe.learning_rate, betas=(recipe.beta1, recipe.beta2),
            eps=1e-8, weight_decay=recipe.weight_decay,
        )  # fmt: skip

    def take(self, step: int, rows: Sequence[Row]) -> StepDone:
        """Take one step on these rows; the loss is the mean over their trained tokens, in nats."""
        import torch

        started = time.monotonic()
        rate = self.recipe.learning_rate_at(step, self.total)
        tokens = sum(len(row.tokens) - row.begin for row in rows)
        loss = 0.0
        for start in range(0, len(rows), self.micro_batch):
            part = self._loss(rows[start : start + self.micro_batch]) / tokens
            part.backward()
            loss += float(part.detach())
        weights = [weight for _, weight in self._trained()]
        if self.recipe.grad_clip_norm:
            torch.nn.utils.clip_grad_norm_(weights, self.recipe.grad_clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if loss != loss:
            raise TrainingError(f"step {step + 1}: the loss is not a number; lower the learning rate")
        return StepDone(
            step=step, total_steps=self.total, loss=loss, learning_rate=rate, tokens=tokens,
            seconds=time.monotonic() - started, batch=tuple(row.number for row in rows),
        )  # fmt: skip

    def save(self, folder: Path, memory: dict[str, Any]) -> None:
        """Save adapter, optimizer and ``memory`` in a new folder, which appears when it is whole."""
        from safetensors.torch import save_file

        draft = folder.with_name(f"{folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        save_weights(self.model, draft, self.weights)
        kept = {}
        for name, weight in self._trained():
            for key, value in self.optimizer.state.get(weight, {}).items():
                kept[f"{name}/{key}"] = value.detach().clone().cpu().contiguous()
        save_file(kept, draft / OPTIMIZER)
        (draft / STATE).write_text(json.dumps(memory), "utf-8")
        draft.rename(folder)

    def restore(self, folder: Path) -> None:
        """Set the optimizer to what was saved with the adapter; raises :class:`TrainingError` where it cannot be."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            kept = load_file(folder / OPTIMIZER)
        except (OSError, SafetensorError) as error:
            raise TrainingError(f"{folder / OPTIMIZER}: the saved optimizer cannot be read: {error}") from None
        for name, weight in self._trained():
            state = {key.removeprefix(f"{name}/"): kept[key] for key in kept if key.startswith(f"{name}/")}
            self.optimizer.state[weight] = {
                key: value if key == "step" else value.to(weight.device) for key, value in state.items()
            }

    def _trained(self) -> Iterator[tuple[str, Any]]:
        for name, weight in self.model.named_parameters():
            if weight.requires_grad:
                yield name, weight

    def _loss(self, rows: Sequence[Row]) -> Any:
        """Return the sum of the negative log-likelihoods of the trained tokens; each position predicts the next one."""
        import torch

        width = max(len(row.tokens) for row in rows) - 1
        device = self.model.device
        inputs, targets, mask = [], [], []
        for _, tokens, begin in rows:
            padding = width - (len(tokens) - 1)
            inputs.append(tokens[:-1] + [0] * padding)
            targets.append([UNTRAINED] * (begin - 1) + tokens[begin:] + [UNTRAINED] * padding)
            mask.append([1] * (len(tokens) - 1) + [0] * padding)
        logits = self.model(
            input_ids=torch.tensor(inputs, device=device),
            attention_mask=torch.tensor(mask, device=device),
            use_cache=False,
        ).logits
        wanted = torch.tensor(targets, device=device)
        trained = wanted != UNTRAINED
        return torch.nn.functional.cross_entropy(logits[trained].float(), wanted[trained], reduction="sum")
