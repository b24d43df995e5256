"""Lets few requests through to a checkpoint until one is answered. One event loop, one thread."""

from __future__ import annotations

import asyncio

from charbench.components.containment import Broken
from charbench.concurrency.retry import REFUSALS_TO_STOP, Breaker
from charbench.errors import RefusedError


class Door:
    """A wrong key or an unknown model costs a few requests, and not the ``concurrency`` that may be in flight.

    Who is refused leaves no place for the next one, so no more than :data:`REFUSALS_TO_STOP` are ever refused.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._places = asyncio.Semaphore(REFUSALS_TO_STOP)
        self._open = False

    async def enter(self) -> None:
        """Wait until few enough are inside, or one has been answered, or the breaker has tripped."""
        await self._places.acquire()

    def leave(self, breaker: Breaker, outcome: object) -> None:
        """Let the next one in, or everybody once it is known what the checkpoint is worth."""
        if (breaker.answered or breaker.reason) and not self._open:
            self._open = True
            for _ in range(self._concurrency):
                self._places.release()
        elif not (isinstance(outcome, Broken) and isinstance(outcome.error, RefusedError)):
            self._places.release()
