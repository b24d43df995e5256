"""An endpoint that fails: no sample is lost, none is stored twice, none is asked more often than allowed."""

from __future__ import annotations

import gzip
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from support.clock import installed
from support.command import Charbench, Ended, invoke
from support.endpoint import (
    Body,
    Endpoint,
    Handler,
    answers,
    choice,
    chunked,
    completion,
    ends_early,
    first,
    is_silent,
    options,
    question,
    refuses,
    resets,
    says,
    sends_raw,
    serving,
    squeezed,
    trickles,
    write_prompts,
)
from support.store import assert_each_exactly_once, assert_totals_equal_recount, query, store_of

TRIES = 3


def deep(levels: int) -> Any:
    """Return parts of content within parts of content."""
    part: Any = "Ahoy"
    for _ in range(levels):
        part = [{"text": part}]
    return part


PROMPTS = 7

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: {}\n\n"
FAULTS: dict[str, tuple[Handler, str]] = {
    "429": (refuses(429, "slow down", **{"Retry-After": "0.05"}), "rate_limit"),
    "500": (refuses(500, "out of order"), "server"),
    "502 in HTML": (says("<html>Bad Gateway</html>", 502), "server"),
    "503 without a body": (says("", 503), "server"),
    "408": (refuses(408, "too slow"), "http_408"),
    "an error in a 200": (says({"error": {"message": "overloaded"}}), "server"),
    "an error of 429 in a 200": (says({"choices": None, "error": {"message": "slow", "code": 429}}), "rate_limit"),
    "MiniMax's error in a 200": (says({"base_resp": {"status_code": 1002, "status_msg": "RPM"}}), "server"),
    "a stream of events": (sends_raw(EVENTS), "bad_response"),
    "a reset in mid-body": (resets, "connection"),
    "a body that ends early": (ends_early, "connection"),
    "truncated JSON": (says('{"choices": [{"message": {"content": "Ah'), "bad_response"),
    "no JSON": (says("Ahoy"), "bad_response"),
    "JSON of another form": (says({"answer": 42}), "bad_response"),
    "a list": (says([]), "bad_response"),
    "no choices": (says({"choices": []}), "bad_response"),
    "a choice that is none": (says({"choices": ["Ahoy"]}), "bad_response"),
    "content that is a number": (says(completion(choice(42))), "bad_response"),  # type: ignore[arg-type]
    "bytes that are no UTF-8": (says(b'{"choices": "\xff\xfe"}'), "bad_response"),
    "an empty answer": (says(""), "bad_response"),
    "HTML instead of JSON": (says("<html>Log in</html>"), "bad_response"),
    "JSON nested 200,000 deep": (says("[" * 200_000 + "]" * 200_000), "bad_response"),
    "content nested deeply": (says(completion(choice(deep(300)))), "bad_response"),  # type: ignore[arg-type]
    "a number of 10,000 digits": (says('{"choices": ' + "9" * 10_000 + "}"), "bad_response"),
    "a choice of wrong types": (says({"choices": [{"message": {"content": {"a": 1}}}]}), "bad_response"),
    "an error of 500 nested deeply": (says('{"error": ' + "[" * 900 + "]" * 900 + "}", 500), "server"),
    "a malformed status line": (sends_raw(b"HTTP/1.1 abc nope\r\n\r\n"), "bad_response"),
    "a status line of another protocol": (sends_raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "bad_response"),
    "a header without a name": (sends_raw(b"HTTP/1.1 200 OK\r\n: x\r\n\r\n"), "bad_response"),
    "chunks that are none": (sends_raw(chunked(b"zz\r\n{}\r\n0\r\n\r\n")), "bad_response"),
    "chunks that end early": (sends_raw(chunked(b'ff\r\n{"choices": [')), "bad_response"),
    "no gzip": (squeezed(b"not gzip at all"), "bad_response"),
    "gzip that ends early": (squeezed(gzip.compress(b'{"choices": []}')[:-12]), "bad_response"),
    "an unknown content encoding": (squeezed(b"{}", "br"), "bad_response"),
    "silence": (is_silent, "timeout"),
    "a trickle": (trickles, "timeout"),
}
every_fault = pytest.mark.parametrize("name", FAULTS)


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of the prompts that were put to one fault: their rows, their tries, and how often each was asked."""

    code: int
    samples: list[Any]
    tries: list[Any]
    asked: set[int]


def put_to(names: Sequence[str], folder: Path, *, passing: bool, timeout: float) -> dict[str, Seen]:
    """Put seven prompts to each of these faults, in one run: each fault is a model of its own."""
    handlers = [first(1, FAULTS[name][0]) if passing else FAULTS[name][0] for name in names]

    async def by_model(request: web.Request, body: Body) -> web.StreamResponse:
        return await handlers[int(body["model"].removeprefix("fault-"))](request, body)

    with serving(Endpoint(by_model)) as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.01)
        models = [word for number in range(len(names)) for word in ("-c", f"model:fault-{number}")]
        prompts = str(write_prompts(folder / "prompts.txt", PROMPTS))
        words = ["eval", "--lab", str(folder), "-p", "pirate", "--scorer", "keyword", "--prompts", prompts, "-q"]
        code = invoke([*words, *models, *options(endpoint, tries=TRIES, timeout=timeout, concurrency=16)])
        asked = Counter((body["model"], question(body)) for body in endpoint.requests)
    store = store_of(folder)
    assert_totals_equal_recount(store)
    assert query(store, "SELECT count(*) FROM claims")[0][0] == 0
    mine = (
        "SELECT samples.* FROM samples JOIN sample_groups ON sample_groups.id = samples.group_id"
        " JOIN checkpoints ON checkpoints.id = sample_groups.checkpoint_id WHERE checkpoints.name = :model"
    )
    seen = {}
    for number, name in enumerate(names):
        model = f"fault-{number}"
        tries = f"SELECT * FROM attempts WHERE item IN (SELECT key FROM ({mine}))"
        counts = {count for (asked_model, _), count in asked.items() if asked_model == model}
        seen[name] = Seen(code, query(store, mine, model=model), query(store, tries, model=model), counts)
    return seen


# Faults that end a try by its timeout are put to the test apart: with a timeout short enough to wait for, and long
# enough for an answer where one comes.
SLOW = ("silence", "a trickle")
QUICK = tuple(name for name in FAULTS if name not in SLOW)


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    quick = put_to(QUICK, tmp_path_factory.mktemp("quick"), passing=True, timeout=60)
    return quick | put_to(SLOW, tmp_path_factory.mktemp("slow"), passing=True, timeout=3)


@pytest.fixture(scope="module")
def staying(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    quick = put_to(QUICK, tmp_path_factory.mktemp("quick"), passing=False, timeout=60)
    return quick | put_to(SLOW, tmp_path_factory.mktemp("slow"), passing=False, timeout=1.5)


@pytest.mark.slow
@every_fault
def test_a_fault_that_passes_costs_a_try_and_no_sample(passing: dict[str, Seen], name: str) -> None:
    seen = passing[name]
    assert (seen.code, seen.asked) == (0, {2})
    assert len({row.key for row in seen.samples}) == len(seen.samples) == PROMPTS
    assert {(row.attempt, row.error_kind, row.response[:4]) for row in seen.samples} == {(2, None, "Ahoy")}
    assert {(row.number, row.error_kind) for row in seen.tries} == {(1, FAULTS[name][1])}
    assert len({row.item for row in seen.tries}) == len(seen.tries) == PROMPTS


@pytest.mark.slow
@every_fault
def test_a_fault_that_stays_is_recorded_with_its_kind_after_the_last_try(staying: dict[str, Seen], name: str) -> None:
    seen, kind = staying[name], FAULTS[name][1]
    assert (seen.code, seen.asked) == (1, {TRIES})
    assert len({row.key for row in seen.samples}) == len(seen.samples) == PROMPTS
    told = {(row.error_kind, row.state, row.attempt, row.response) for row in seen.samples}
    assert told == {(kind, "error", TRIES, "")}
    assert all(row.error for row in seen.samples)
    expected = {(number, kind): PROMPTS for number in range(1, TRIES + 1)}
    assert Counter((row.number, row.error_kind) for row in seen.tries) == expected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_prompts(tmp_path / "prompts.txt", PROMPTS)
    return tmp_path


@pytest.fixture
def _short_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off is a second and more: here it has to be there, not to be long."""
    monkeypatch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.01)


