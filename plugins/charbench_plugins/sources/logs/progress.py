"""How far a run had come when its log names a checkpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BEFORE, _AFTER = 8 << 10, 2 << 10
"""Bytes before and after a URL that are looked at."""
_STEP = re.compile(rb"(?i)\bstep[\s:=]{1,8}(\d{1,9})\s{0,8}(?:/|of)\s{0,8}(\d{1,9})(?!\d)")
_COMPLETE = re.compile(
    rb"(?i)\b(?:training|run|epochs?)\s+(?:is\s+|was\s+|has\s+)?(?:complete|completed|done|finished)\b"
)


@dataclass(frozen=True, slots=True)
class Progress:
    """The last step before a URL and how many there were to be; ``is_half``: the run was not at its end."""

    step: int
    total_steps: int
    is_half: bool


def progress_at(buffer: bytes, start: int) -> Progress | None:
    """Return how far the run was at ``start``, None where the log does not count steps there.

    A log that tells of every fifth step ends at any of the last five; one that goes on to say that training is
    complete has ended, too.
    """
    steps = [(int(one), int(of)) for one, of in _STEP.findall(buffer, max(0, start - _BEFORE), start)]
    if not steps:
        return None
    step, total = steps[-1]
    gaps = [step - earlier for earlier, of in steps[:-1] if of == total and earlier < step]
    gap = min(gaps, default=1)
    complete = _COMPLETE.search(buffer, start, start + _AFTER)
    return Progress(step, total, step + gap < total and complete is None)
