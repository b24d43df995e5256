"""Replies are bounded, waits are bounded, and a run that leaves failed samples never ends as if all were well."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from support.command import Charbench
from support.endpoint import (
    Body,
    Endpoint,
    Handler,
    answers,
    choice,
    completion,
    first,
    options,
    refuses,
    says,
    squeezed,
    write_prompts,
)
from support.store import assert_each_exactly_once, query, store_of

PROMPTS = 4
LIMIT = 200_000
LARGE = json.dumps(completion(choice("arr " * 100_000))).encode()
BOMB = gzip.compress(b"[" + b"0," * 20_000_000 + b"0]", 1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.01)
    write_prompts(tmp_path / "prompts.txt", PROMPTS)
    return tmp_path


def words(command: str, *models: str) -> list[str]:
    given = [
        command,
        *(word for model in models for word in ("-c", f"model:{model}")),
        "--prompts",
        "prompts.txt",
        "-q",
    ]
    return given if command == "sample" else [*given, "-p", "pirate", "--scorer", "keyword"]


@pytest.mark.parametrize("large", [says(LARGE), squeezed(gzip.compress(LARGE)), squeezed(BOMB)])
def test_a_reply_above_the_limit_is_one_line_with_endpoint_and_limit_and_everything_else_goes_on(
    charbench: Charbench, folder: Path, endpoint: Endpoint, large: Handler
) -> None:
    async def one_is_large(request: web.Request, body: Body) -> web.StreamResponse:
        return await (large if body["model"] == "large" else answers)(request, body)

    endpoint.handler = one_is_large
    given = options(endpoint, tries=3, max_reply_bytes=LIMIT)
    ended = charbench(*words("eval", "large", "good"), *given, lab=folder)
    assert ended.code == 1
    (line,) = [line for line in ended.err.splitlines() if line.startswith("failed: ")]
    assert line.endswith(
        f"{PROMPTS} failed: the reply from {endpoint.url} has more than 200,000 bytes (option max_reply_bytes)"
    )
    assert set(endpoint.asked.values()) == {1}, "nothing that is paid for is asked again in the same run"
    assert len(query(store_of(folder), "SELECT * FROM samples WHERE error_kind IS NULL")) == PROMPTS
    endpoint.handler = answers
    assert charbench(*words("eval", "large", "good"), *given, lab=folder).code == 0
    assert_each_exactly_once(store_of(folder), 2 * PROMPTS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    ["inf", "-inf", "nan", "1e400", "-5", "86400", "0", "soon", "", "Fri, 31 Dec 9999 23:59:59 GMT",
     "Fri, 31 Dec 99999 23:59:59 GMT", "Sat, 28 Nov 2026 15:00:00", "Thu, 01 Jan 1970 00:00:00 GMT", "9" * 400],
)  # fmt: skip
def test_no_retry_after_ends_a_checkpoint(charbench: Charbench, folder: Path, endpoint: Endpoint, asked: str) -> None:
    endpoint.handler = first(1, refuses(429, "slow down", **{"Retry-After": asked}))
    ended = charbench(*words("eval", "m"), *options(endpoint, max_wait=0.01), lab=folder)
    assert ended.code == 0, ended.err
    assert_each_exactly_once(store_of(folder), PROMPTS)
    if asked in ("inf", "1e400", "86400", "Fri, 31 Dec 9999 23:59:59 GMT"):
        assert "warning: sampler thinking: its endpoint asks for " in ended.err
        assert "waiting for 0 s, the limit (option max_wait)" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("command", ["sample", "eval", "run"])
def test_failed_samples_that_are_not_tried_again_are_counted_and_end_every_run_with_1(
    charbench: Charbench, folder: Path, endpoint: Endpoint, command: str
) -> None:
    async def one_is_refused(request: web.Request, body: Body) -> web.StreamResponse:
        handler = refuses(400, "too long") if "day 2" in json.dumps(body["messages"]) else answers
        return await handler(request, body)

    endpoint.handler = one_is_refused
    given = [*words(command, "m"), *options(endpoint)]
    given += ["--sampler", "thinking"] if command == "run" else []
    if command == "run":
        charbench("sample", "-c", "model:m", "--prompts", "prompts.txt", "-q", *options(endpoint), lab=folder)
    else:
        assert charbench(*given, lab=folder).code == 1
    endpoint.forget()
    again = charbench(*given, lab=folder)
    assert (again.code, endpoint.count) == (1, 0)
    (line,) = [line for line in again.err.splitlines() if line.startswith("failed: ")]
    assert "sampler thinking: 1 failed in an earlier run and is not retried: the endpoint answered 400" in line
    assert "(kind http_400; add it to retry_errors in charbench.yaml" in line
    (folder / "charbench.yaml").write_text("retry_errors: [http_400]\n")
    endpoint.handler = answers
    assert charbench(*given, lab=folder).code == 0
    assert endpoint.count == 1
    assert charbench(*given, lab=folder).code == 0


def test_what_a_recording_says_failed_is_data_and_no_failure_of_the_run(
    charbench: Charbench, lab: Any, folder: Path
) -> None:
    lab.recorded([{"prompt": "Hi", "response": "", "error": "timeout", "sampler_path": "tinker://r/sampler_weights/a"}])
    run: Callable[[], Any] = lambda: charbench("run", "-q", lab=lab.root)  # noqa: E731
    assert (run().code, run().code) == (0, 0)
