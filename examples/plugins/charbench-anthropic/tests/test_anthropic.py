import asyncio
from pathlib import Path

import pytest
from charbench_anthropic import Anthropic

from charbench import Completion, Message, Prompt, SampleRequest, SamplingError
from charbench.testing import conformance, make_checkpoint

MODEL = make_checkpoint("anthropic:claude")
THINKING = [
    {"type": "thinking", "thinking": "They ask.", "signature": "abc"},
    {"type": "redacted_thinking", "data": "xyz"},
    {"type": "text", "text": "Arr."},
]
REPLY = {
    "type": "message", "role": "assistant", "model": "claude-1", "content": THINKING, "stop_reason": "end_turn",
    "usage": {"input_tokens": 12, "output_tokens": 34},
}  # fmt: skip

# Without a server every request is a SamplingError, which keeps the contract as an answer does.
test_anthropic_keeps_the_contract = conformance(
    Anthropic, options={"base_url": "http://127.0.0.1:9"}, checkpoint=MODEL, deterministic=False
)


def sampled(endpoint, *turns: Message, **options) -> Completion:
    async def work() -> Completion:
        sampler = Anthropic(Anthropic.Config(base_url=endpoint.url.removesuffix("/v1"), **options))
        sampler.prepare(Path(), Path())
        try:
            return await sampler.sample(SampleRequest(checkpoint=MODEL, prompt=Prompt("p", turns)))
        finally:
            await sampler.aclose()

    return asyncio.run(work())


def test_thinking_and_response_stop_and_usage_are_as_the_api_gave_them(charbench_endpoint) -> None:
    charbench_endpoint.replies = [REPLY]
    found = sampled(charbench_endpoint, Message("system", "Be brief."), Message("user", "Who?"))
    assert (found.thinking, found.response, found.finish_reason) == ("They ask.", "Arr.", "stop")
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (12, 34)
    (asked,) = charbench_endpoint.requests
    assert (asked["model"], asked["system"]) == ("claude", "Be brief.")
    assert asked["messages"] == [{"role": "user", "content": "Who?"}]
    assert asked["thinking"] == {"type": "enabled", "budget_tokens": 2048}


def test_an_answer_that_the_limit_cut_says_so_and_thinking_can_be_off(charbench_endpoint) -> None:
    charbench_endpoint.replies = [REPLY | {"content": THINKING[2:], "stop_reason": "max_tokens"}]
    found = sampled(charbench_endpoint, Message("user", "Who?"), thinking_budget=0, temperature=0.2)
    assert (found.thinking, found.thinking_off, found.finish_reason) == ("", True, "length")
    assert "thinking" not in charbench_endpoint.requests[0]


@pytest.mark.parametrize(
    ("reply", "kind", "retryable"),
    [
        (429, "rate_limit", True),
        (529, "server", True),
        (401, "auth", False),
        (404, "not_found", False),
        ({"type": "message"}, "bad_response", True),
        (REPLY | {"content": [{"type": "text"}]}, "bad_response", True),
    ],
)
def test_what_is_no_answer_is_an_error_of_its_kind(charbench_endpoint, reply, kind, retryable) -> None:
    charbench_endpoint.replies = [reply]
    with pytest.raises(SamplingError) as raised:
        sampled(charbench_endpoint, Message("user", "Who?"))
    assert (raised.value.kind, raised.value.retryable) == (kind, retryable)


@pytest.mark.parametrize("options", [{"thinking_budget": 100}, {"thinking_budget": 5000}, {"temperature": 0.5}])
def test_options_that_the_api_would_refuse_are_refused_before_anything_is_paid(options) -> None:
    with pytest.raises(ValueError, match="thinking"):
        Anthropic.Config(**options)


def test_the_key_is_a_header_and_is_anthropics_hosts_own(monkeypatch, charbench_endpoint) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret-of-mine")
    sampler = Anthropic(Anthropic.Config(base_url=charbench_endpoint.url))
    sampler.prepare(Path(), Path())
    assert sampler.client.headers["x-api-key"] == "secret-of-mine"
    asyncio.run(sampler.aclose())
    assert Anthropic.key_issuers == {"ANTHROPIC_API_KEY": "https://api.anthropic.com"}
