"""``RetryPolicy`` tries again what can help, waits no longer than it may, and says so when a wait is long."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import Limits, RetryPolicy, SamplingError
from charbench.concurrency import retry


class Clock:
    """Stands in for the module ``time``: sleeping takes no time, and is counted."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class Failing:
    """A call that fails with these errors, one after the other, and then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def busy(retry_after: float | None) -> SamplingError:
    return SamplingError("slow down", kind="rate_limit", retryable=True, retry_after=retry_after)


@pytest.mark.slow
@given(st.floats() | st.integers(-(10**400), 10**400) | st.none())
def test_whatever_an_endpoint_asks_for_the_wait_is_finite_and_at_most_max_wait(asked: float | None) -> None:
    clock, call, told = Clock(), Failing(busy(asked)), list[str]()
    policy = RetryPolicy(Limits(tries=2, max_wait=60, deadline=1000), report=told.append)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retry, "time", clock)
        assert policy.call_blocking(call) == "answer"
    assert 0 <= clock.now <= 60 + retry.FIRST_BACK_OFF
    assert bool(told) == (asked is not None and asked >= retry.REPORTED)
    if asked is not None and asked > 60:
        (line,) = told
        assert "waiting for 60 s, the limit (option max_wait)" in line
        assert ("an infinite time" in line) == (asked >= 1e12)


def test_a_wait_that_is_longer_than_an_answer_may_take_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, call, told = Clock(), Failing(busy(math.inf)), list[str]()
    monkeypatch.setattr(retry, "time", clock)
    with pytest.raises(SamplingError, match="slow down"):
        RetryPolicy(Limits(tries=5, max_wait=60, deadline=30), report=told.append).call_blocking(call)
    assert (call.calls, clock.now) == (1, 0)
    assert "that is longer than the deadline of one sample (30 s, option deadline)" in told[0]


@given(st.integers(1, 20), st.integers(0, 30))
def test_a_call_is_made_at_most_as_often_as_it_may_be(tries: int, failures: int) -> None:
    call = Failing(*[busy(None)] * failures)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retry, "time", Clock())
        policy = RetryPolicy(Limits(tries=tries, deadline=math.inf))
        if failures < tries:
            assert policy.call_blocking(call) == "answer"
        else:
            with pytest.raises(SamplingError):
                policy.call_blocking(call)
    assert call.calls == min(tries, failures + 1)


def test_what_no_further_try_can_help_is_raised_at_once() -> None:
    for error in (SamplingError("no such model"), ValueError("a bug")):
        call = Failing(error)
        with pytest.raises(type(error)):
            RetryPolicy(Limits(tries=5)).call_blocking(call)
        assert call.calls == 1


def test_other_errors_are_tried_again_where_the_caller_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "time", Clock())
    call = Failing(OSError("locked"), OSError("locked"))
    policy = RetryPolicy(Limits(tries=3), errors=(OSError,), retryable=lambda error: "locked" in str(error))
    assert policy.call_blocking(call) == "answer"
