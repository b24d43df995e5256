"""A real server behind a real proxy that fails: nothing is lost, doubled, or asked more often than allowed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from peers.nginx import PASSING, RETRY_AFTER, FailingProxy, Logged
from peers.sampling import evaluate, rows
from support.command import Charbench
from support.store import assert_each_exactly_once, assert_totals_equal_recount, query, store_of

pytestmark = pytest.mark.peer

TRIES = 3
KINDS = {
    "429": "rate_limit",
    "500": "server",
    "reset": "connection",
    "truncated": "bad_response",
    "html": "bad_response",
}
ALL = 10  # five prompts, with the adapter and without it


def stored(folder: Path) -> list[Any]:
    return [*rows(folder, "pirate"), *rows(folder, "bland")]


def came_in_spite_of_a_wish(requests: Sequence[Logged]) -> list[Logged]:
    """Return the requests that came while the endpoint wanted to be left alone.

    What came before the refusal was read (a tenth of a second, on a busy machine) is not meant.
    """
    wishes = [one.ended for one in requests if one.status == "429"]
    return [one for one in requests if any(w + 0.1 < one.began < w + 0.95 * RETRY_AFTER for w in wishes)]


@pytest.fixture(autouse=True)
def _short_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.01)


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_in_half_of_the_requests_costs_tries_and_each_is_recorded(
    charbench: Charbench, tmp_path: Path, failing_proxy: FailingProxy, fault: str
) -> None:
    ended = evaluate(charbench, tmp_path, failing_proxy.url(fault), tries=20, concurrency=2)
    assert ended.code == 0, ended.err
    assert_each_exactly_once(store_of(tmp_path), ALL)
    assert_totals_equal_recount(store_of(tmp_path))
    assert all((row.response or row.thinking) and row.error_kind is None for row in stored(tmp_path))
    failed = query(store_of(tmp_path), "SELECT error_kind FROM attempts")
    assert {row.error_kind for row in failed} <= {KINDS[fault]}
    told = failing_proxy.answered(fault)
    assert sum(told.values()) == ALL + len(failed)
    assert failed, "nginx failed none of them"
    if fault == "429":
        assert came_in_spite_of_a_wish(failing_proxy.requests(fault)) == []


@pytest.mark.parametrize("fault", [*PASSING, "silence", "trickle"])
def test_a_fault_that_stays_is_recorded_after_the_allowed_tries_and_no_more(
    charbench: Charbench, tmp_path: Path, failing_proxy: FailingProxy, fault: str
) -> None:
    path = f"{fault}-always" if fault in PASSING else fault
    limits = {"tries": TRIES, "concurrency": 10, "timeout": 1.0 if fault not in PASSING else 60}
    ended = evaluate(charbench, tmp_path, failing_proxy.url(path), **limits)
    assert ended.code == 1
    assert len(stored(tmp_path)) == ALL
    assert {(row.error_kind, row.response) for row in stored(tmp_path)} == {(KINDS.get(fault, "timeout"), "")}
    assert all(row.error and row.attempt == TRIES for row in stored(tmp_path))
    assert_totals_equal_recount(store_of(tmp_path))
    if fault in PASSING:
        assert sum(failing_proxy.answered(path).values()) == ALL * TRIES
    if fault == "reset":
        assert {(one.status, one.sent > 0) for one in failing_proxy.requests(path)} == {("200", True)}
