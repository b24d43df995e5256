"""Takes events from a trainer, in whatever form it gives them."""

from __future__ import annotations

from collections.abc import AsyncIterable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

from charbench.components.calling import items, resolve
from charbench.components.trainer import Trainer, TrainingEvent, TrainingTask
from charbench.errors import TrainingError


def events_of(trainer: Trainer, task: TrainingTask) -> Iterator[TrainingEvent]:
    """Iterate over what ``train()`` gives, plain or async; a generator is closed when the caller stops early.

    Raises :class:`TrainingError` where that is nothing to iterate over, or holds what is no event.
    """
    with closing(_given(trainer, task)) as events:
        for event in events:
            if not isinstance(event, TrainingEvent):
                raise TrainingError(
                    f"trainer {trainer.name}: train() gave {event!r:.100}; "
                    f"StepDone, StateSaved, Note or Trained is needed"
                )
            yield event


def _given(trainer: Trainer, task: TrainingTask) -> Generator[Any, None, None]:
    given: Any = resolve(trainer, trainer.train(task))
    if not isinstance(given, AsyncIterable | Iterable):
        raise TrainingError(f"trainer {trainer.name}: train() gave {type(given).__name__}, and must yield events")
    try:
        yield from items(trainer, given)
    finally:
        if close := getattr(given, "close", None):
            close()
