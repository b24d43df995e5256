"""Asks for one sample: pace, deadline, tries, back-off, and the circuit breaker. One event loop, one thread."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from charbench.boundary import Broken, guarded_async
from charbench.components.sampler import Limits, Sampler, SampleRequest
from charbench.domain.prompt import Message, Prompt
from charbench.domain.sample import Completion, Failure
from charbench.errors import DeadlineError, RefusedError, SamplingError
from charbench.thinking import attribute

REFUSALS_TO_STOP = 3
"""Refusals in a row after which a checkpoint is not asked any more."""
FAILURES_TO_STOP = 8
"""Failed samples in a row, all their tries used up, after which it is not asked any more."""
_LONGEST_BACK_OFF = 30.0
_LOOK = 0.1
"""Seconds between looks at whether the user wants to stop."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request; ``outcome`` None: it was given up because the run stops."""

    outcome: Completion | Broken | None
    failed_tries: tuple[Failure, ...] = ()


@dataclass(slots=True)
class Breaker:
    """Whether one checkpoint is worth asking; ``reason`` is set once it is not."""

    refusals: int = 0
    failures: int = 0
    reason: str | None = None

    def note(self, outcome: Completion | Broken) -> None:
        """Count an answer or a failure."""
        if not isinstance(outcome, Broken):
            self.refusals = self.failures = 0
            return
        self.failures += 1
        self.refusals += isinstance(outcome.error, RefusedError)
        if self.refusals >= REFUSALS_TO_STOP or self.failures >= FAILURES_TO_STOP:
            self.reason = outcome.message


@dataclass
class Asker:
    """Asks one sampler's endpoint, within its limits."""

    sampler: Sampler
    limits: Limits
    stopping: Callable[[], bool]
    breakers: dict[str, Breaker] = field(default_factory=dict)
    _next_start: float = 0.0
    _resume_at: float = 0.0
    _checkpoint: str | None = None

    def __post_init__(self) -> None:
        per_minute = self.limits.requests_per_minute
        self._interval = max(self.limits.delay, 60.0 / per_minute if per_minute else 0.0)
        self._is_async = inspect.iscoroutinefunction(self.sampler.sample)
        self._back_off = wait_random_exponential(multiplier=1, max=_LONGEST_BACK_OFF)

    def breaker(self, uri: str) -> Breaker:
        """Return the breaker of a checkpoint."""
        return self.breakers.setdefault(uri, Breaker())

    async def ask(self, request: SampleRequest) -> Answer:
        """Ask until there is an answer, no more try is allowed, or the run stops."""
        failed: list[Failure] = []
        give_up_at = time.monotonic() + self.limits.deadline
        outcome = await guarded_async(self._once, request)
        if isinstance(outcome, Broken) and self._worth_a_try(outcome.error):
            outcome = await guarded_async(self._again, request, outcome, failed, give_up_at)
        if isinstance(outcome, Broken) and self.stopping() and self._worth_a_try(outcome.error):
            return Answer(None)
        self.breaker(request.checkpoint.uri).note(outcome)
        return Answer(outcome, tuple(failed))

    async def _again(
        self, request: SampleRequest, first: Broken, failed: list[Failure], give_up_at: float
    ) -> Completion:
        """Try again after a first failure; notes each failed try but the last."""
        error: BaseException = first.error
        used = False

        async def attempt() -> Completion:
            nonlocal used, error
            if not used:  # tenacity begins with a try; ours has been made
                used = True
                raise error
            failed.append(Broken(error, "").failure)
            try:
                return await self._once(request)
            except SamplingError as new:
                error = new
                raise

        def wait(state: RetryCallState) -> float:
            after = getattr(error, "retry_after", None)
            if after is not None:
                self._resume_at = max(self._resume_at, time.monotonic() + after)
                return float(after)
            return self._back_off(state)

        def stop(state: RetryCallState) -> bool:
            return self.stopping() or time.monotonic() + state.upcoming_sleep > give_up_at

        retrying = AsyncRetrying(
            stop=lambda state: stop_after_attempt(self.limits.tries)(state) or stop(state),
            wait=wait,
            retry=retry_if_exception(self._worth_a_try),
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(attempt)

    def _worth_a_try(self, error: BaseException) -> bool:
        return isinstance(error, SamplingError) and error.retryable and self.limits.tries > 1

    async def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.stopping():
            await asyncio.sleep(min(left, _LOOK))

    async def _once(self, request: SampleRequest) -> Completion:
        await self._turn(request.checkpoint.uri)
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.limits.timeout):
                completion = await self._converse(request)
        except TimeoutError:
            raise DeadlineError(f"no answer within {self.limits.timeout:g} s") from None
        if completion.latency is None:
            completion = replace(completion, latency=time.monotonic() - started)
        return completion

    async def _turn(self, uri: str) -> None:
        """Wait for this request's turn: the endpoint's own wish, the pace, and the pause between checkpoints."""
        if not (self._interval or self.limits.checkpoint_delay or self._resume_at):
            return
        now = time.monotonic()
        start = max(now, self._next_start, self._resume_at)
        if self._checkpoint not in (None, uri):
            start += self.limits.checkpoint_delay
        self._checkpoint = uri
        self._next_start = start + self._interval
        if start > now:
            await self._sleep(start - now)

    async def _converse(self, request: SampleRequest) -> Completion:
        """Ask, and put the prompt's follow-ups after the answer; the last answer is the sample."""
        completion = await self._send(request)
        messages = request.prompt.messages
        for follow_up in request.prompt.follow_ups:
            said = attribute(completion).response
            messages = (*messages, Message("assistant", said), Message("user", follow_up))
            prompt = Prompt(request.prompt.id, messages, request.prompt.family, request.prompt.language)
            completion = await self._send(replace(request, prompt=prompt))
        return completion

    async def _send(self, request: SampleRequest) -> Completion:
        sample: Any = self.sampler.sample
        given = await sample(request) if self._is_async else await asyncio.to_thread(sample, request)
        if not isinstance(given, Completion):
            raise TypeError(f"{self.sampler.name}.sample() gave {type(given).__name__}, not a Completion")
        return given
