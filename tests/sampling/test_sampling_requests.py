"""Each request keeps the endpoint's limits: conversations, several answers at once, late turns, a refused key."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from charbench.run import runner
from charbench.store.writer import Writer
from support.clock import Clock, installed
from support.command import Charbench, Ended
from support.endpoint import Body, Endpoint, Handler, answers, choice, completion, options, refuses, write_prompts
from support.plugins import Site
from support.store import assert_each_exactly_once, query, store_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_prompts(tmp_path / "prompts.txt", 3)
    return tmp_path


def evaluate(charbench: Charbench, folder: Path, endpoint: Endpoint, *more: str, **values: Any) -> Ended:
    words = ["eval", "-c", "model:m", "-p", "pirate", "--scorer", "keyword", "--prompts", "prompts.txt", "--json"]
    return charbench(*words, *more, *options(endpoint, **values), lab=folder)


def slowly(seconds: float, handler: Handler = answers) -> Handler:
    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await handler(request, body)

    return handle


def all_at_once(endpoint: Endpoint, together: int, handler: Handler = answers) -> Handler:
    """Return a handler that answers the first request at once, and then none until ``together`` are in flight."""
    met = asyncio.Event()

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        if endpoint.most_at_once >= together:
            met.set()
        if endpoint.count > 1:
            async with asyncio.timeout(60):
                await met.wait()
        return await handler(request, body)

    return handle


def passes(clock: Clock, seconds: float) -> Handler:
    """Return a handler that takes so many seconds by the clock."""

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        clock.jump(seconds)
        return await answers(request, body)

    return handle


async def as_many_as_asked(request: web.Request, body: Body) -> web.StreamResponse:
    return web.json_response(completion(*(choice(f"Ahoy {number}") for number in range(body.get("n", 1)))))


def conversation(folder: Path, prompts: int = 1, follow_ups: int = 3) -> None:
    later = ", ".join(f"And {number}?" for number in range(follow_ups))
    text = "".join(f"- text: Who are you {number}?\n  follow_ups: [{later}]\n" for number in range(prompts))
    (folder / "prompts.yaml").write_text(text)


# Several answers at once.


def test_a_slow_server_that_ignores_n_loses_no_sample(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    write_prompts(folder / "prompts.txt", 1)
    endpoint.handler = all_at_once(endpoint, 11)  # once it is known that n is ignored, nobody waits for another
    ended = evaluate(charbench, folder, endpoint, "--epochs", "12", n=12, timeout=120, tries=1)
    assert ended.code == 0, ended.err
    assert_each_exactly_once(store_of(folder), 12)
    assert (endpoint.count, endpoint.most_at_once) == (12, 11)


def test_no_more_are_in_flight_than_concurrency_allows_where_n_is_ignored(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = slowly(0.02)
    assert evaluate(charbench, folder, endpoint, "--epochs", "10", n=5, concurrency=2).code == 0
    assert (endpoint.count, endpoint.most_at_once) == (30, 2)


def test_no_more_answers_are_asked_for_than_epochs_are_missing(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = as_many_as_asked
    evaluate(charbench, folder, endpoint, n=8)
    assert [body.get("n", 1) for body in endpoint.requests] == [1, 1, 1]
    endpoint.forget()
    evaluate(charbench, folder, endpoint, "--epochs", "10", n=8)
    assert sorted(body.get("n", 1) for body in endpoint.requests) == [1, 1, 1, 8, 8, 8]
    assert_each_exactly_once(store_of(folder), 30)


def test_a_failed_request_for_several_answers_fails_each_sample_with_its_reason(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = refuses(400, "n is too large")
    assert evaluate(charbench, folder, endpoint, "--epochs", "2", n=2).code == 1
    assert endpoint.count == 3
    said = {row.error for row in query(store_of(folder), "SELECT error FROM samples")}
    assert said == {"the endpoint answered 400: n is too large"}
    assert query(store_of(folder), "SELECT count(*) FROM samples")[0][0] == 6


def test_follow_ups_of_answers_that_came_together_are_asked_one_by_one(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    conversation(folder, follow_ups=1)
    endpoint.handler = as_many_as_asked
    assert evaluate(charbench, folder, endpoint, "--epochs", "3", "--prompts", "prompts.yaml", n=3).code == 0
    assert [body.get("n", 1) for body in endpoint.requests] == [3, 1, 1, 1]
    told = {body["messages"][1]["content"] for body in endpoint.requests[1:]}
    assert told == {"Ahoy 0", "Ahoy 1", "Ahoy 2"}


def test_a_question_that_the_plan_holds_again_is_not_asked_again_while_its_answer_is_being_written(
    charbench: Charbench, folder: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, asked = Writer._write, "- {id: day, text: What of day 0?}\n"
    monkeypatch.setattr(Writer, "_write", lambda *given: time.sleep(0.02) or write(*given))
    monkeypatch.setattr(runner, "BATCH", 1)
    (folder / "prompts.yaml").write_text("".join(asked.replace("day,", f"day{number},") for number in range(10)))
    ended = evaluate(charbench, folder, endpoint, "--prompts", "prompts.yaml", concurrency=16)
    assert (ended.code, endpoint.count) == (0, 1)
    assert_each_exactly_once(store_of(folder), 1)


# Conversations.


def test_the_tokens_and_seconds_of_a_conversation_are_those_of_all_its_requests(
    charbench: Charbench, folder: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation(folder)
    endpoint.handler = passes(installed(monkeypatch, sleeps=False), 1000)
    ended = evaluate(charbench, folder, endpoint, "--prompts", "prompts.yaml", timeout=9000, deadline=9000)
    assert "40 prompt tokens and 80 completion tokens" in ended.err
    (row,) = query(store_of(folder), "SELECT * FROM samples")
    assert (row.prompt_tokens, row.completion_tokens) == (40, 80)
    assert 4000 <= row.latency < 5000


def test_each_request_of_a_conversation_waits_for_its_turn(
    charbench: Charbench, folder: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation(folder, prompts=2)
    clock = installed(monkeypatch, sleeps=True)
    began, came = clock(), []

    async def noted(request: web.Request, body: Body) -> web.StreamResponse:
        came.append(clock() - began)
        return await answers(request, body)

    endpoint.handler = noted
    paced = {"requests_per_minute": 0.1, "concurrency": 1, "timeout": 9000, "deadline": 9000}
    assert evaluate(charbench, folder, endpoint, "--prompts", "prompts.yaml", **paced).code == 0
    assert len(came) == 8
    assert all(at >= 600 * number for number, at in enumerate(came))


def test_timeout_is_one_requests_and_not_the_conversations(
    charbench: Charbench, folder: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation(folder)
    endpoint.handler = passes(installed(monkeypatch, sleeps=False), 1000)
    ended = evaluate(charbench, folder, endpoint, "--prompts", "prompts.yaml", timeout=2000, deadline=9000, tries=1)
    assert ended.code == 0, ended.err


def test_a_request_that_fails_in_mid_conversation_is_tried_again_and_the_ones_before_are_not(
    charbench: Charbench, folder: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.01)
    conversation(folder)
    numbers, broken = itertools.count(1), refuses(500, "out of order")

    async def third_fails(request: web.Request, body: Body) -> web.StreamResponse:
        return await (broken if next(numbers) == 3 else answers)(request, body)

    endpoint.handler = third_fails
    assert evaluate(charbench, folder, endpoint, "--prompts", "prompts.yaml").code == 0
    assert [len(body["messages"]) for body in endpoint.requests] == [1, 3, 5, 5, 7]
    (row,) = query(store_of(folder), "SELECT attempt FROM samples")
    assert row.attempt == 2


# Turns that come too late.


FAILING = """
from charbench import LimitsConfig, Sampler, SamplingError, hookimpl

