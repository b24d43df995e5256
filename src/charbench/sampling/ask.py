"""Asks samplers: conversations turn by turn, the tries of each request, and the circuit breaker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from operator import add
from typing import Any, TypeVar

from charbench.components.calling import awaited, is_async, items, must_be_awaited
from charbench.components.containment import Broken, guarded_async
from charbench.components.limits import Limits
from charbench.components.sampler import Sampler, SampleRequest
from charbench.concurrency.circuit_breaker import CircuitBreaker, TrialGate
from charbench.concurrency.retry import STOPPED, RetryPolicy, TimeLeft
from charbench.concurrency.threads import in_a_thread
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.end_reasons import EndReason, end_reason
from charbench.domain.prompt import Message, Prompt
from charbench.domain.sample import Completion, Failure, Usage
from charbench.domain.thinking import attribute
from charbench.errors import DeadlineError, SamplingError

T = TypeVar("T")

_LOOK = 0.1
"""Seconds between looks at whether a call that was given up has ended."""


@dataclass(frozen=True, slots=True)
class AskResult:
    """What became of one request; ``outcome`` None: it was not asked, or given up because the run stops."""

    outcome: Completion | Broken | None
    failed_tries: tuple[Failure, ...] = ()


@dataclass
class Asker:
    """Asks one sampler's endpoint, within its limits; ``paid`` is told the tokens of every request.

    A sampler that is not ``async`` is asked in threads. A thread cannot be stopped: one whose call took too long
    still counts as under way until it ends.
    """

    sampler: Sampler
    limits: Limits
    stopping: Callable[[], bool]
    paid: Callable[[Checkpoint, Usage], None]
    breakers: dict[str, CircuitBreaker] = field(default_factory=dict)
    _gates: dict[str, TrialGate] = field(default_factory=dict)
    _one_by_one: set[str] = field(default_factory=set)
    """Checkpoints whose server gives fewer answers to a request than it is asked for."""

    def __post_init__(self) -> None:
        who = f"sampler {self.sampler.name}: its endpoint"
        self._retries = RetryPolicy(self.limits, self.stopping, self._room, who=who)
        self._tries = 0
        self._given_up: list[Future[Any]] = []
        self._waits = {name for name in ("sample", "sample_epochs") if is_async(getattr(self.sampler, name))}
        self._places: AbstractAsyncContextManager[Any] = nullcontext()
        self._freed: Callable[[str], None] = _tell_nobody

    @property
    def in_flight(self) -> int:
        """Requests that were sent and are not answered."""
        return self._tries

    def begin(self, freed: Callable[[str], None]) -> None:
        """Get ready for an event loop: what requests wait at belongs to one.

        ``freed`` is told the URI of a checkpoint for which :meth:`enter` may have another answer now.
        """
        self._gates.clear()
        self._freed = freed
        if self.sampler.epochs_at_once > 1:  # else there are no more callers than requests may be in flight
            self._places = asyncio.Semaphore(self.limits.concurrency)

    def breaker(self, uri: str) -> CircuitBreaker:
        """Return the breaker of a checkpoint."""
        if (breaker := self.breakers.get(uri)) is None:
            breaker = self.breakers[uri] = CircuitBreaker()
        return breaker

    def enter(self, uri: str) -> bool:
        """Take a place for one question to a checkpoint; False while it has not answered yet and has enough of them.

        Who has it asks with ``has_place``, or with :meth:`ask_together`, and so gives it back.
        """
        breaker = self.breaker(uri)
        return breaker.answered or self._gate(uri, breaker).enter_now()

    def _gate(self, uri: str, breaker: CircuitBreaker) -> TrialGate:
        return self._gates.get(uri) or self._gates.setdefault(uri, TrialGate(breaker))

    async def ask(
        self, request: SampleRequest, first: AskResult | None = None, *, has_place: bool = False
    ) -> AskResult:
        """Ask until there is an answer, no more try is allowed, or the run stops.

        ``first`` is what :meth:`ask_together` has brought for the prompt; its follow-ups are asked from there.
        ``has_place``: :meth:`enter` has let the question in; otherwise it waits until there is a place.
        """
        said: Completion | None = None
        failed: list[Failure] = []
        if first is not None:
            if not isinstance(first.outcome, Completion) or not request.prompt.follow_ups:
                return first
            said, failed = first.outcome, list(first.failed_tries)
        talk = partial(self._converse, request, said, failed)
        outcome = await self._within_limits(request.checkpoint.uri, talk, begun=said is not None, has_place=has_place)
        return AskResult(outcome, tuple(failed))

    async def _room(self) -> None:
        """Wait until fewer calls are under way than may be; raises :class:`DeadlineError` where that never comes."""
        wait_until = time.monotonic() + self.limits.deadline
        while self._tries + self._still_running() >= self.limits.concurrency:
            if self.stopping() or time.monotonic() > wait_until:
                raise DeadlineError("not sent: requests that timed out are still running")
            await asyncio.sleep(_LOOK)

    def _still_running(self) -> int:
        self._given_up = [call for call in self._given_up if not call.done()]
        return len(self._given_up)

    async def ask_together(self, requests: Sequence[SampleRequest]) -> list[AskResult]:
        """Ask one question once for several epochs; return the answers that came, at most one for each.

        :meth:`enter` has let the question in.
        A checkpoint that has given fewer than it was asked for is not asked so again: there are none then.
        """
        uri = requests[0].checkpoint.uri
        if uri in self._one_by_one:
            return []
        failed: list[Failure] = []
        outcome = await self._within_limits(
            uri, partial(self._call, requests, failed, TimeLeft(self.limits.deadline)), begun=False, has_place=True
        )
        if not isinstance(outcome, list):
            return [AskResult(outcome, tuple(failed))] * len(requests)
        if len(outcome) < len(requests):
            self._one_by_one.add(uri)
        return [AskResult(completion, tuple(failed)) for completion in outcome[: len(requests)]]

    async def _within_limits(
        self, uri: str, talk: Callable[[], Awaitable[T]], *, begun: bool, has_place: bool
    ) -> T | Broken | None:
        """Return what ``talk()`` returns or raises; None where the breaker or the end of the run is in the way."""
        breaker = self.breaker(uri)
        gate = None if breaker.answered else self._gate(uri, breaker)
        async with self._places:
            if gate is not None and not has_place:
                await gate.enter()
            outcome: T | Broken | None = None
            try:
                if not breaker.reason and (begun or not self.stopping()):
                    outcome = await guarded_async(talk)
                    if isinstance(outcome, Broken) and self.stopping() and self._can_be_asked_later(outcome):
                        outcome = None
                    else:
                        breaker.note(outcome)
            finally:
                if gate is not None:
                    gate.leave(outcome)
                    self._freed(uri)
        return outcome

    def _can_be_asked_later(self, broken: Broken) -> bool:
        return broken.failure.kind == STOPPED or self._retries.worth_a_try(broken.error)

    async def _converse(self, request: SampleRequest, said: Completion | None, failed: list[Failure]) -> Completion:
        """Ask, and put the prompt's follow-ups after the answer; the last answer is the sample.

        Each turn is a request with its own tries; the deadline is one for all of them.
        """
        left = TimeLeft(self.limits.deadline)
        completion = said or (await self._call([request], failed, left))[0]
        while request.prompt.follow_ups:
            request = next_turn(request, completion)
            completion = in_one(completion, (await self._call([request], failed, left))[0])
        return completion

    async def _call(self, requests: Sequence[SampleRequest], failed: list[Failure], left: TimeLeft) -> list[Completion]:
        """Make one request for these epochs of a question, with its tries."""
        uri = requests[0].checkpoint.uri
        return await self._retries.call(partial(self._once, requests), checkpoint=uri, failed=failed, left=left)

    async def _once(self, requests: Sequence[SampleRequest]) -> list[Completion]:
        started = time.monotonic()
        self._tries += 1
        try:
            given = [await self._send(requests[0])] if len(requests) == 1 else await self._send_together(requests)
        finally:
            self._tries -= 1
        seconds = time.monotonic() - started
        self.paid(requests[0].checkpoint, reduce(add, (completion.usage for completion in given)))
        given = _without_errors(given)
        return [c if c.latency is not None else replace(c, latency=seconds) for c in given]

    async def _send(self, request: SampleRequest) -> Completion:
        given = await self._given("sample", request)
        if not isinstance(given, Completion):
            raise TypeError(f"{self.sampler.name}.sample() gave {type(given).__name__}, not a Completion")
        return given

    async def _send_together(self, requests: Sequence[SampleRequest]) -> list[Completion]:
        given = await self._given("sample_epochs", requests)
        if not given or not all(isinstance(one, Completion) for one in given):
            raise TypeError(f"{self.sampler.name}.sample_epochs() has to give Completions, one or more")
        return list(given)

    async def _given(self, name: str, asked: Any) -> Any:
        """Return what a method of the sampler gives: a plain one is called in a thread, what it returns is awaited."""
        method = getattr(self.sampler, name)
        if name in self._waits:
            return await awaited(method(asked))
        given = await self._in_a_thread(partial(method, asked))
        return await awaited(given) if must_be_awaited(given) else given

    async def _in_a_thread(self, ask: Callable[[], Any]) -> Any:
        call = in_a_thread(ask, "sample")
        try:
            given = await asyncio.wrap_future(call)
        finally:
            if not call.done():
                self._given_up.append(call)
        if isinstance(given, Broken):
            raise given.error
        return given


def _tell_nobody(_uri: str) -> None:
    """Do nothing: nobody waits for a place."""


def _without_errors(given: list[Completion]) -> list[Completion]:
    """Return the replies that the server did not give up; raises where it gave up all of them."""
    whole = [one for one in given if end_reason(one.finish_reason) is not EndReason.ERROR]
    if not whole:
        reason = given[0].finish_reason
        raise SamplingError(f"the server ended the reply: {reason}", kind="server_error", retryable=True)
    return whole


def next_turn(request: SampleRequest, said: Completion) -> SampleRequest:
    """Return the request that goes on after an answer: the answer's response, and the first follow-up."""
    prompt = request.prompt
    told = Message("assistant", attribute(said).response)
    messages = (*prompt.messages, told, Message("user", prompt.follow_ups[0]))
    return replace(request, prompt=Prompt(prompt.id, messages, prompt.family, prompt.language, prompt.follow_ups[1:]))


