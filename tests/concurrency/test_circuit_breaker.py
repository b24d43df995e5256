"""An endpoint that only fails is left alone; one that answers is asked on."""

from __future__ import annotations

import asyncio

from charbench.components.containment import Broken, guarded
from charbench.concurrency.circuit_breaker import FAILURES_TO_STOP, REFUSALS_TO_STOP, CircuitBreaker, TrialGate
from charbench.errors import RefusedError, SamplingError


def failed(error: Exception) -> Broken:
    """Return what becomes of a call that raises."""

    def call() -> None:
        raise error

    outcome = guarded(call)
    assert isinstance(outcome, Broken)
    return outcome


REFUSED = failed(RefusedError("no such model"))
BUSY = failed(SamplingError("busy", kind="server"))


def noted(*outcomes: object) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for outcome in outcomes:
        breaker.note(outcome)
    return breaker


def test_refusals_in_a_row_stop_it_and_the_reason_is_the_endpoints() -> None:
    assert noted(*[REFUSED] * (REFUSALS_TO_STOP - 1)).reason is None
    assert noted(*[REFUSED] * REFUSALS_TO_STOP).reason == "no such model"


def test_failures_in_a_row_stop_it_later_than_refusals() -> None:
    assert noted(*[BUSY] * (FAILURES_TO_STOP - 1)).reason is None
    assert noted(*[BUSY] * FAILURES_TO_STOP).reason == "busy"


def test_an_answer_begins_the_count_anew() -> None:
    few = [BUSY] * (FAILURES_TO_STOP - 1)
    assert noted(*few, "an answer", *few).reason is None


def test_until_one_is_answered_no_more_are_asked_at_once_than_may_be_refused() -> None:
    async def entered(outcome: object) -> int:
        breaker, inside = CircuitBreaker(), []
        gate = TrialGate(breaker)

        async def caller(number: int) -> None:
            await gate.enter()
            inside.append(number)

        callers = [asyncio.create_task(caller(number)) for number in range(10)]
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(inside) == REFUSALS_TO_STOP
        assert not gate.enter_now()
        breaker.note(outcome)
        gate.leave(outcome)
        for _ in range(20):
            await asyncio.sleep(0)
        for one in callers:
            one.cancel()
        return len(inside)

    assert asyncio.run(entered("an answer")) == 10
    assert asyncio.run(entered(REFUSED)) == REFUSALS_TO_STOP
    assert asyncio.run(entered(BUSY)) == REFUSALS_TO_STOP + 1
