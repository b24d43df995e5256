"""Asks for one sample: the conversation, its tries, and the circuit breaker. One event loop, one thread."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from charbench.boundary import Broken, guarded_async
from charbench.components.limits import Limits
from charbench.components.sampler import Sampler, SampleRequest
from charbench.domain.sample import Completion, Failure
from charbench.engine.turns import next_turn
from charbench.patience import Breaker, Patience


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request; ``outcome`` None: it was given up because the run stops."""

    outcome: Completion | Broken | None
    failed_tries: tuple[Failure, ...] = ()


@dataclass
class Asker:
    """Asks one sampler's endpoint, within its limits."""

    sampler: Sampler
    limits: Limits
    stopping: Callable[[], bool]
    breakers: dict[str, Breaker] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._patience = Patience(self.limits, self.stopping)
        self._is_async = inspect.iscoroutinefunction(self.sampler.sample)

    def breaker(self, uri: str) -> Breaker:
        """Return the breaker of a checkpoint."""
        return self.breakers.setdefault(uri, Breaker())

    async def ask(self, request: SampleRequest) -> Answer:
        """Ask until there is an answer, no more try is allowed, or the run stops."""
        failed: list[Failure] = []
        uri = request.checkpoint.uri
        outcome = await guarded_async(self._patience.call, partial(self._once, request), checkpoint=uri, failed=failed)
        if isinstance(outcome, Broken) and self.stopping() and self._patience.worth_a_try(outcome.error):
            return Answer(None)
        self.breaker(uri).note(outcome)
        return Answer(outcome, tuple(failed))

    async def _once(self, request: SampleRequest) -> Completion:
        started = time.monotonic()
        completion = await self._converse(request)
        if completion.latency is None:
            completion = replace(completion, latency=time.monotonic() - started)
        return completion

    async def _converse(self, request: SampleRequest) -> Completion:
        """Ask, and put the prompt's follow-ups after the answer; the last answer is the sample."""
        completion = await self._send(request)
        while request.prompt.follow_ups:
            request = next_turn(request, completion)
            completion = await self._send(request)
        return completion

    async def _send(self, request: SampleRequest) -> Completion:
        sample: Any = self.sampler.sample
        given = await sample(request) if self._is_async else await asyncio.to_thread(sample, request)
        if not isinstance(given, Completion):
            raise TypeError(f"{self.sampler.name}.sample() gave {type(given).__name__}, not a Completion")
        return given
