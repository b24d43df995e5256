"""A judge's malformed reply is tried again, is never kept, and never a bug of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charbench import SamplingError
from charbench_plugins.samplers.thinking.endpoint import Endpoint as Address
from charbench_plugins.scorers.llm_judge.judge import Judge
from charbench_plugins.scorers.llm_judge.kept import KeptAnswers
from charbench_plugins.scorers.llm_judge.options import JudgeModel, PanelConfig
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


def ask(url: str, kept: KeptAnswers, **options: Any) -> str:
    config = PanelConfig(tries=2, **options)

    async def once() -> str:
        judge = Judge("j", JudgeModel(model="j"), Address(url, "none"), config, kept)
        try:
            return (await judge.first_token(ASKED)).content
        finally:
            await judge.aclose()

    return asyncio.run(once())


@pytest.mark.parametrize("name", FAULTS)
def test_a_malformed_reply_is_tried_again_and_never_kept(
    tmp_path: Path, endpoint: Endpoint, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.001)
    kept = KeptAnswers(tmp_path)
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
        ask(endpoint.url, KeptAnswers(None), max_reply_bytes=2_000)
    assert endpoint.url in str(told.value)
    assert endpoint.count == 1
