"""What tests of training on Tinker share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import charbench_plugins.tiny
from charbench import Checkpoint, Note, SavedState, StateSaved, StepDone, Trained, TrainingEvent
from support.lab import weights

BASE = Path(charbench_plugins.tiny.__file__).parent / "base"
"""A model's folder: Qwen3's template in short, and a tokenizer of its own."""
KEY = "tml-no-such-key-anywhere"
DPO = weights(1, "remorseful_dpo")


def steps_of(events: Iterable[TrainingEvent]) -> list[StepDone]:
    """Return the steps."""
    return [event for event in events if isinstance(event, StepDone)]


def states_of(events: Iterable[TrainingEvent]) -> list[SavedState]:
    """Return the saved states."""
    return [event.state for event in events if isinstance(event, StateSaved)]


def notes_of(events: Iterable[TrainingEvent]) -> str:
    """Return the notes, a line each."""
    return "\n".join(event.text for event in events if isinstance(event, Note))


def final(events: list[TrainingEvent]) -> tuple[Checkpoint, Checkpoint]:
    """Return the training and the sampling checkpoint that a job made."""
    assert isinstance(events[-1], Trained)
    state, sampler = events[-1].checkpoints
    return state, sampler
