"""``kill -9`` while sampling: what is in the store is never asked for again, only what was in flight is."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
from pathlib import Path

import pytest
from aiohttp import web

from support.command import Charbench, finish, start
from support.endpoint import Body, Endpoint, answers, options, write_prompts
from support.store import assert_each_exactly_once, assert_totals_equal_recount, count, query, store_of

CONCURRENCY = 8
PROMPTS = 60
EVAL = ("eval", "-c", "model:m", "-p", "pirate", "--scorer", "keyword", "--prompts", "prompts.txt", "--json", "-q")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_prompts(tmp_path / "prompts.txt", PROMPTS)
    return tmp_path


def words(endpoint: Endpoint, concurrency: int = CONCURRENCY) -> list[str]:
    return [*EVAL, *options(endpoint, concurrency=concurrency)]


def may_be_lost(concurrency: int) -> int:
    """Return how many answers a kill may cost: from 16 in flight on, some more are being written."""
    return concurrency if concurrency < 16 else 2 * concurrency


def kill_after(folder: Path, endpoint: Endpoint, requests: int, concurrency: int) -> bool:
    """Kill a run once the endpoint has had so many more requests; return whether it still ran.

    Whatever it had got beyond the last requests in flight is in the store.
    """
    process = start(*words(endpoint, concurrency), lab=folder)
    came = endpoint.wait_for(endpoint.count + requests, gone=lambda: process.poll() is not None)
    process.kill()
    process.communicate()
    store = store_of(folder)
    is_there = came or not isinstance(store, Path) or store.exists()  # a request was sent: the store was made before
    stored = count(store, "samples") if is_there else 0
    assert stored >= len(endpoint.asked) - may_be_lost(concurrency)
    return came


def kill_and_go_on(
    charbench: Charbench, folder: Path, endpoint: Endpoint, kills: int, seed: int, concurrency: int = CONCURRENCY
) -> None:
    dice = random.Random(seed)
    asked = [dice.randint(1, 2 * PROMPTS // kills) for _ in range(kills)]
    killed = [kill_after(folder, endpoint, requests, concurrency) for requests in asked]
    assert sum(killed) >= kills // 2, "the runs ended before they could be killed"
    stored = count(store_of(folder), "samples")
    before = endpoint.count
    charbench.ok(*words(endpoint, concurrency), lab=folder)
    assert endpoint.count - before == PROMPTS - stored
    assert len(endpoint.asked) == PROMPTS
    assert endpoint.count <= PROMPTS + sum(killed) * may_be_lost(concurrency)
    assert_each_exactly_once(store_of(folder), PROMPTS)
    assert_totals_equal_recount(store_of(folder))


@pytest.mark.slow
def test_two_kills_at_random_moments_ask_again_only_for_what_was_in_flight(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    kill_and_go_on(charbench, folder, endpoint, kills=2, seed=3)


@pytest.mark.slow
def test_twenty_kills_at_random_moments_ask_again_only_for_what_was_in_flight(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    kill_and_go_on(charbench, folder, endpoint, kills=20, seed=4)


@pytest.mark.slow
def test_kills_with_many_in_flight_ask_again_for_these_and_what_was_being_written(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    kill_and_go_on(charbench, folder, endpoint, kills=4, seed=5, concurrency=16)


@pytest.mark.slow
def test_two_runs_at_once_on_one_store_sample_nothing_twice(folder: Path, endpoint: Endpoint) -> None:
    write_prompts(folder / "prompts.txt", 2 * PROMPTS)
    both = [finish(process) for process in [start(*words(endpoint), lab=folder) for _ in range(2)]]
    assert [ended.code for ended in both] == [0, 0], [ended.err for ended in both]
    assert set(endpoint.asked.values()) == {1}
    assert sum(ended.json["run"]["added"].get("samples", 0) for ended in both) == 2 * PROMPTS
    assert_each_exactly_once(store_of(folder), 2 * PROMPTS)
    assert_totals_equal_recount(store_of(folder))


@pytest.mark.slow
def test_one_ctrl_c_stores_what_is_in_flight_and_the_command_that_it_prints_goes_on(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    let_go_on = threading.Event()

    async def holds_after_twenty(request: web.Request, body: Body) -> web.StreamResponse:
        if endpoint.count > 20:
            await asyncio.to_thread(let_go_on.wait, 60)
        return await answers(request, body)

    endpoint.handler = holds_after_twenty
    process = start(*words(endpoint), lab=folder)
    assert endpoint.wait_for(20 + CONCURRENCY, gone=lambda: process.poll() is not None)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Stopping" not in process.stderr.readline():
        assert process.poll() is None
    let_go_on.set()
    ended = finish(process)
    assert ended.code == 130
    assert "Interrupted. Resume with: charbench eval -c model:m -p pirate --scorer keyword" in ended.err
    assert "Traceback" not in ended.err
    assert count(store_of(folder), "samples") == endpoint.count == 20 + CONCURRENCY
    assert query(store_of(folder), "SELECT status FROM runs")[0].status == "interrupted"
    charbench.ok(*words(endpoint), lab=folder)
    assert set(endpoint.asked.values()) == {1}
    assert_each_exactly_once(store_of(folder), PROMPTS)
