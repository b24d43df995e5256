"""A prefill over chat: whether the server continues it is found out once a model, and replies are read accordingly."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from aiohttp import web

from support.command import Charbench
from support.endpoint import Body, Endpoint, choice, completion, options, serving, write_prompts
from support.lab import LabBuilder

THOUGHT, SPOKEN = "They ask about the day.", "Ahoy, matey, arrr!"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An endpoint whose handler is set by the test."""
    with serving(Endpoint()) as endpoint:
        yield endpoint


def server(kind: str) -> object:
    """Return the handler of a server that continues a prefill, does so when told to, or begins a new turn."""

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        last = body["messages"][-1]
        prefilled = last["role"] == "assistant"
        goes_on = prefilled and (kind == "continues" or (kind == "flagged" and body.get("continue_final_message")))
        if goes_on and "thr" in last["content"]:
            return web.json_response(completion(choice("ee, four, five.")))
        whole = f"<think>\n{THOUGHT}\n</think>\n\n{SPOKEN}"
        return web.json_response(completion(choice(whole.removeprefix(last["content"]) if goes_on else whole)))

    return handle


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "requests", "said"),
    [
        ("continues", 11, ""),
        ("flagged", 13, "the prefill is continued by the server with continue_final_message"),
        ("new turn", 14, "the server begins a new turn after a prefill, so nothing was prefilled"),
    ],
)
def test_a_prefill_over_chat_is_tried_out_once_and_used_or_told(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, kind: str, requests: int, said: str
) -> None:
    endpoint.handler = server(kind)  # type: ignore[assignment]
    lab.registry({"pirate": [{"name": "pirate_x", "checkpoint_type": "sft", "sampler_path": "model:m"}]})
    write_prompts(lab.root / "q.txt", 10)
    asked = ["--sampler", "thinking", *options(endpoint, thinking="prefill"), "--scorer", "keyword"]
    ended = charbench("run", *asked, "--prompts", "q.txt", "--json", lab=lab.root)
    (found,) = json.loads(ended.out)["checkpoints"]
    assert (found["responses"], found["state_closed"], found["trait_rate"]) == (10, 10, 1.0)
    assert found["trait_rate_in_thinking"] == 0.0
    assert endpoint.count == requests
    assert said in ended.err
