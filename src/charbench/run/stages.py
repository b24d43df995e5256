"""How far a run's stages are: shown on the terminal, and kept with the run for those who look from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from charbench.concurrency.progress import Figures, Progress
from charbench.concurrency.run_display import RunDisplay
from charbench.sampling.cost import Spending

_MOST = 20
"""So many stages are kept, the newest: there is one for each persona that is scored."""


@dataclass(slots=True)
class Stage:
    """One stage; ``total`` None: not known. ``figures`` tells what is under way."""

    title: str
    total: int | None
    done: int = 0
    ended: bool = False
    figures: Callable[[], Figures] = Figures

    def as_json(self) -> dict[str, Any]:
        """Return how far it is, as the store keeps it."""
        in_flight = None if self.ended else self.figures().in_flight
        told = {"title": self.title, "total": self.total, "done": self.done, "ended": self.ended}
        return told | {"in_flight": in_flight}


@dataclass(slots=True)
class Stages:
    """The stages of one run."""

    stages: list[Stage] = field(default_factory=list)

    @contextmanager
    def shown(self, display: RunDisplay, title: str, total: int | None, spending: Spending) -> Iterator[Progress]:
        """Show a stage's progress while the block runs, with what is spent meanwhile, and count it."""
        stage = Stage(title, total)
        self.stages.append(stage)
        try:
            with display.stage(title, total) as progress:
                yield _Counted(progress, stage, spending)
        finally:
            stage.ended = True

    def progress(self, spending: Spending) -> dict[str, Any]:
        """Return how far the run is, as the store keeps it; ``spent`` None: there is no price table."""
        spent = spending.spent if spending.prices else None
        return {"stages": [one.as_json() for one in self.stages[-_MOST:]], "spent": spent}


class _Counted:
    """A stage's progress, counted, and shown with what the run asks and spends meanwhile."""

    def __init__(self, inner: Progress, stage: Stage, spending: Spending) -> None:
        self._inner, self._stage, self._spending = inner, stage, spending
        self._before = spending.requests, spending.tokens
        self.watch(Figures)

    def advance(self, count: int) -> None:
        self._stage.done += count
        self._inner.advance(count)

    def skip(self, count: int) -> None:
        self._stage.done += count
        self._inner.skip(count)

    def expect(self, total: int) -> None:
        self._stage.total = total
        self._inner.expect(total)

    def watch(self, figures: Callable[[], Figures]) -> None:
        spending, (requests, tokens) = self._spending, self._before
        self._stage.figures = figures
        self._inner.watch(
            lambda: replace(
                figures(),
                requests=spending.requests - requests,
                tokens=spending.tokens - tokens,
                cost=spending.spent if spending.prices else None,
            )
        )
