"""Sampling many checkpoints at once: the first answer of one keeps nobody from asking the others."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from support.command import Charbench, Ended, finish, start
from support.endpoint import Body, Endpoint, Handler, Held, answers, options, refuses, write_prompts
from support.store import assert_each_exactly_once, assert_totals_equal_recount, count, query, store_of

PROMPTS = 10
NAMES = "abcd"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_prompts(tmp_path / "prompts.txt", PROMPTS)
    return tmp_path


def words(endpoint: Endpoint, names: str = NAMES, **values: Any) -> list[str]:
    asked = ["eval", *(f"-cmodel:{name}" for name in names), "-p", "pirate", "--scorer", "keyword", "--json", "-q"]
    return [*asked, "--prompts", "prompts.txt", *options(endpoint, **{"timeout": 60, "tries": 1, **values})]


def evaluate(charbench: Charbench, folder: Path, endpoint: Endpoint, names: str = NAMES, **values: Any) -> Ended:
    return charbench(*words(endpoint, names, **values), lab=folder)


def models(endpoint: Endpoint) -> Counter[str]:
    return Counter(body["model"] for body in endpoint.requests)


def after(others: int, slow: str = "a") -> Handler:
    """Return a handler that answers one model only once so many requests to others have been answered."""
    done, enough = 0, asyncio.Event()

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        nonlocal done
        if body["model"] == slow:
            async with asyncio.timeout(50):
                await enough.wait()
        else:
            done += 1
            if done >= others:
                enough.set()
        return await answers(request, body)

    return handle


def test_a_checkpoint_whose_first_answer_is_slow_keeps_no_other_waiting(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = after(3 * PROMPTS)
    assert evaluate(charbench, folder, endpoint, concurrency=8).code == 0
    first_of_a = [number for number, body in enumerate(endpoint.requests) if body["model"] == "a"]
    assert first_of_a[3] >= 3 * PROMPTS, "three are asked until one is answered"
    assert set(endpoint.asked.values()) == {1}
    assert_each_exactly_once(store_of(folder), 4 * PROMPTS)


def test_as_many_are_in_flight_as_may_be_from_the_first_request_on(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    met = asyncio.Event()

    async def together(request: web.Request, body: Body) -> web.StreamResponse:
        if endpoint.most_at_once >= 12:
            met.set()
        async with asyncio.timeout(50):
            await met.wait()
        return await answers(request, body)

    endpoint.handler = together
    assert evaluate(charbench, folder, endpoint, concurrency=12).code == 0
    assert [body["model"] for body in endpoint.requests[:12]].count("a") == 3
    assert_each_exactly_once(store_of(folder), 4 * PROMPTS)


def test_a_checkpoint_that_refuses_costs_three_requests_and_the_others_are_asked(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    no = refuses(404, "no such model")

    async def two_are_unknown(request: web.Request, body: Body) -> web.StreamResponse:
        return await (no if body["model"] in "ac" else answers)(request, body)

    endpoint.handler = two_are_unknown
    ended = evaluate(charbench, folder, endpoint, concurrency=16)
    assert ended.code == 1
    assert models(endpoint) == {"a": 3, "b": PROMPTS, "c": 3, "d": PROMPTS}
    assert "(6 failed, 14 not sent)" in ended.err
    assert query(store_of(folder), "SELECT count(*) FROM claims")[0][0] == 0


def test_a_first_answer_that_fails_is_followed_by_the_next_and_loses_no_sample(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    bad, failed = refuses(400, "too long"), Counter[str]()

    async def first_two_fail(request: web.Request, body: Body) -> web.StreamResponse:
        failed[body["model"]] += 1
        return await (bad if failed[body["model"]] <= 2 else answers)(request, body)

    endpoint.handler = first_two_fail
    ended = evaluate(charbench, folder, endpoint, concurrency=16)
    assert ended.code == 1
    assert models(endpoint) == dict.fromkeys(NAMES, PROMPTS)
    assert ended.json["run"]["added"] == {**ended.json["run"]["added"], "samples": 4 * (PROMPTS - 2), "failures": 8}


@pytest.mark.parametrize("values", [{"concurrency": 1}, {"concurrency": 8, "checkpoint_delay": 0.001}])
def test_with_one_request_at_a_time_or_a_pause_between_checkpoints_one_follows_the_other(
    charbench: Charbench, folder: Path, endpoint: Endpoint, values: dict[str, Any]
) -> None:
    write_prompts(folder / "prompts.txt", 6)
    assert evaluate(charbench, folder, endpoint, "ab", **values).code == 0
    asked = [body["model"] for body in endpoint.requests]
    assert asked.index("b") >= 3
    assert set(endpoint.asked.values()) == {1}
    if values["concurrency"] == 1:
        assert asked == [*"aaaaaabbbbbb"]


@pytest.mark.slow
def test_ctrl_c_ends_a_run_whose_requests_wait_for_a_first_answer(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    held = Held(endpoint, 0)
    process = start(*words(endpoint, "a", concurrency=8), lab=folder)
    assert endpoint.wait_for(3, gone=lambda: process.poll() is not None)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Stopping" not in process.stderr.readline():
        assert process.poll() is None
    held.go_on.set()
    ended = finish(process)
    assert (ended.code, endpoint.count, count(store_of(folder), "samples")) == (130, 3, 3)
    assert evaluate(charbench, folder, endpoint, "a").code == 0
    assert set(endpoint.asked.values()) == {1}


@pytest.mark.slow
def test_two_runs_at_once_and_a_kill_ask_for_each_sample_and_again_only_for_what_was_in_flight(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    names, concurrency = "abcdefghij", 8

    async def slowly(request: web.Request, body: Body) -> web.StreamResponse:
        await asyncio.sleep(0.05)
        return await answers(request, body)

    endpoint.handler = slowly
    asked = words(endpoint, names, concurrency=concurrency)
    killed, other = (start(*asked, lab=folder) for _ in range(2))
    assert endpoint.wait_for(40, gone=lambda: killed.poll() is not None)
    killed.kill()
    killed.communicate()
    assert finish(other).code == 0
    charbench.ok(*asked, lab=folder)
    twice = [one for one, times in endpoint.asked.items() if times > 1]
    assert max(endpoint.asked.values()) <= 2
    assert len(twice) <= concurrency
    assert len(endpoint.asked) == len(names) * PROMPTS
    assert_each_exactly_once(store_of(folder), len(names) * PROMPTS)
    assert_totals_equal_recount(store_of(folder))
