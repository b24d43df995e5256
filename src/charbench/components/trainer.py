"""Trainers: how a checkpoint is trained further."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from charbench.components.base import Component, ComponentKind
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.dataset import TrainingJob
from charbench.domain.forms import number_from, whole_from
from charbench.errors import ConfigError
from charbench.text.bounded_files import LIMITS, ReadLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """A point that training can resume from: weights, optimizer and the next step are one fact.

    ``step`` is the first step (0-based) that the state has not seen.
    """

    uri: str
    step: int
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """One optimizer step: mean ``loss`` per trained token in nats, ``seconds`` it took.

    ``batch`` holds the indices of the dataset's rows in the batch.
    """

    step: int
    total_steps: int
    loss: float
    learning_rate: float
    tokens: int
    seconds: float
    batch: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("step", "total_steps", "tokens"):
            object.__setattr__(self, name, whole_from(getattr(self, name), f"a step's {name}"))
        for name in ("loss", "learning_rate", "seconds"):
            object.__setattr__(self, name, number_from(getattr(self, name), f"a step's {name}"))
        object.__setattr__(self, "batch", tuple(whole_from(row, "a row of a step's batch") for row in self.batch))


@dataclass(frozen=True, slots=True)
class StateSaved:
    """A state was saved; training can resume from it."""

    state: SavedState


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth a line in the log: how the first example is rendered, what was skipped."""

    text: str


@dataclass(frozen=True, slots=True)
class Trained:
    """Training is complete. ``checkpoints``: what it made, the one to sample from last; one at least."""

    checkpoints: tuple[Checkpoint, ...]

    def __post_init__(self) -> None:
        given: Any = self.checkpoints
        sound = isinstance(given, tuple | list) and all(isinstance(one, Checkpoint) for one in given)
        if not given or not sound:
            raise TypeError(f"Trained takes a tuple of Checkpoints, not {given!r:.100}")


TrainingEvent: TypeAlias = StepDone | StateSaved | Note | Trained
"""What a trainer yields; the last one of a complete job is :class:`Trained`."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTask:
    """A job with all that a trainer needs to do it.

    ``recipe`` is one of the trainer's ``recipes``; ``state`` the last saved state, None to start from the job's
    checkpoint; ``attempt`` counts from 1; ``workspace`` is a folder of the job's own that stays.
    """

    job: TrainingJob
    checkpoint: Checkpoint
    dataset: Path
    recipe: str
    workspace: Path
    attempt: int = 1
    state: SavedState | None = None
    stopping: Callable[[], bool] = _never
    """Whether the user wants to stop: save a state after the current step, yield it, and end."""
    limits: ReadLimits = LIMITS
    """The most to read of the dataset: pass it to :func:`charbench.read_examples`."""


class Trainer(Component):
    """Continues a checkpoint on a dataset."""

    kind: ClassVar[ComponentKind] = ComponentKind.TRAINER
    recipes: ClassVar[tuple[str, ...]] = ()
    """Names of its recipes (``--recipe``), the default first; empty where any name is taken."""

    @classmethod
    def recipe_for(cls, asked: str) -> str:
        """Return the recipe to train with: the one ``asked`` for, else the default.

        Raises :class:`charbench.ConfigError` for one that this trainer does not have.
        """
        if asked and cls.recipes and asked not in cls.recipes:
            raise ConfigError(f"trainer {cls.name} has no recipe {asked!r}; it has {', '.join(cls.recipes)}")
        return asked or next(iter(cls.recipes), "default")

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Return whether this trainer can continue ``checkpoint`` (decided by its URI, without a request)."""
        raise NotImplementedError

    def train(
        self, task: TrainingTask
    ) -> Iterable[TrainingEvent] | AsyncIterable[TrainingEvent] | Awaitable[Iterable[TrainingEvent]]:
        """Yield an event after each step and each saved state, and :class:`Trained` at the end.

        A generator, plain or async, as a rule; jobs are done in threads, several at once. Async ones share the run's
        event loop, so what blocks belongs in a plain one. Closing it must leave the last saved state usable. Raise
        :class:`charbench.TrainingError` with a line for the user when the job cannot continue.
        """
        raise NotImplementedError