class Failing(Sampler):
    "Fails at once, so that nothing is under way while another try waits for its turn."
    name = "failing"
    Config = LimitsConfig

    async def sample(self, request):
        raise SamplingError("out of order", kind="server", retryable=True)

@hookimpl
def charbench_samplers():
    return [Failing]
"""


def test_where_the_turn_of_another_try_would_come_too_late_the_last_error_is_kept(
    charbench: Charbench, folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.01)
    site.install("failing", FAILING)
    write_prompts(folder / "prompts.txt", 7)
    installed(monkeypatch, sleeps=True)
    paced = ("-o", "sampler.failing.requests_per_minute=0.1", "-o", "sampler.failing.deadline=1500")
    words = ("sample", "-c", "model:m", "--sampler", "failing", "--prompts", "prompts.txt", "-q")
    ended = charbench(*words, *paced, lab=folder)
    assert ended.code == 1
    said = {row.error for row in query(store_of(folder), "SELECT error FROM samples")}
    assert said == {"out of order"}


# Endpoints that refuse everything.


@pytest.mark.parametrize("concurrency", [16, 64])
def test_a_refused_key_costs_three_requests_and_one_line_however_many_may_be_in_flight(
    charbench: Charbench, folder: Path, endpoint: Endpoint, concurrency: int
) -> None:
    write_prompts(folder / "prompts.txt", 100)
    endpoint.handler = slowly(0.1, refuses(401, "bad key"))
    ended = evaluate(charbench, folder, endpoint, concurrency=concurrency)
    assert (ended.code, endpoint.count) == (1, 3)
    failed = [line for line in ended.err.splitlines() if line.startswith("failed:")]
    said = "the endpoint does not accept the key (401: bad key)"
    assert failed == [f"failed: sampler thinking: no more requests to model:m: {said} (3 failed, 97 not sent)"]
    assert "Added: nothing." in ended.err
    assert ended.json["run"]["added"]["samples"] == 0
    assert query(store_of(folder), "SELECT count(*) FROM claims")[0][0] == 0


def test_checkpoints_that_are_refused_for_one_reason_share_a_line(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    write_prompts(folder / "prompts.txt", 10)
    endpoint.handler = refuses(401, "bad key")
    ended = evaluate(charbench, folder, endpoint, *(f"-cmodel:{name}" for name in "abcd"))
    failed = [line for line in ended.err.splitlines() if line.startswith("failed:")]
    assert len(failed) == 1
    assert "and 2 more: " in failed[0]
    assert "(15 failed, 35 not sent)" in failed[0]


def test_failed_samples_are_not_counted_as_taken(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    bad = refuses(400, "no")

    async def one_fails(request: web.Request, body: Body) -> web.StreamResponse:
        return await (bad if "day 1" in body["messages"][0]["content"] else answers)(request, body)

    endpoint.handler = one_fails
    ended = evaluate(charbench, folder, endpoint)
    assert "Added: 2 samples taken" in ended.err
    assert ended.json["run"]["added"]["samples"] == 2


def test_after_the_first_answer_as_many_are_in_flight_as_concurrency_allows(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    write_prompts(folder / "prompts.txt", 60)
    endpoint.handler = all_at_once(endpoint, 20)
    assert evaluate(charbench, folder, endpoint, concurrency=20, timeout=120, tries=1).code == 0
    assert endpoint.most_at_once == 20


@pytest.mark.sqlite("locks the file")
def test_from_16_in_flight_on_no_request_waits_until_the_last_answer_is_stored(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    write_prompts(folder / "prompts.txt", 60)
    others: list[sqlite3.Connection] = []

    async def stores_nothing_meanwhile(request: web.Request, body: Body) -> web.StreamResponse:
        if endpoint.count == 1:
            others.append(sqlite3.connect(store_of(folder), isolation_level=None))
            others[0].execute("BEGIN IMMEDIATE")
        if endpoint.count == 2 * 16:  # 16 answers that wait, and 16 requests in flight
            others[0].close()
        return await answers(request, body)

    endpoint.handler = stores_nothing_meanwhile
    assert evaluate(charbench, folder, endpoint, concurrency=16, timeout=120, tries=1).code == 0
    assert set(endpoint.asked.values()) == {1}
    assert_each_exactly_once(store_of(folder), 60)


def test_a_stop_does_not_send_what_waits_for_its_turn(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    write_prompts(folder / "prompts.txt", 20)
    (folder / "charbench.yaml").write_text("prices: {'model:*': {completion: 1000}}\n")
    ended = evaluate(charbench, folder, endpoint, "--max-cost", "0.02", requests_per_minute=0.1)
    assert ended.code == 1
    assert endpoint.count == 1
