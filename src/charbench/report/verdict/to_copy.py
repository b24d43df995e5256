"""Commands of verdicts, made such that they work where they are copied to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from charbench.components.base import ComponentKind
from charbench.components.calling import takes
from charbench.components.sampler import Sampler
from charbench.domain.checkpoint import Checkpoint
from charbench.report.summary.tally import Tally
from charbench.report.verdict.decide import MORE_PROMPTS, Judgement

if TYPE_CHECKING:
    from charbench.run.session import Session


def fit_to_copy(
    session: Session, rows: Sequence[Tally], judgements: Sequence[Judgement], checkpoints: Sequence[Checkpoint]
) -> list[Judgement]:
    """Return the judgements of these rows with commands that name the sampler and the lab where that is needed.

    A run that is to ask for more names the sampler that the row's samples are from, unless it is used by default; for
    recordings, the installed one that takes their checkpoint. Where none does, there is no command. The options that
    named the lab, the store and the configuration are those of the session's own command.
    """
    known = {checkpoint.uri: checkpoint for checkpoint in checkpoints}
    found = []
    for row, one in zip(rows, judgements, strict=True):
        todo = one.todo
        if todo == MORE_PROMPTS:
            sampler = _sampler(session, row, [known[uri] for uri in sorted(row.uris) if uri in known])
            todo = None if sampler is None else f"{todo}{sampler}"
        if todo is not None and session.place:
            todo = f"{todo} {session.place}"
        found.append(replace(one, todo=todo))
    return found


def _sampler(session: Session, row: Tally, checkpoints: Sequence[Checkpoint]) -> str | None:
    """Return the option that names the sampler to ask for more, empty where none is needed; None: none can."""
    installed = session.plugins.components(ComponentKind.SAMPLER)
    for name in sorted(row.samplers & installed.keys()):
        kind = installed[name]
        if issubclass(kind, Sampler) and kind.requests is Sampler.requests:
            return "" if kind.is_default else f" --sampler {name}"
    for sampler in session.installed_samplers():
        if any(takes(sampler, checkpoint) for checkpoint in checkpoints):
            return f" --sampler {sampler.name}"
    return None
