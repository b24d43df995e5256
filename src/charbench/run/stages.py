"""How far a run's stages are: shown on the terminal, and kept with the run for those who look from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from charbench.concurrency.progress import Progress, show_progress
from charbench.sampling.cost import Spending

_MOST = 20
"""So many stages are kept, the newest: there is one for each persona that is scored."""


@dataclass(slots=True)
class Stage:
    """One stage; ``total`` None: not known."""

    title: str
    total: int | None
    done: int = 0
    ended: bool = False


@dataclass(slots=True)
class Stages:
    """The stages of one run."""

    stages: list[Stage] = field(default_factory=list)

    @contextmanager
    def shown(self, title: str, total: int | None, *, quiet: bool) -> Iterator[Progress]:
        """Show a stage's progress on stderr while the block runs, and count it."""
        stage = Stage(title, total)
        self.stages.append(stage)
        try:
            with show_progress(title, total, quiet=quiet) as progress:
                yield _Counted(progress, stage)
        finally:
            stage.ended = True

    def progress(self, spending: Spending) -> dict[str, Any]:
        """Return how far the run is, as the store keeps it; ``spent`` None: there is no price table."""
        spent = spending.spent if spending.prices else None
        return {"stages": [asdict(one) for one in self.stages[-_MOST:]], "spent": spent}


@dataclass(frozen=True, slots=True)
class _Counted:
    inner: Progress
    stage: Stage

    def advance(self, count: int, note: str = "") -> None:
        """Say it, and count it."""
        self.stage.done += count
        self.inner.advance(count, note)
