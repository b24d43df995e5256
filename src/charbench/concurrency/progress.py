"""What a stage tells of its progress, and the figures that are made of it: done, left, per second, time left."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

WINDOW_SECONDS = 30.0
"""Rates are those of so many seconds."""
_LEAST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of work under way; None: it does not apply."""

    failed: int = 0
    in_flight: int | None = None
    requests: int | None = None
    """Requests that were answered, so far."""
    tokens: int | None = None
    """Tokens that models gave, so far."""
    cost: float | None = None
    """What the run has cost so far, by the price table."""


class Progress(Protocol):
    """What a stage tells of its progress."""

    def advance(self, count: int) -> None:
        """Say that ``count`` more items are done."""

    def skip(self, count: int) -> None:
        """Say that ``count`` more items were done before: they tell nothing of the speed."""

    def expect(self, total: int) -> None:
        """Say how many items there are in all."""

    def watch(self, figures: Callable[[], Figures]) -> None:
        """Say whom to ask for figures; asked from another thread, whenever they are shown."""


class NoProgress:
    """Shows nothing."""

    def advance(self, count: int) -> None:
        """Do nothing."""

    def skip(self, count: int) -> None:
        """Do nothing."""

    def expect(self, total: int) -> None:
        """Do nothing."""

    def watch(self, figures: Callable[[], Figures]) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class _Point:
    at: float
    done: int
    requests: int
    tokens: int


@dataclass(slots=True)
class Measured:
    """One stage's progress, with the figures to show of it; ``clock`` gives seconds."""

    title: str
    total: int | None = None
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    skipped: int = 0
    started: float = field(init=False)
    _figures: Callable[[], Figures] = Figures
    _points: deque[_Point] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.started = self.clock()
        self._points.append(_Point(self.started, 0, 0, 0))

    def advance(self, count: int) -> None:
        """Say that ``count`` more items are done."""
        self.done += count

    def skip(self, count: int) -> None:
        """Say that ``count`` more items were done before."""
        self.done += count
        self.skipped += count

    def expect(self, total: int) -> None:
        """Say how many items there are in all."""
        self.total = total

    def watch(self, figures: Callable[[], Figures]) -> None:
        """Say whom to ask for figures."""
        self._figures = figures

    @property
    def share(self) -> float | None:
        """The share that is done; None where the total is not known."""
        return min(1.0, self.done / self.total) if self.total else None

    def words(self) -> list[str]:
        """Return the figures, each with its name, as they are now."""
        figures, now = self._figures(), self.clock()
        point = _Point(now, self.done - self.skipped, figures.requests or 0, figures.tokens or 0)
        while len(self._points) > 1 and now - self._points[0].at > WINDOW_SECONDS:
            self._points.popleft()
        first, seconds = self._points[0], now - self._points[0].at
        if now - self._points[-1].at >= 1:
            self._points.append(point)
        left = None if self.total is None else max(0, self.total - self.done)
        said = [f"{self.done:,} done"] if self.done or self.total is not None else []
        said += [f"{left:,} left"] if left is not None else []
        said += [f"{figures.failed:,} failed"] if figures.failed else []
        said += [f"{figures.in_flight:,} in flight"] if figures.in_flight is not None else []
        if seconds >= _LEAST_SECONDS:
            said += [f"{(point.requests - first.requests) / seconds:,.1f} requests/s"] if point.requests else []
            said += [f"{(point.tokens - first.tokens) / seconds:,.0f} tokens/s"] if point.tokens else []
        said += [f"cost {figures.cost:,.4f}"] if figures.cost is not None else []
        speed = (point.done - first.done) / seconds if seconds >= _LEAST_SECONDS else 0.0
        return said + ([f"about {clock_time(left / speed)} to go"] if left and speed > 0 else [])

    def totals(self) -> list[str]:
        """Return what there is to say of the stage at its end."""
        figures = self._figures()
        said = [f"{self.done:,} done", *([f"{figures.failed:,} failed"] if figures.failed else [])]
        said += [f"{figures.requests:,} requests"] if figures.requests else []
        said += [f"{figures.tokens:,} tokens"] if figures.tokens else []
        said += [f"cost {figures.cost:,.4f}"] if figures.cost is not None else []
        return [*said, f"in {clock_time(self.clock() - self.started)}"]


def clock_time(seconds: float) -> str:
    """``0:07``, ``12:30``, ``3:05:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
