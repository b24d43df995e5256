"""A judge's malformed reply is tried again, is never kept, and never a bug of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charbench import AnswerCache, ModelClient, ModelClientConfig, SamplingError
from charbench import Endpoint as Address
from support.endpoint import Endpoint, Handler, choice, completion, first, says, sends_raw, serving

ASKED = [{"role": "user", "content": "How in character is this?"}]


def with_logprobs(top: Any) -> Handler:
    return says({"choices": [{"message": {"content": "7"}, "logprobs": {"content": top}}]})


FAULTS: dict[str, Handler] = {
    "a malformed status line": sends_raw(b"HTTP/1.1 abc nope\r\n\r\n"),
    "nesting": says("[" * 200_000),
    "HTML": says("<html>"),
    "no choices": says({"choices": None}),
    "a choice that is none": says({"choices": [[]]}),
    "content that is none": says(completion(choice(5))),  # type: ignore[arg-type]
    "probabilities that are none": with_logprobs([{"top_logprobs": 7}]),
    "a logarithm that is too large": with_logprobs([{"top_logprobs": [{"token": "7", "logprob": 10**400}]}]),
    "a reply that died": says(completion(choice("", finish="error"))),
}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(Endpoint()) as endpoint:
        yield endpoint


def ask(url: str, kept: AnswerCache, **options: Any) -> str:
    config = ModelClientConfig(tries=2, **options)

    async def once() -> str:
        client = ModelClient(Address(url, "none"), config, model="j", cache=kept)
        try:
            return (await client.ask(ASKED, max_tokens=1, logprobs=True, limit_is_meant=True)).content
        finally:
            await client.aclose()

    return asyncio.run(once())


@pytest.mark.parametrize("name", FAULTS)
def test_a_malformed_reply_is_tried_again_and_never_kept(
    tmp_path: Path, endpoint: Endpoint, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.001)
    kept = AnswerCache(tmp_path)
    endpoint.handler = FAULTS[name]
    with pytest.raises(SamplingError) as told:
        ask(endpoint.url, kept)
    assert (told.value.kind, told.value.retryable, endpoint.count) == ("bad_response", True, 2)
    assert endpoint.url in str(told.value)
    endpoint.forget()
    endpoint.handler = first(1, FAULTS[name], says(completion(choice("7"))))
    assert ask(endpoint.url, kept) == "7"
    assert endpoint.count == 2
    kept.close()


def test_a_judges_reply_above_the_limit_names_endpoint_and_option(endpoint: Endpoint) -> None:
    endpoint.handler = says(completion(choice("7" * 10_000)))
    with pytest.raises(SamplingError, match="has more than 2,000 bytes") as told:
        ask(endpoint.url, AnswerCache(None), max_reply_bytes=2_000)
    assert endpoint.url in str(told.value)
    assert endpoint.count == 1