def in_one(before: Completion, last: Completion) -> Completion:
    """Return the last answer of a conversation, with the tokens and the seconds of all of it."""
    known = [seconds for seconds in (before.latency, last.latency) if seconds is not None]
    return replace(last, usage=before.usage + last.usage, latency=sum(known) if known else None)


def sample_with_follow_ups(sampler: Sampler, requests: Sequence[SampleRequest]) -> list[Completion]:
    """Answer a batch; a prompt with follow-ups is asked turn after turn, and its last answer is the sample."""
    answers = list(items(sampler, sampler.sample_batch(requests)))
    if wrong := next((one for one in answers if not isinstance(one, Completion)), None):
        raise TypeError(f"{sampler.name}.sample_batch() gave {type(wrong).__name__}, not a Completion")
    if len(answers) != len(requests):
        raise TypeError(f"{sampler.name}.sample_batch() gave {len(answers)} for {len(requests)} requests")
    open_ones = [
        index
        for index, request in enumerate(requests)
        if request.prompt.follow_ups and request.recorded is None and answers[index].failure is None
    ]
    if open_ones:
        later = [next_turn(requests[index], answers[index]) for index in open_ones]
        for index, answer in zip(open_ones, sample_with_follow_ups(sampler, later), strict=True):
            answers[index] = in_one(answers[index], answer)
    return answers