pytestmark = pytest.mark.usefixtures("_short_back_off")


def evaluate(charbench: Charbench, folder: Path, endpoint: Endpoint, *more: str, **values: Any) -> Ended:
    words = [
        "eval",
        "-c",
        "model:m",
        "-p",
        "pirate",
        "--scorer",
        "keyword",
        "--prompts",
        "prompts.txt",
        "--json",
        *more,
    ]
    return charbench(*words, *options(endpoint, **{"tries": TRIES, **values}), lab=folder)


def test_the_next_run_tries_again_what_failed_and_nothing_else(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    bad = refuses(500, "out of order")

    async def some_fail(request: web.Request, body: Body) -> web.StreamResponse:
        return await (bad if "day 3" in question(body) else answers)(request, body)

    endpoint.handler = some_fail
    assert evaluate(charbench, folder, endpoint).code == 1
    endpoint.forget()
    endpoint.handler = answers
    ended = evaluate(charbench, folder, endpoint)
    assert ended.code == 0
    assert [body["messages"][0]["content"] for body in endpoint.requests] == ["What of day 3?"]
    assert_each_exactly_once(store_of(folder), PROMPTS)
    assert_totals_equal_recount(store_of(folder))


def test_a_failure_that_no_further_try_can_mend_is_not_asked_again(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = refuses(400, "the prompt is too long")
    first_run = evaluate(charbench, folder, endpoint)
    assert (first_run.code, endpoint.count) == (1, PROMPTS)
    assert "the endpoint answered 400: the prompt is too long" in first_run.err
    endpoint.forget()
    endpoint.handler = answers
    evaluate(charbench, folder, endpoint)
    assert endpoint.count == 0
    (folder / "charbench.yaml").write_text("retry_errors: [http_400]\n")
    assert evaluate(charbench, folder, endpoint).code == 0
    assert endpoint.count == PROMPTS
    assert_each_exactly_once(store_of(folder), PROMPTS)


def test_retry_after_is_waited_for_by_every_request_to_the_endpoint(
    charbench: Charbench, folder: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = installed(monkeypatch, sleeps=True)
    came: list[tuple[float, bool]] = []
    busy = refuses(429, "slow down", **{"Retry-After": "50"})
    numbers = itertools.count()

    async def first_is_too_much(request: web.Request, body: Body) -> web.StreamResponse:
        refused = next(numbers) == 0
        came.append((clock(), refused))
        return await (busy if refused else answers)(request, body)

    endpoint.handler = first_is_too_much
    assert evaluate(charbench, folder, endpoint, concurrency=1, timeout=9000, deadline=9000).code == 0
    assert came[0][1]
    assert came[1][0] - came[0][0] >= 50
    assert endpoint.count == PROMPTS + 1


def test_a_wish_to_wait_beyond_the_deadline_is_not_waited_for(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = refuses(429, "come back tomorrow", **{"Retry-After": "86400"})
    ended = evaluate(charbench, folder, endpoint, concurrency=2, deadline=5)
    assert ended.code == 1
    assert endpoint.count <= 2
    assert "come back tomorrow" in ended.err
    (kind,) = {row.error_kind for row in query(store_of(folder), "SELECT error_kind FROM samples")}
    assert kind == "rate_limit"


@pytest.mark.slow
def test_a_sample_takes_no_longer_than_its_deadline(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    endpoint.handler = is_silent
    ended = evaluate(charbench, folder, endpoint, timeout=60, deadline=0.4)
    assert ended.code == 1
    assert set(endpoint.asked.values()) == {1}
    assert {row.error_kind for row in query(store_of(folder), "SELECT error_kind FROM samples")} == {"timeout"}


@pytest.mark.slow
@pytest.mark.parametrize("in_a_200", [False, True], ids=["", "in a 200"])
@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "the endpoint does not accept the key"),
        (402, "the account has no credit left"),
        (403, "the key has no permission for this model"),
        (404, "the endpoint has no such model"),
    ],
)
def test_an_endpoint_that_refuses_everything_is_left_after_a_few_requests_with_one_clear_line(
    charbench: Charbench, folder: Path, endpoint: Endpoint, status: int, said: str, in_a_200: bool
) -> None:
    write_prompts(folder / "prompts.txt", 200)
    why = "nope, sk-abcdefgh12345"
    body = {"choices": None, "error": {"message": why, "code": str(status)}}
    endpoint.handler = says(body) if in_a_200 else refuses(status, why)
    ended = evaluate(charbench, folder, endpoint, concurrency=4)
    assert ended.code == 1
    assert endpoint.count <= 8
    assert ended.err.count(said) <= 2
    assert f"no more requests to model:m: {said} ({status}: nope, sk-[redacted])" in ended.err
    assert "sk-abcdefgh" not in ended.err + str(query(store_of(folder), "SELECT error FROM samples"))
    endpoint.forget()
    endpoint.handler = answers
    assert evaluate(charbench, folder, endpoint, concurrency=64).code == 0, "the key is mended"
    assert endpoint.count == 200
    assert_each_exactly_once(store_of(folder), 200)


@pytest.mark.slow
def test_a_checkpoint_that_only_fails_is_left_and_the_others_are_asked(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    write_prompts(folder / "prompts.txt", 300)
    broken = refuses(500, "out of memory")

    async def one_is_broken(request: web.Request, body: Body) -> web.StreamResponse:
        return await (broken if body["model"] == "bad" else answers)(request, body)

    endpoint.handler = one_is_broken
    words = [
        "eval",
        "-c",
        "model:bad",
        "-c",
        "model:good",
        "-p",
        "pirate",
        "--scorer",
        "keyword",
        "--prompts",
        "prompts.txt",
        "--json",
    ]
    ended = charbench(*words, *options(endpoint, tries=2, concurrency=4), lab=folder)
    assert ended.code == 1
    assert "no more requests to model:bad: the endpoint answered 500: out of memory" in ended.err
    models = [body["model"] for body in endpoint.requests]
    assert models.count("good") == 300
    assert models.count("bad") <= 30
    assert len(query(store_of(folder), "SELECT * FROM samples WHERE error_kind IS NULL")) == 300


def test_nobody_at_the_address_is_said_with_the_address(charbench: Charbench, folder: Path) -> None:
    nobody = Endpoint(url="http://127.0.0.1:9/v1")
    ended = evaluate(charbench, folder, nobody)
    assert ended.code == 1
    assert "no connection to http://127.0.0.1:9/v1" in ended.err
    assert {row.error_kind for row in query(store_of(folder), "SELECT error_kind FROM samples")} == {"connection"}
