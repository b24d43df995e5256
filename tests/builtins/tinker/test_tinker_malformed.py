"""Whatever the SDK trips over in a reply is a malformed reply, which is tried again where that does nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from charbench import SamplingError
from charbench_plugins.tinker_sdk import calls


def nested() -> Any:
    return json.loads("[" * 200_000)


FAULTS: dict[str, Callable[[], Any]] = {
    "HTML": lambda: json.loads("<html>"),
    "no UTF-8": lambda: b"\xff".decode(),
    "nesting": nested,
    "a missing field": lambda: {}["sequences"],
    "a field of another type": lambda: None.tokens,  # type: ignore[attr-defined]
    "a number for a list": lambda: len(5),  # type: ignore[arg-type]
    "a number that is too large": lambda: float(10**400),
}


@pytest.fixture(autouse=True)
def _short_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.001)


@pytest.mark.parametrize("name", FAULTS)
def test_a_malformed_reply_is_bad_response_after_three_tries(name: str) -> None:
    made = []

    def asks() -> Any:
        made.append(1)
        return SimpleNamespace(result=FAULTS[name])

    with pytest.raises(SamplingError, match=r"^malformed reply from Tinker \(listing\): ") as told:
        calls.call("listing", asks)
    assert (told.value.kind, told.value.retryable, len(made)) == ("bad_response", True, 3)


def test_a_malformed_reply_that_passes_costs_a_try() -> None:
    replies: list[Callable[[], Any]] = [FAULTS["HTML"], lambda: "listed"]
    assert calls.call("listing", lambda: replies.pop(0)()) == "listed"


def test_what_must_not_be_done_twice_is_not_tried_again() -> None:
    replies: list[Callable[[], Any]] = [FAULTS["HTML"], lambda: "saved"]
    with pytest.raises(SamplingError, match="malformed reply"):
        calls.call("saving", lambda: replies.pop(0)(), tries=1)
    submitted = calls.submit("step 1", lambda: SimpleNamespace(result=FAULTS["HTML"]))
    with pytest.raises(SamplingError, match=r"malformed reply from Tinker \(step 1\)"):
        calls.resolve("step 1", submitted)


def test_sampling_is_told_of_a_malformed_reply() -> None:
    with pytest.raises(SamplingError, match="malformed reply") as told:
        asyncio.run(calls.call_async("sampling", lambda: SimpleNamespace(result=FAULTS["a missing field"])))
    assert told.value.kind == "bad_response"
