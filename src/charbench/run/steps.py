"""Which of a run's saves are sampled: the last one, all, every so many steps, or those that are listed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence

from charbench.domain.checkpoint import Checkpoint
from charbench.domain.uris import TinkerPath
from charbench.errors import UsageError

LAST, ALL = "last", "all"
_STEP = re.compile(r"(?:step|checkpoint|iter|batch)[-_]?(\d{1,9})|0\d{5}")


def step_of(checkpoint: Checkpoint) -> int | None:
    """Return the step at which a checkpoint was saved; None where nothing says."""
    for name in ("batch", "step"):
        if type(step := checkpoint.metadata.get(name)) is int:
            return step
    path = TinkerPath.parse(checkpoint.uri)
    match = _STEP.fullmatch(path.plain_name if path else checkpoint.name)
    return int(match[1] or match[0]) if match else None


def at_steps(checkpoints: Sequence[Checkpoint], steps: str, named: Sequence[str] = ()) -> list[Checkpoint]:
    """Return the saves that ``steps`` takes, in their order; raises :class:`UsageError` for what is no such text.

    ``last`` takes each run's last save that can be sampled; ``all``; ``every:N`` those whose step is a multiple of N,
    and the last; ``20,40`` those of these steps. What has no known step, and what ``named`` names by its URI or
    name, stays in any case.
    """
    takes = _rule(steps)
    last: dict[object, tuple[bool, int]] = defaultdict(lambda: (False, -1))
    for checkpoint in checkpoints:
        if checkpoint.sampleable and not checkpoint.missing_since and (at := _when(checkpoint)):
            last[_run(checkpoint)] = max(last[_run(checkpoint)], at)

    def stays(checkpoint: Checkpoint) -> bool:
        at = _when(checkpoint)
        if at is None or any(map(checkpoint.is_called, named)):
            return True
        return takes(at[1], at >= last[_run(checkpoint)])

    return [checkpoint for checkpoint in checkpoints if stays(checkpoint)]


def _when(checkpoint: Checkpoint) -> tuple[bool, int] | None:
    """Return what sorts a run's saves: the final one is the last."""
    step, final = step_of(checkpoint), bool(checkpoint.metadata.get("final"))
    return None if step is None and not final else (final, step or 0)


def _run(checkpoint: Checkpoint) -> object:
    """Return what trained a checkpoint: the service's run, else the lab's; nothing else shares it."""
    path = TinkerPath.parse(checkpoint.uri)
    return path.run if path else (checkpoint.run or checkpoint.uri, checkpoint.kind)


def _rule(steps: str) -> Callable[[int, bool], bool]:
    """Return what tells from a save's step, and whether it is its run's last, whether it is taken."""
    text = steps.strip().lower()
    if text == ALL:
        return lambda _step, _is_last: True
    if text == LAST:
        return lambda _step, is_last: is_last
    if (every := re.fullmatch(r"every:(\d{1,9})", text)) and int(every[1]):
        return lambda step, is_last: is_last or step % int(every[1]) == 0
    if re.fullmatch(r"\d{1,9}(?:\s*,\s*\d{1,9})*", text):
        listed = {int(number) for number in text.split(",")}
        return lambda step, _is_last: step in listed
    raise UsageError(f"steps {steps!r}: last, all, every:N or a list such as 20,40 is needed")
