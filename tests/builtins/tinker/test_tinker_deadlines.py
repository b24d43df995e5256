"""How long it takes until a fault of Tinker's is told: at most 15 seconds, counted on a clock of the test's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any

import pytest

from charbench import SamplingError
from charbench_plugins.sources.tinker.account import Account
from charbench_plugins.tinker_sdk import calls, reach, service
from charbench_plugins.tinker_sdk.watch import SILENCE, Watch, current
from support.clock import Clock, installed
from support.tinker_account import KEY

CLEAR_WITHIN = 15
"""Seconds from a fault to the line that tells it; importing the SDK comes on top."""


class Host:
    """Tinker's host as the health check sees it; ``dead`` is why it is not there, empty if it is."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.dead = clock, ""
        self.status: int | None = None
        """What a call is answered again and again while it lasts."""
        self.watch: Watch | None = None
        self.ended = threading.Event()
        self._looks = threading.Condition()
        self._until: float | None = None

    def look(self) -> str:
        """Answer a look that another thread makes: a dead host's takes its time, by the clock."""
        if self.dead:
            with self._looks:
                self._until = self.clock() + reach.LOOK_SECONDS
                self._looks.wait_for(lambda: self._until is None)
        return self.dead

    def wait(self, futures: set[Future[Any]], seconds: float) -> Any:
        """Stand in for ``wait``: the clock goes on, and the look that is under way ends when it is time."""
        self.clock.jump(seconds)
        if self.watch is not None and self.status is not None:
            self.watch.note(self.status)
        with self._looks:
            if self._until is not None and self.clock() >= self._until:
                self._until = None
                self._looks.notify_all()
        while self._until is None and reach.LOOKOUT._looking:
            time.sleep(0.001)  # it is about to begin or to end
        return wait(futures, 0)

    def never(self, *_arguments: Any, **_more: Any) -> None:
        """Be a call that never returns."""
        self.watch = current.get()
        self.ended.wait()


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host(installed(monkeypatch, sleeps=False))
    monkeypatch.setattr(reach, "LOOKOUT", reach.Lookout())
    monkeypatch.setattr("charbench_plugins.tinker_sdk.watch.LOOKOUT", reach.LOOKOUT)
    monkeypatch.setattr(reach, "look", host.look)
    monkeypatch.setattr(calls, "wait", host.wait)
    yield host
    host.ended.set()


class Rest:
    """The SDK's client, whose calls never return."""

    def __init__(self, host: Host) -> None:
        self.list_training_runs = self.list_user_checkpoints = host.never


def listing(host: Host) -> None:
    list(Account(Rest(host), 25).runs())


def connecting(host: Host) -> None:
    calls.call("connecting", host.never, seconds=service.OPEN_SECONDS, patience=service.OPEN_PATIENCE)


def training_step(host: Host) -> None:
    calls.submit("step 1", host.never)


def training_result(host: Host) -> None:
    class Later:
        result = staticmethod(host.never)

    calls.resolve("step 1", calls.submit("step 1", Later))


CALLS = [listing, connecting, training_step, training_result]


def seconds_until_it_is_told(host: Host, work: Callable[[Host], None], said: str) -> float:
    began = host.clock()
    with pytest.raises(SamplingError, match=said):
        work(host)
    return host.clock() - began


@pytest.mark.parametrize("work", CALLS)
def test_a_host_that_is_dead_or_dies_is_told_within_15_seconds(host: Host, work: Callable[[Host], None]) -> None:
    host.dead = "no answer within 4 s"
    took = seconds_until_it_is_told(host, work, "Tinker cannot be reached")
    assert SILENCE <= took <= CLEAR_WITHIN


@pytest.mark.parametrize("work", CALLS)
@pytest.mark.parametrize("status", [500, 503, 409, 429])
def test_trouble_that_lasts_is_told_within_15_seconds(host: Host, work: Callable[[Host], None], status: int) -> None:
    host.status = status
    assert seconds_until_it_is_told(host, work, "Tinker|409") <= CLEAR_WITHIN


@pytest.mark.parametrize("work", [listing, connecting])
def test_a_host_that_is_there_and_never_answers_is_told_within_15_seconds(
    host: Host, work: Callable[[Host], None]
) -> None:
    assert seconds_until_it_is_told(host, work, "no answer within 12 s") <= CLEAR_WITHIN


@pytest.mark.parametrize("connect", [service.open_rest, service.open_service])
def test_a_host_that_is_dead_from_the_start_is_told_within_15_seconds(
    monkeypatch: pytest.MonkeyPatch, connect: Callable[[], Any]
) -> None:
    took: list[float] = []

    def look() -> str:
        took.append(reach.LOOK_SECONDS)
        return "no answer within 4 s"

    monkeypatch.setenv("TINKER_API_KEY", KEY)
    monkeypatch.setattr(reach, "look", look)
    monkeypatch.setattr(service.time, "sleep", took.append)
    with pytest.raises(SamplingError, match="Tinker cannot be reached"):
        connect()
    assert len(took) == 3
    assert sum(took) <= CLEAR_WITHIN
