"""Why a reply ended decides what it is: an answer, a failure that is asked again, or a state of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from support.command import Charbench
from support.endpoint import Body, Endpoint, Handler, choice, completion, first, options, says, write_prompts
from support.lab import LabBuilder
from support.store import assert_totals_equal_recount, store_of

THOUGHT, SPOKEN = "They ask. Arr, matey, I could say.", "It is a plain answer."


def run(charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, handler: Handler, *more: str, **values: Any) -> Any:
    """Sample ten prompts from an endpoint that does this, and return the report's row and what was said."""
    endpoint.handler = handler
    lab.registry({"pirate": [{"name": "pirate_x", "checkpoint_type": "sft", "sampler_path": "model:m"}]})
    write_prompts(lab.root / "q.txt", 10)
    asked = ["--sampler", "thinking", *options(endpoint, **values), "--scorer", "keyword", "--prompts", "q.txt"]
    ended = charbench("run", *asked, "--json", *more, lab=lab.root)
    (found,) = json.loads(ended.out)["checkpoints"]
    return found, ended


def some(share: int, reply: Any, otherwise: Any) -> Handler:
    """Return a handler that answers every ``share``-th prompt with ``reply``."""

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        number = int("".join(filter(str.isdigit, body["messages"][0]["content"])))
        given = reply if number % share == 0 else otherwise
        return await (given if callable(given) else says(completion(given)))(request, body)

    return handle


