"""Retries: which failures are tried again, after which wait, until when, and at which pace requests are sent.

:class:`RetryPolicy` is the one implementation for samplers, judges, Tinker and the store.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from charbench.components.containment import Broken
from charbench.components.limits import Limits
from charbench.domain.sample import Failure
from charbench.errors import DeadlineError, SamplingError
from charbench.text.redaction import redact
from charbench.text.terminal import sanitize

T = TypeVar("T")

FIRST_BACK_OFF = 1.0
"""Seconds before the second try, at most; each further try doubles it, and chance shortens it."""
LONGEST_BACK_OFF = 30.0
REPORTED = 5.0
"""Seconds from which on a wait that an endpoint asks for is reported when it begins."""
STOPPED = "interrupted"
"""Kind of failure of a call that was never made."""
_FOR_EVER = 1e12
"""Seconds that are told as an infinite time: 30,000 years."""
_LOOK = 0.1
"""Seconds between looks at whether the user wants to stop."""


def never() -> bool:
    """Return False: nobody wants to stop."""
    return False


async def at_once() -> None:
    """Return: there is room for a call."""


def warn(line: str) -> None:
    """Print a warning on stderr, without secrets and control characters."""
    print(f"warning: {sanitize(redact(line))}", file=sys.stderr, flush=True)  # noqa: T201


@dataclass(slots=True)
class TimeLeft:
    """Seconds that one answer may still take, where it needs several calls; waiting for a first turn is no part."""

    seconds: float


def is_retryable(error: BaseException) -> bool:
    """Return whether another try can help: a :class:`charbench.SamplingError` says so itself."""
    return isinstance(error, SamplingError) and error.retryable


@dataclass
class RetryPolicy:
    """Makes calls within ``limits``, and tries again what failed; ``stopping()`` says whether the user wants to stop.

    Only errors of the types ``errors`` for which ``retryable(error)`` holds are tried again. Before each further try
    there is a random wait of at most ``first_wait`` seconds (None: one second), which doubles with each try up to
    ``longest_wait``; a ``retry_after`` of a :class:`charbench.SamplingError` is added, cut to ``limits.max_wait``. How
    many calls are under way at once (``limits.concurrency``) is up to the caller; ``room()`` returns when there is
    room for another one. ``report`` is told of a long wait that ``who`` asks for when it begins. Use one policy from
    one event loop and one thread.
    """

    limits: Limits
    stopping: Callable[[], bool] = never
    room: Callable[[], Awaitable[None]] = at_once
    errors: tuple[type[BaseException], ...] = (SamplingError,)
    retryable: Callable[[BaseException], bool] = is_retryable
    first_wait: float | None = None
    longest_wait: float = LONGEST_BACK_OFF
    who: str = "the endpoint"
    report: Callable[[str], None] = warn
    _next_start: float = field(default=0.0, init=False)
    _resume_at: float = field(default=0.0, init=False)
    _report_from: float = field(default=0.0, init=False)
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
            raise SamplingError("stopped before it was sent", kind=STOPPED, retryable=True)
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
            except self.errors as error:
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
        return isinstance(error, self.errors) and self.retryable(error) and self.limits.tries > 1

    def call_blocking(self, once: Callable[[], T]) -> T:
        """Do as :meth:`call` does, for a call that blocks this thread; raises the last try's error.

        Nobody can end a call that blocks, so ``limits.timeout`` is for ``once`` to keep; there is no pace either.
        """
        give_up_at = time.monotonic() + self.limits.deadline
        tries = 1
        while True:
            try:
                return once()
            except self.errors as error:
                pause = self._pause(error, tries)
                too_late = time.monotonic() + pause > give_up_at
                if tries >= self.limits.tries or too_late or self.stopping() or not self.worth_a_try(error):
                    raise
            until = time.monotonic() + pause
            while (left := until - time.monotonic()) > 0 and not self.stopping():
                time.sleep(min(left, _LOOK))
            tries += 1

    def _pause(self, error: BaseException, tries: int) -> float:
        """Return the seconds before the next try: the endpoint's wish, and a back-off that chance shortens."""
        wish = self._wish(error)
        if wish:
            self._resume_at = max(self._resume_at, time.monotonic() + wish)
        first = FIRST_BACK_OFF if self.first_wait is None else self.first_wait
        return wish + random.uniform(0, min(self.longest_wait, first * 2.0 ** min(tries - 1, 30)))  # noqa: S311

    def _wish(self, error: BaseException) -> float:
        """Return the seconds that the endpoint wants to be left alone, cut to ``limits.max_wait``."""
        asked = getattr(error, "retry_after", None)
        if not isinstance(asked, int | float) or not asked > 0:  # None, NaN, or in the past
            return 0.0
        wait = min(asked, self.limits.max_wait)
        now = time.monotonic()
        if asked >= REPORTED and now >= self._report_from:  # the other requests in flight are told the same
            self._report_from = now + max(wait, REPORTED)
            what = f"{self.who} asks for a pause of {_seconds(asked)} (Retry-After)"
            self.report(f"{what}; {self._told(asked, wait)}")
        return wait

    def _told(self, asked: float, wait: float) -> str:
        if wait > self.limits.deadline:
            return f"that is longer than the deadline of one sample ({self.limits.deadline:g} s, option deadline)"
        return f"waiting for {_seconds(wait)}{', the limit (option max_wait)' if wait < asked else ''}"

    async def _in_time(self, once: Callable[[], Awaitable[T]], give_up_at: float) -> T:
        left = max(0.0, give_up_at - time.monotonic())
        seconds = min(self.limits.timeout, left)
        try:
            async with asyncio.timeout(seconds):
                return await once()
        except TimeoutError:
            whole = "" if left > self.limits.timeout else f", the deadline of {self.limits.deadline:g} s for one sample"
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
            message = f"the endpoint asks for a pause of another {self._resume_at - now:,.0f} s"
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


def _seconds(number: float) -> str:
    return f"{number:,.0f} s" if number < _FOR_EVER else "an infinite time"
