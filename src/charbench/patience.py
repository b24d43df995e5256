"""Calls to an endpoint within its limits: pace, time, tries, and back-off. One event loop, one thread."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from charbench.boundary import Broken
from charbench.components.limits import Limits
from charbench.domain.sample import Failure
from charbench.errors import DeadlineError, RefusedError, SamplingError

T = TypeVar("T")

REFUSALS_TO_STOP = 3
"""Refusals in a row after which an endpoint is not asked any more."""
FAILURES_TO_STOP = 8
"""Failed calls in a row, all their tries used up, after which it is not asked any more."""
FIRST_BACK_OFF = 1.0
"""Seconds before the second try, at most; each further try doubles it, and chance shortens it."""
_LONGEST_BACK_OFF = 30.0
_LOOK = 0.1
"""Seconds between looks at whether the user wants to stop."""


def never() -> bool:
    """Return False: nobody wants to stop."""
    return False


@dataclass(slots=True)
class Breaker:
    """Whether an endpoint is worth asking; ``reason`` is set once it is not."""

    refusals: int = 0
    failures: int = 0
    reason: str | None = None

    def note(self, outcome: object) -> None:
        """Count an answer, or a failure."""
        if not isinstance(outcome, Broken):
            self.refusals = self.failures = 0
            return
        self.failures += 1
        self.refusals += isinstance(outcome.error, RefusedError)
        if self.refusals >= REFUSALS_TO_STOP or self.failures >= FAILURES_TO_STOP:
            self.reason = outcome.message


@dataclass
class Patience:
    """Makes calls within ``limits``; ``stopping()`` says whether the user wants to stop.

    How many calls are under way at once (``limits.concurrency``) is up to the caller.
    """

    limits: Limits
    stopping: Callable[[], bool] = never
    _next_start: float = field(default=0.0, init=False)
    _resume_at: float = field(default=0.0, init=False)
    _checkpoint: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        per_minute = self.limits.requests_per_minute
        self._interval = max(self.limits.delay, 60.0 / per_minute if per_minute else 0.0)

    async def call(
        self, once: Callable[[], Awaitable[T]], *, checkpoint: str | None = None, failed: list[Failure] | None = None
    ) -> T:
        """Return what ``once()`` returns, tried again while that is allowed and can help.

        A retryable :class:`SamplingError` is worth another try; a ``retry_after`` holds up every call. Raises
        the last try's error; ``failed`` gets the failures of the tries before it. A change of ``checkpoint``
        makes a pause of ``limits.checkpoint_delay``. Waiting for the first turn is no part of the call's time.
        """
        await self._turn(checkpoint)
        give_up_at = time.monotonic() + self.limits.deadline
        tries = 1
        while True:
            try:
                return await self._in_time(once, give_up_at)
            except SamplingError as error:
                pause = self._pause(error, tries)
                too_late = time.monotonic() + pause > give_up_at
                if tries >= self.limits.tries or too_late or not self.worth_a_try(error):
                    raise
                await self._sleep(pause)
                if self.stopping():
                    raise
                if failed is not None:
                    failed.append(Broken(error, "").failure)
            tries += 1
            await self._turn(checkpoint)

    def worth_a_try(self, error: BaseException) -> bool:
        """Return whether another try is allowed and could help."""
        return isinstance(error, SamplingError) and error.retryable and self.limits.tries > 1

    def _pause(self, error: SamplingError, tries: int) -> float:
        """Return the seconds before the next try: the endpoint's wish, and a back-off that chance shortens."""
        wish = error.retry_after or 0.0
        if wish:
            self._resume_at = max(self._resume_at, time.monotonic() + wish)
        return wish + random.uniform(0, min(_LONGEST_BACK_OFF, FIRST_BACK_OFF * 2 ** (tries - 1)))  # noqa: S311

    async def _in_time(self, once: Callable[[], Awaitable[T]], give_up_at: float) -> T:
        seconds = min(self.limits.timeout, give_up_at - time.monotonic())
        try:
            async with asyncio.timeout(seconds):
                return await once()
        except TimeoutError:
            raise DeadlineError(f"no answer within {seconds:.3g} s") from None

    async def _turn(self, checkpoint: str | None) -> None:
        """Wait for this call's turn: the endpoint's own wish, the pace, and the pause between checkpoints.

        Raises :class:`SamplingError` where the endpoint wants to be left alone for longer than a call may take.
        """
        if not (self._interval or self.limits.checkpoint_delay or self._resume_at):
            return
        now = time.monotonic()
        if self._resume_at - now > self.limits.deadline:
            message = f"the endpoint wants no requests for another {self._resume_at - now:,.0f} s"
            raise SamplingError(message, kind="rate_limit")
        start = max(now, self._next_start, self._resume_at)
        if self._checkpoint not in (None, checkpoint):
            start += self.limits.checkpoint_delay
        self._checkpoint = checkpoint
        self._next_start = start + self._interval
        if start > now:
            await self._sleep(start - now)

    async def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.stopping():
            await asyncio.sleep(min(left, _LOOK))
