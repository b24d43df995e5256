"""A clock that tests put forward: what takes hours is tested at once, and no result depends on the machine's load."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest


class Clock:
    """Stands in for :func:`time.monotonic`: the real clock, and all that it was put forward by.

    Jumps are of minutes where the work between them takes milliseconds, so that sums of jumps can be told from it.
    """

    def __init__(self) -> None:
        self._real: Callable[[], float] = time.monotonic
        self._ahead = 0.0

    def __call__(self) -> float:
        """Return the seconds on this clock."""
        return self._real() + self._ahead

    def jump(self, seconds: float) -> None:
        """Put the clock forward, for everybody."""
        self._ahead += seconds


def installed(monkeypatch: pytest.MonkeyPatch, *, sleeps: bool) -> Clock:
    """Put a clock in place of ``time.monotonic``; with ``sleeps``, ``asyncio.sleep`` puts it forward and returns.

    Only a test in which nothing else is under way while somebody sleeps may have that: the sleeper would put the
    clock forward for those too.
    """
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    if sleeps:
        sleep: Callable[..., Any] = asyncio.sleep

        async def jump(seconds: float, *result: Any) -> Any:
            clock.jump(max(0.0, seconds))
            return await sleep(0, *result)

        monkeypatch.setattr(asyncio, "sleep", jump)
    return clock
