"""Circuit breaker: an endpoint that only fails is left alone. One event loop, one thread."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from charbench.components.containment import Broken
from charbench.errors import RefusedError

REFUSALS_TO_STOP = 3
"""Refusals in a row after which no further request is sent to an endpoint."""
FAILURES_TO_STOP = 8
"""Failed calls in a row, all their tries used up, after which no further request is sent."""


@dataclass(slots=True)
class CircuitBreaker:
    """Whether an endpoint is worth a request; ``reason`` is set once it is not."""

    refusals: int = 0
    failures: int = 0
    reason: str | None = None
    answered: bool = False
    """Whether it has answered once."""

    def note(self, outcome: object) -> None:
        """Count an answer, or a failure."""
        if not isinstance(outcome, Broken):
            self.refusals = self.failures = 0
            self.answered = True
            return
        self.failures += 1
        self.refusals += isinstance(outcome.error, RefusedError)
        if self.refusals >= REFUSALS_TO_STOP or self.failures >= FAILURES_TO_STOP:
            self.reason = outcome.message


class TrialGate:
    """Lets few requests through to a checkpoint until one is answered: the breaker's half-open state.

    A wrong key or an unknown model costs a few requests, and not the ``concurrency`` that may be in flight. A refused
    request leaves no place for the next one, so no more than :data:`REFUSALS_TO_STOP` are ever refused.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._places = asyncio.Semaphore(REFUSALS_TO_STOP)
        self._open = False

    async def enter(self) -> None:
        """Wait until few enough are inside, or one has been answered, or the breaker has tripped."""
        await self._places.acquire()

    def leave(self, breaker: CircuitBreaker, outcome: object) -> None:
        """Let the next one in, or everybody once it is known what the checkpoint is worth."""
        if (breaker.answered or breaker.reason) and not self._open:
            self._open = True
            for _ in range(self._concurrency):
                self._places.release()
        elif not (isinstance(outcome, Broken) and isinstance(outcome.error, RefusedError)):
            self._places.release()
