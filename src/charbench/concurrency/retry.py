"""Calls to an endpoint within its limits: pace, time, tries, and back-off. One event loop, one thread."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from charbench.components.containment import Broken
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
STOPPED = "interrupted"
"""Kind of failure of a call that was never made."""
_LOOK = 0.1
"""Seconds between looks at whether the user wants to stop."""


def never() -> bool:
    """Return False: nobody wants to stop."""
    return False


async def at_once() -> None:
    """Return: there is room for a call."""


@dataclass(slots=True)
class Breaker:
    """Whether an endpoint is worth asking; ``reason`` is set once it is not."""

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


@dataclass(slots=True)
class TimeLeft:
    """Seconds that one answer may still take, where it needs several calls; waiting for a first turn is no part."""

    seconds: float


@dataclass
class Patience:
    """Makes calls within ``limits``; ``stopping()`` says whether the user wants to stop.

    How many calls are under way at once (``limits.concurrency``) is up to the caller; ``room()`` returns when
    there is room for another one.
    """

    limits: Limits
    stopping: Callable[[], bool] = never
    room: Callable[[], Awaitable[None]] = at_once
    _next_start: float = field(default=0.0, init=False)
    _resume_at: float = field(default=0.0, init=False)
    _checkpoint: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        per_minute = self.limits.requests_per_minute
        self._interval = max(self.limits.delay, 60.0 / per_minute if per_minute else 0.0)

    async def call(
        self,
        once: Callable[[], Awaitable[T]],
        *,
        checkpoint: str | None = None,
        failed: list[Failure] | None = None,
        left: TimeLeft | None = None,
    ) -> T:
        """Return what ``once()`` returns, tried again while that is allowed and can help.

        A retryable :class:`SamplingError` is worth another try; a ``retry_after`` holds up every call. Raises
        the last try's error; ``failed`` gets the failures of the tries before it. A change of ``checkpoint``
        makes a pause of ``limits.checkpoint_delay``. Waiting for the first turn is no part of the call's time:
        that is ``left``, which it is taken from, or else ``limits.deadline``.
        """
        left = left or TimeLeft(self.limits.deadline)
        if await self._turn(checkpoint):
            raise SamplingError("stopped before its turn came", kind=STOPPED, retryable=True)
        give_up_at = time.monotonic() + left.seconds
        try:
            return await self._try(once, checkpoint, failed, give_up_at)
        finally:
            left.seconds = give_up_at - time.monotonic()

    async def _try(
        self, once: Callable[[], Awaitable[T]], checkpoint: str | None, failed: list[Failure] | None, give_up_at: float
    ) -> T:
        tries = 1
        while True:
            try:
                return await self._in_time(once, give_up_at)
            except SamplingError as error:
                pause = self._pause(error, tries)
                too_late = self._next_turn(pause, checkpoint) > give_up_at
                if tries >= self.limits.tries or too_late or not self.worth_a_try(error):
                    raise
                await self._sleep(pause)
                if self.stopping() or self._next_turn(0, checkpoint) > give_up_at or await self._turn(checkpoint):
                    raise
                if failed is not None:
                    failed.append(Broken(error, "").failure)
            tries += 1

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
        left = max(0.0, give_up_at - time.monotonic())
        seconds = min(self.limits.timeout, left)
        try:
            async with asyncio.timeout(seconds):
                return await once()
        except TimeoutError:
            whole = "" if left > self.limits.timeout else f", the end of the {self.limits.deadline:g} s for one answer"
            raise DeadlineError(f"no answer within {seconds:.3g} s{whole}") from None

    async def _turn(self, checkpoint: str | None) -> bool:
        """Wait for this call's turn, and then for room; return True where the user wanted to stop before it came."""
        stopped = await self._pace(checkpoint)
        if not stopped:
            await self.room()
        return stopped

    async def _pace(self, checkpoint: str | None) -> bool:
        """Wait as long as the endpoint's own wish, the pace, and the pause between checkpoints want it.

        Return True where the user wanted to stop before it came. Raises :class:`SamplingError` where the endpoint
        wants to be left alone for longer than a call may take.
        """
        if not (self._interval or self.limits.checkpoint_delay or self._resume_at):
            return False
        now = time.monotonic()
        if self._resume_at - now > self.limits.deadline:
            message = f"the endpoint wants no requests for another {self._resume_at - now:,.0f} s"
            raise SamplingError(message, kind="rate_limit")
        start = self._next_turn(0, checkpoint)
        self._checkpoint = checkpoint
        self._next_start = start + self._interval
        if start <= now:
            return False
        await self._sleep(start - now)
        return self.stopping()

    def _next_turn(self, pause: float, checkpoint: str | None) -> float:
        """Return when a call that waits for ``pause`` seconds may start, by the clock of ``time.monotonic``."""
        start = max(time.monotonic() + pause, self._next_start, self._resume_at)
        return start + (self.limits.checkpoint_delay if self._checkpoint not in (None, checkpoint) else 0.0)

    async def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.stopping():
            await asyncio.sleep(min(left, _LOOK))
