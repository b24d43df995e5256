"""Which checkpoints a run is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from charbench.domain.checkpoint import Checkpoint
from charbench.errors import UnknownNameError


def select_checkpoints(
    checkpoints: Iterable[Checkpoint], wanted: Sequence[str], personas: Sequence[str]
) -> list[Checkpoint]:
    """Return the checkpoints that ``wanted`` and ``personas`` leave; empty lists leave all.

    ``wanted`` holds URIs, names or runs. A checkpoint of no known persona is left out where personas are
    given, unless it is wanted by name. Raises :class:`UnknownNameError` for one that nothing matches.
    """
    everything = list(checkpoints)
    chosen = everything
    if wanted:
        for text in wanted:
            if not any(_is_called(checkpoint, text) for checkpoint in everything):
                raise UnknownNameError("checkpoint", text, {c.name for c in everything if c.sampleable})
        chosen = [c for c in everything if any(_is_called(c, text) for text in wanted)]
    if personas:
        chosen = [c for c in chosen if c.persona in personas or (wanted and c.persona is None)]
    return chosen


def _is_called(checkpoint: Checkpoint, text: str) -> bool:
    return text in (checkpoint.uri, checkpoint.name, checkpoint.run)
