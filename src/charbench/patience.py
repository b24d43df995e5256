"""Calls to an endpoint within its limits: pace, time, tries, and back-off. One event loop, one thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

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
        self._back_off = wait_random_exponential(multiplier=FIRST_BACK_OFF, max=_LONGEST_BACK_OFF)

    async def call(
        self, once: Callable[[], Awaitable[T]], *, checkpoint: str | None = None, failed: list[Failure] | None = None
    ) -> T:
        """Return what ``once()`` returns, tried again while that is allowed and can help.

        A retryable :class:`SamplingError` is worth another try; a ``retry_after`` holds up every call. Raises
        the last try's error; ``failed`` gets the failures of the tries before it. A change of ``checkpoint``
        makes a pause of ``limits.checkpoint_delay``.
        """
        give_up_at = time.monotonic() + self.limits.deadline
        try:
            return await self._in_time(once, checkpoint)
        except SamplingError as error:
            if not self.worth_a_try(error):
                raise
            first = error
        noted = failed if failed is not None else []
        return await self._again(once, checkpoint, first, noted, give_up_at)

    def worth_a_try(self, error: BaseException) -> bool:
        """Return whether another try is allowed and could help."""
        return isinstance(error, SamplingError) and error.retryable and self.limits.tries > 1

    async def _again(
        self,
        once: Callable[[], Awaitable[T]],
        checkpoint: str | None,
        error: SamplingError,
        failed: list[Failure],
        give_up_at: float,
    ) -> T:
        """Try again after a first failure; notes each failed try but the last."""
        used = False

        async def attempt() -> T:
            nonlocal used, error
            if not used:  # tenacity begins with a try; ours has been made
                used = True
                raise error
            failed.append(Broken(error, "").failure)
            try:
                return await self._in_time(once, checkpoint)
            except SamplingError as new:
                error = new
                raise

        def wait(state: RetryCallState) -> float:
            if error.retry_after is not None:
                self._resume_at = max(self._resume_at, time.monotonic() + error.retry_after)
                return error.retry_after
            return self._back_off(state)

        def stop(state: RetryCallState) -> bool:
            return self.stopping() or time.monotonic() + state.upcoming_sleep > give_up_at

        retrying = AsyncRetrying(
            stop=lambda state: stop_after_attempt(self.limits.tries)(state) or stop(state),
            wait=wait,
            retry=retry_if_exception(self.worth_a_try),
            sleep=self._sleep,
            reraise=True,
        )
        answer: Any = await retrying(attempt)
        return answer  # type: ignore[no-any-return]

    async def _in_time(self, once: Callable[[], Awaitable[T]], checkpoint: str | None) -> T:
        await self._turn(checkpoint)
        try:
            async with asyncio.timeout(self.limits.timeout):
                return await once()
        except TimeoutError:
            raise DeadlineError(f"no answer within {self.limits.timeout:g} s") from None

    async def _turn(self, checkpoint: str | None) -> None:
        """Wait for this call's turn: the endpoint's own wish, the pace, and the pause between checkpoints."""
        if not (self._interval or self.limits.checkpoint_delay or self._resume_at):
            return
        now = time.monotonic()
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
