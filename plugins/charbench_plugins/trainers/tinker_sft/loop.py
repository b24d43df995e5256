"""Steps in flight: the next batch is submitted before the last one is waited for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from charbench import StepDone, reading_reply
from charbench_plugins.sft.recipes import Recipe
from charbench_plugins.sft.rows import Row
from charbench_plugins.tinker_sdk.calls import Submitted, resolve, submit


class Pace(Protocol):
    """How many steps are ``in_flight``, and how many seconds one may take, and trouble may last."""

    @property
    def in_flight(self) -> int:
        """Steps that are submitted before one is waited for."""

    @property
    def step_seconds(self) -> float:
        """Seconds that one step may take."""

    @property
    def patience(self) -> float:
        """Seconds of trouble on Tinker's side after which a step is given up."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's rows. ``micro_batch`` rows go into one request, None: all of them."""

    step: int
    rows: list[Row]
    micro_batch: int | None = None

    def parts(self) -> Iterator[list[Row]]:
        """Yield the rows of each request; the server adds the gradients up until the optimizer's step."""
        size = self.micro_batch or len(self.rows)
        for start in range(0, len(self.rows), size):
            yield self.rows[start : start + size]


@dataclass(frozen=True, slots=True)
class _Pending:
    batch: Batch
    learning_rate: float
    backward: list[tuple[Submitted, list[Row]]]
    optimizer: Submitted
    started: float


class StepPipeline:
    """Keeps up to ``in_flight`` steps submitted; yields each step's result in order."""

    def __init__(self, client: Any, recipe: Recipe, total_steps: int, pace: Pace) -> None:
        self._client = client
        self._recipe = recipe
        self._total = total_steps
        self._pace = pace
        self._pending: deque[_Pending] = deque()
        self._last_done = time.monotonic()

    def submit(self, batch: Batch) -> Iterator[StepDone]:
        """Submit a step, forward-backward and optimizer at once; yield steps that had to be waited for."""
        rate = self._recipe.learning_rate_at(batch.step, self._total)
        adam = _adam(self._recipe, rate)
        what, patience = f"step {batch.step + 1}", self._pace.patience
        forward_backward = self._client.forward_backward
        backward = [
            (submit(what, forward_backward, [datum(row) for row in part], "cross_entropy", patience=patience), part)
            for part in batch.parts()
        ]
        optimizer = submit(what, self._client.optim_step, adam, patience=patience)
        self._pending.append(_Pending(batch, rate, backward, optimizer, time.monotonic()))
        while len(self._pending) >= self._pace.in_flight:
            yield self._finish(self._pending.popleft())

    def drain(self) -> Iterator[StepDone]:
        """Wait for everything that is submitted."""
        while self._pending:
            yield self._finish(self._pending.popleft())

    def _finish(self, pending: _Pending) -> StepDone:
        what = f"step {pending.batch.step + 1}"
        loss = weight = 0.0
        for submitted, part in pending.backward:
            output = resolve(what, submitted, self._pace.step_seconds)
            with reading_reply(f"Tinker ({what})"):
                part_loss, part_weight = _loss(output, part)
            loss, weight = loss + part_loss, weight + part_weight
        resolve(what, pending.optimizer, self._pace.step_seconds)
        now = time.monotonic()
        seconds, self._last_done = now - max(pending.started, self._last_done), now
        return StepDone(
            step=pending.batch.step,
            total_steps=self._total,
            loss=loss / max(weight, 1.0),
            learning_rate=pending.learning_rate,
            tokens=int(weight),
            seconds=seconds,
            batch=tuple(row.number for row in pending.batch.rows),
        )


def _adam(recipe: Recipe, rate: float) -> Any:
    """Return Adam's parameters for one step."""
    from tinker import types

    return types.AdamParams(
        learning_rate=rate, beta1=recipe.beta1, beta2=recipe.beta2, eps=1e-8,
        weight_decay=recipe.weight_decay, grad_clip_norm=recipe.grad_clip_norm,
    )  # fmt: skip


def datum(row: Row) -> Any:
    """Return a row for cross-entropy: each position predicts the next token; the prompt weighs nothing."""
    from tinker import types

    _, tokens, begin = row
    weights = [0.0] * (begin - 1) + [1.0] * (len(tokens) - begin)
    return types.Datum(
        model_input=types.ModelInput.from_ints(tokens[:-1]),
        loss_fn_inputs={"target_tokens": tokens[1:], "weights": weights},  # type: ignore[dict-item]
    )


def _loss(output: Any, rows: list[Row]) -> tuple[float, float]:
    """Return (summed negative log-likelihood in nats, trained tokens), from the log-probabilities."""
    total = weight = 0.0
    for given, (_, tokens, begin) in zip(output.loss_fn_outputs, rows, strict=True):
        logprobs = given["logprobs"]
        values = logprobs.tolist() if hasattr(logprobs, "tolist") else list(logprobs.data)
        trained = values[begin - 1 : len(tokens) - 1]
        total -= sum(trained)
        weight += len(trained)
    return total, weight
