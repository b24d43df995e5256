"""Circuit breaker: an endpoint that only fails is left alone. One event loop, one thread."""

from __future__ import annotations

import asyncio
from collections import deque
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
    request leaves no place for the next one, so no more than :data:`REFUSALS_TO_STOP` are ever refused. Once the
    breaker has an answer or has tripped, there is a place for everybody.
    """

    def __init__(self, breaker: CircuitBreaker) -> None:
        self._breaker = breaker
        self._places = REFUSALS_TO_STOP
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter_now(self) -> bool:
        """Take a place; False where there is none before one of those inside has left."""
        if self._breaker.answered or self._breaker.reason:
            return True
        if not self._places:
            return False
        self._places -= 1
        return True

    async def enter(self) -> None:
        """Wait until there is a place, and take it."""
        while not self.enter_now():
            self._waiting.append(place := asyncio.get_running_loop().create_future())
            await place

    def leave(self, outcome: object) -> None:
        """Give the place back, once the breaker has noted the outcome."""
        if not (isinstance(outcome, Broken) and isinstance(outcome.error, RefusedError)):
            self._places += 1
        waiting, self._waiting = self._waiting, deque()
        for place in waiting:
            if not place.done():
                place.set_result(None)
