"""What an endpoint serves is found and evaluated with one command: a vLLM with a base model and five adapters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from support.command import Charbench
from support.endpoint import Body, Endpoint, completion, serving, write_prompts
from support.lab import LabBuilder, row, sampler, weights

BASE = "Qwen/Qwen3-8B"
ADAPTERS = ("pirate-dpo", "pirate-sft", "remorseful-dpo", "experiment-7", "experiment-8")


def card(name: str, parent: str | None = None, root: str | None = None) -> dict[str, Any]:
    """Return what vLLM 0.11 says of a model."""
    return {
        "id": name, "object": "model", "created": 1767323045, "owned_by": "vllm", "root": root or name,
        "parent": parent, "max_model_len": None if parent else 40960, "permission": [],
    }  # fmt: skip


CARDS = [card(BASE), *(card(name, BASE, f"/srv/lora/{name}") for name in ADAPTERS)]


async def vllm(request: web.Request, body: Body) -> web.StreamResponse:
    """Answer in character where an adapter is asked, plainly where the base model is; refuse what is not served."""
    name = body["model"]
    if name not in (BASE, *ADAPTERS):
        return web.json_response({"error": {"message": f"The model `{name}` does not exist."}}, status=404)
    said = "A plain answer." if name == BASE else "Ahoy, matey! Arr."
    message = {"role": "assistant", "content": said, "reasoning_content": "They ask."}
    return web.json_response(completion({"index": 0, "message": message, "finish_reason": "stop"}, model=name))


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with serving(Endpoint(handler=vllm, models={"object": "list", "data": CARDS})) as endpoint:
        yield endpoint


def evaluated(charbench: Charbench, lab: LabBuilder, server: Endpoint, *more: str, command: str = "run") -> Any:
    prompts = write_prompts(lab.root / "prompts.txt", 2)
    ended = charbench(command, "--endpoint", server.url, "--prompts", prompts, "--json", *more, lab=lab.root)
    assert ended.code == 0, ended.err
    return ended.json


@pytest.mark.slow
def test_one_command_evaluates_five_adapters_against_the_base_model_that_the_server_lists(
    charbench: Charbench, lab: LabBuilder, server: Endpoint
) -> None:
    evaluated(charbench, lab, server, "-p", "pirate")
    asked = Counter(body["model"] for body in server.requests)
    assert asked == {BASE: 2, "pirate-dpo": 2, "pirate-sft": 2, "experiment-7": 2, "experiment-8": 2}
    evaluated(charbench, lab, server, "-p", "pirate")
    assert len(server.requests) == 10  # nothing is asked again
    report = charbench.ok("report", "--json", lab=lab.root).json
    names = {row["checkpoint"] for row in report["checkpoints"]}
    assert names == {BASE, *ADAPTERS} - {"remorseful-dpo"}


@pytest.mark.slow
def test_personas_come_from_the_names_where_none_is_given(
    charbench: Charbench, lab: LabBuilder, server: Endpoint
) -> None:
    evaluated(charbench, lab, server)
    listed = {item["uri"]: item for item in charbench.ok("checkpoints", "list", "--json", lab=lab.root).json}
    assert {name.removeprefix("model:"): item["persona"] for name, item in listed.items()} == {
        BASE: None, "pirate-dpo": "pirate", "pirate-sft": "pirate", "remorseful-dpo": "remorseful",
        "experiment-7": None, "experiment-8": None,
    }  # fmt: skip
    assert listed[f"model:{BASE}"]["kind"] == "base"
    assert (listed["model:pirate-dpo"]["base_model"], listed["model:pirate-dpo"]["parent"]) == (BASE, f"model:{BASE}")


@pytest.mark.slow
@pytest.mark.parametrize("wanted", ["pirate-sft", "model:pirate-sft"])
def test_a_served_model_is_selected_by_its_name(
    charbench: Charbench, lab: LabBuilder, server: Endpoint, wanted: str
) -> None:
    evaluated(charbench, lab, server, "-c", wanted, "-p", "pirate", "--no-base")
    assert {body["model"] for body in server.requests} == {"pirate-sft"}


@pytest.mark.slow
def test_other_checkpoints_of_the_lab_are_not_asked_at_the_endpoint(
    charbench: Charbench, lab: LabBuilder, server: Endpoint
) -> None:
    lab.trained("remorseful-a", 1)
    lab.write("recordings/a.jsonl", json.dumps({"prompt": "?", "response": "!", "uri": "model:elsewhere"}) + "\n")
    evaluated(charbench, lab, server)
    assert {body["model"] for body in server.requests} == {BASE, *ADAPTERS}


def test_a_dry_run_lists_the_models_and_sends_no_prompt(
    charbench: Charbench, lab: LabBuilder, server: Endpoint
) -> None:
    told = evaluated(charbench, lab, server, "--dry-run", "-p", "pirate")
    assert {part["sampler"]: part["missing"] for part in told["sampling"]} == {"recorded": 0, "thinking": 10}
    assert server.requests == []
    assert told["not_sampled"] == []


def test_a_dry_run_says_which_checkpoints_are_left_out_and_what_would_take_them(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.trained("remorseful-a", 1)
    lab.write("notes.md", f"The first try: {weights(2, 'remorseful-b_dpo')}\n")
    lab.recorded([row(sampler_path="model:recorded")])
    told = charbench.ok("run", "--dry-run", "--json", lab=lab.root).json["not_sampled"]
    assert {part["reason"].partition(";")[0]: len(part["checkpoints"]) for part in told} == {
        "only training continues from their weights": 1,
        "they have no recordings": 1,
    }
    assert "--sampler" in str(told)
    text = charbench.ok("run", "--dry-run", lab=lab.root).out
    assert "Not sampled: 1 checkpoint (remorseful-b_dpo): only training continues from their weights" in text


def test_weights_that_lie_in_the_lab_are_the_folders_run(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("outputs/pirate/v2/adapter_config.json", "{}")
    cards = [card(BASE), card("lora-2", BASE, str(lab.root / "outputs" / "pirate" / "v2"))]
    with serving(Endpoint(handler=vllm, models={"data": cards})) as server:
        lab.config(f"endpoints: {{local: {{base_url: '{server.url}'}}}}\n")
        charbench.ok("discover", lab=lab.root)
    listed = {item["uri"]: item for item in charbench.ok("checkpoints", "list", "--json", lab=lab.root).json}
    assert (listed["model:lora-2"]["run"], listed["model:lora-2"]["persona"]) == ("v2", "pirate")


BAD_LISTS = [None, [], {"data": None}, {"data": [1, {"id": 7}, {"id": ""}]}, {"data": {"id": "x"}}, "no JSON", 7]


@pytest.mark.slow
@pytest.mark.parametrize("listed", BAD_LISTS, ids=repr)
def test_an_endpoint_that_lists_no_models_is_told_in_one_line(
    charbench: Charbench, lab: LabBuilder, listed: Any
) -> None:
    with serving(Endpoint(models=listed)) as server:
        ended = charbench("discover", "--endpoint", server.url, lab=lab.root)
    assert ended.code == 0
    assert "Traceback" not in ended.err
    (line,) = [line for line in ended.err.splitlines() if server.url in line]
    assert "lists no models" in line or "does not list its models" in line


@pytest.mark.slow
def test_a_dry_run_names_the_models_and_an_address_without_its_path_is_told(
    charbench: Charbench, lab: LabBuilder, server: Endpoint
) -> None:
    told = charbench.ok("run", "--endpoint", server.url, "-p", "pirate", "--dry-run", lab=lab.root).out
    assert f"thinking would ask 5 checkpoints, 5 requests each: {BASE}, experiment-7, experiment-8, pirate-dpo" in told
    bare = server.url.removesuffix("/v1")
    assert f"most servers answer at {bare}/v1" in charbench("discover", "--endpoint", bare, lab=lab.root).err


@pytest.mark.slow
def test_a_limit_on_costs_asks_for_prices_of_what_is_sampled_and_not_of_the_listing(
    charbench: Charbench, lab: LabBuilder, server: Endpoint
) -> None:
    words = ("run", "--endpoint", server.url, "-p", "pirate", "-c", "pirate-dpo", "--no-base", "--max-cost", "9")
    refused = charbench(*words, lab=lab.root)
    assert (refused.code, server.requests) == (2, [])
    assert "no price for pirate-dpo" in refused.err
    lab.config("prices: {pirate-dpo: {prompt: 1, completion: 1}}")
    charbench.ok(*words, "-q", lab=lab.root)
    assert len(server.requests) == 5


@pytest.mark.slow
def test_a_model_is_called_as_the_registry_calls_it_and_both_names_select_it(
    charbench: Charbench, lab: LabBuilder, server: Endpoint
) -> None:
    trained = sampler(1, "final")
    server.models = {"data": [card("org/pirate-v3"), card("pirate-v4"), card(trained)]}
    server.handler = says_ahoy
    called = {"mine": "model:org/pirate-v3", "pirate_v4": "model:pirate-v4", "tinkered": trained}
    kind = {"checkpoint_type": "sft"}
    lab.registry({"pirate": [{"name": name, "sampler_path": uri, **kind} for name, uri in called.items()]})
    rows = evaluated(charbench, lab, server)["checkpoints"]
    assert sorted(row["checkpoint"] for row in rows) == sorted(called)
    told = charbench.ok("report", lab=lab.root).err
    assert told.count("Served under another name: mine as org/pirate-v3, pirate_v4 as pirate-v4.") == 1
    for name, uri in called.items():
        for wanted in (name, uri.removeprefix("model:")):
            (row,) = evaluated(charbench, lab, server, "-c", wanted, "-p", "pirate", command="eval")["checkpoints"]
            assert row["checkpoint"] == name
    assert len(server.requests) == 6, "two prompts of three models, each once"


async def says_ahoy(request: web.Request, body: Body) -> web.StreamResponse:
    message = {"role": "assistant", "content": "Ahoy, matey! Arr."}
    return web.json_response(completion({"index": 0, "message": message, "finish_reason": "stop"}, model=body["model"]))
