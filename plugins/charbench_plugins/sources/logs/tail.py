"""Reads from the end of a log how its run ended."""

from __future__ import annotations

import re
from dataclasses import dataclass

from charbench import LabFile, RunState, redact

TAIL_BYTES = 64 << 10
_STEP = re.compile(r"\bstep\s{1,8}(\d{1,9})\s{0,8}(?:/|of)\s{0,8}(\d{1,9})(?!\d)", re.IGNORECASE)
_ERROR = re.compile(
    r"^(?:[\w.]*(?:Error|Exception|Interrupt|Exit)\b.*|.*\b(?:CUDA out of memory|Segmentation fault)\b.*|Killed)\s*$",
    re.MULTILINE,
)
_TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True, slots=True)
class Tail:
    """A log's end: the last step it tells of, and the last error line after that step."""

    state: RunState
    step: int | None
    total_steps: int | None
    error: str | None
    steps: int = 0
    """How many steps the end of the log tells of."""


def read_tail(file: LabFile, *, saved: bool) -> Tail:
    """Tell how a run ended; ``saved`` says whether its log speaks of anything saved."""
    text = file.tail(TAIL_BYTES).decode("utf-8", "replace").replace("\r\n", "\n")
    steps = list(_STEP.finditer(text))
    last = steps[-1] if steps else None
    rest = text[last.end() :] if last else text
    errors = _ERROR.findall(rest)
    error = redact(str(errors[-1]).strip())[:300] if errors else _TRACEBACK if _TRACEBACK in rest else None
    step, total = (int(last[1]), int(last[2])) if last else (None, None)
    if error:
        state = RunState.FAILED
    elif saved or (step is not None and step == total):
        state = RunState.FINISHED
    else:
        state = RunState.UNFINISHED
    return Tail(state, step, total, error, len(steps))