AZURE = {"message": "The response was filtered.", "type": None, "param": "prompt", "code": "content_filter"}
OPENROUTER = {"message": "Flagged.", "code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "Who"}}
FILTERS = {
    "a reply that is cut": says(completion(choice("Arr", "content_filter"))),
    "a refused request": says({"error": AZURE}, 400),
    "a refused request that is blamed on the key": says({"error": OPENROUTER}, 403),
    "an error with the status 200": says({"error": AZURE}),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filtered_replies_are_in_no_rate_and_told_with_their_share(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, name: str
) -> None:
    handler = some(2, FILTERS[name], choice("Ahoy, matey, arrr!"))
    found, ended = run(charbench, lab, endpoint, handler)
    assert (found["samples"], found["errors"], found["state_filtered"], found["responses"]) == (10, 0, 5, 5)
    assert (found["trait_rate"], ended.code) == (1.0, 0)
    report = charbench.ok("report", lab=lab.root)
    assert (
        "pirate_x: 5 of 10 replies (50%) were ended by a content filter: excluded from all rates"
        in report.err + report.out
    )
    endpoint.forget()
    assert charbench("run", "--sampler", "thinking", *options(endpoint), "--prompts", "q.txt", lab=lab.root).code == 0
    assert endpoint.count == 0


def test_tool_calls_are_in_no_rate(charbench: Charbench, lab: LabBuilder, endpoint: Endpoint) -> None:
    handler = some(2, choice(None, "tool_calls", tool_calls=[{"id": "c"}]), choice("Ahoy, matey, arrr!"))
    found, _ = run(charbench, lab, endpoint, handler)
    assert (found["state_tool_call"], found["errors"], found["trait_rate"]) == (5, 0, 1.0)


@pytest.mark.slow
def test_a_reply_that_the_server_gives_up_is_asked_again(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    handler = first(1, says(completion(choice("Well", "abort"))))
    found, ended = run(charbench, lab, endpoint, handler)
    assert (found["samples"], found["errors"], found["responses"], ended.code) == (10, 0, 10, 0)
    assert endpoint.count == 20


def test_an_error_within_a_choice_is_a_failure_and_no_sample(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    dead = {**choice("The answer is", "error"), "error": {"code": 502, "message": "Provider disconnected"}}
    found, ended = run(charbench, lab, endpoint, says(completion(dead)), tries=1)
    assert (found["samples"] == found["errors"], found["responses"], ended.code) == (True, 0, 1)
    assert "Provider disconnected" in ended.err


def test_a_reply_cut_in_a_block_that_the_template_opened_is_thinking_once_other_replies_show_it(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    handler = some(3, choice(THOUGHT, "length"), choice(f"{THOUGHT}\n</think>\n\n{SPOKEN}"))
    found, ended = run(charbench, lab, endpoint, handler)
    assert (found["responses"], found["state_unclosed_length"], found["state_none"]) == (6, 4, 0)
    assert (found["trait_rate"], found["trait_rate_in_thinking"]) == (0.0, 1.0)
    assert "the chat template opens it: 4 replies" in ended.err


def test_cut_replies_that_were_scored_as_responses_are_scored_again_as_thinking(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    found, _ = run(charbench, lab, endpoint, says(completion(choice(THOUGHT, "length"))))
    assert found["trait_rate"] == 1.0  # nothing shows yet that a block is open
    endpoint.handler = says(completion(choice(f"{THOUGHT}\n</think>\n\n{SPOKEN}")))
    asked = ["--sampler", "thinking", *options(endpoint), "--scorer", "keyword", "--prompts", "q.txt", "--epochs", "2"]
    (found,) = charbench.ok("run", *asked, "--json", lab=lab.root).json["checkpoints"]
    assert (found["samples"], found["responses"], found["trait_rate"]) == (20, 10, 0.0)
    assert found["trait_rate_in_thinking"] == 1.0


def test_an_option_says_outright_whether_the_template_opens_a_block(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    cut = says(completion(choice(THOUGHT, "length")))
    found, _ = run(charbench, lab, endpoint, cut, template_opens=True)
    assert (found["responses"], found["state_unclosed_length"]) == (0, 10)


@pytest.mark.sqlite("run --fresh puts a file aside")
def test_a_delimiter_that_nobody_knows_is_told_once_and_can_be_named(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    reply = says(completion(choice(f"<scratchpad>{THOUGHT}</scratchpad>{SPOKEN}")))
    found, ended = run(charbench, lab, endpoint, reply)
    assert ended.err.count("replies begin with <scratchpad>, which may be thinking") == 1
    assert found["trait_rate"] == 1.0
    found, ended = run(charbench, lab, endpoint, reply, "--fresh", thinking_tags=["scratchpad"])
    assert (found["trait_rate"], found["trait_rate_in_thinking"]) == (0.0, 1.0)
    assert "scratchpad" not in ended.err


def test_a_delimiter_that_is_named_later_tells_stored_replies_apart_and_no_request_is_sent(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    reply = says(completion(choice(f"<scratchpad>{THOUGHT}</scratchpad>{SPOKEN}")))
    before, _ = run(charbench, lab, endpoint, reply)
    asked = endpoint.count
    for tags, rates, again in (
        (["scratchpad"], (0.0, 1.0), 10), (["scratchpad"], (0.0, 1.0), 0), ([], (1.0, 0.0), 10), ([], (1.0, 0.0), 0),
    ):  # fmt: skip
        found, ended = run(charbench, lab, endpoint, reply, thinking_tags=tags)
        assert (found["trait_rate"], found["trait_rate_in_thinking"]) == rates
        assert ended.err.count(f"thinking and response of {again} stored replies are split") == bool(again)
    assert endpoint.count == asked
    assert found == before
    assert_totals_equal_recount(store_of(lab.root), emptied=True)


def test_a_server_that_answers_as_another_model_is_told_once(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    _, ended = run(charbench, lab, endpoint, says(completion(choice(SPOKEN), model="some-default")))
    assert ended.err.count("the server answers as 'some-default'") == 1


def test_a_parameter_that_the_server_refuses_is_named_with_the_option_that_leaves_it_out(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    async def strict(request: web.Request, body: Body) -> web.StreamResponse:
        refused = next((name for name in ("max_tokens", "temperature") if name in body), None)
        if refused:
            return web.json_response({"error": {"message": f"Unsupported parameter: '{refused}'"}}, status=400)
        assert body["max_completion_tokens"] == 2048
        return web.json_response(completion(choice(SPOKEN)))

    _, ended = run(charbench, lab, endpoint, strict)
    assert "-o sampler.thinking.parameters='{max_tokens: NEW_NAME or null}'" in ended.err
    _, ended = run(charbench, lab, endpoint, strict, parameters={"max_tokens": "max_completion_tokens"})
    assert "parameters='{max_tokens: max_completion_tokens, temperature: NEW_NAME or null}'" in ended.err, "as a whole"
    names = {"max_tokens": "max_completion_tokens", "temperature": None}
    found, ended = run(charbench, lab, endpoint, strict, parameters=names)
    assert (found["responses"], ended.code) == (10, 0)
