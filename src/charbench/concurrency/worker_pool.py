"""Asking somebody else about many items: as many under way as the scorer allows, each kept as it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from charbench.components.containment import Broken, guarded_async
from charbench.components.limits import Limits
from charbench.concurrency.circuit_breaker import CircuitBreaker
from charbench.concurrency.retry import RetryPolicy
from charbench.domain.sample import Failure

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class UnderWay(Generic[T, R]):
    """Calls ``once(item)`` within ``limits``, and then awaits ``keep(item, result, failures)``.

    ``result`` is None where all tries failed; ``note_broken`` is told of it. The next item is taken only when the
    last is kept, so a killed process loses no more than what was under way. After too many failures in a row nothing
    more is taken: :attr:`given_up` says why.
    """

    once: Callable[[T], Awaitable[R]]
    keep: Callable[[T, R | None, tuple[Failure, ...]], Awaitable[None]]
    limits: Limits
    stopping: Callable[[], bool]
    note_broken: Callable[[Broken], None]
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)

    running: int = field(default=0, init=False)
    """Items that are under way."""

    def __post_init__(self) -> None:
        self._retries = RetryPolicy(self.limits, self.stopping)

    @property
    def given_up(self) -> str | None:
        """Why no more requests are sent, None while they are."""
        return self.breaker.reason

    async def run(self, items: Iterator[T]) -> None:
        """Go through the items; return when nothing is under way any more."""
        await asyncio.gather(*(self._work(items) for _ in range(self.limits.concurrency)))

    async def _work(self, items: Iterator[T]) -> None:
        for item in items:
            if self.breaker.reason:
                return
            failed: list[Failure] = []
            self.running += 1
            try:
                outcome = await guarded_async(self._retries.call, partial(self.once, item), failed=failed)
            finally:
                self.running -= 1
            if isinstance(outcome, Broken):
                if self.stopping():
                    return
                self.note_broken(outcome)
                failed.append(outcome.failure)
            self.breaker.note(outcome)
            await self.keep(item, None if isinstance(outcome, Broken) else outcome, tuple(failed))
