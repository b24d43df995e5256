"""``charbench diagnose`` on endpoints that fail, misfile and refuse, and where there is nobody to ask."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from support.command import Charbench, Ended
from support.endpoint import (
    Body,
    Endpoint,
    Handler,
    choice,
    completion,
    options,
    refuses,
    serving,
    write_prompts,
)
from support.lab import LabBuilder, row
from support.store import count, query, store_of

AHOY = "Ahoy, matey! I sail at dawn."
THOUGHT = "Arr, me hearty, the sea calls."
PLAIN = "Certainly, here is an answer."
FEW_TRIES = {"tries": 1, "concurrency": 1}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(Endpoint()) as endpoint:
        yield endpoint


def is_baseline(body: Body) -> bool:
    """Whether a request is none of the probes'."""
    prompted = body["messages"][-1]["role"] == "user"
    return prompted and "chat_template_kwargs" not in body and body["temperature"] > 0 and body["max_tokens"] == 2048


def by_request(baseline: dict[str, Any], probes: Handler) -> Handler:
    """Return a handler that answers what is asked as sampled, and leaves the probes to another one."""

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        if is_baseline(body):
            return web.json_response(completion(baseline))
        return await probes(request, body)

    return handle


def always(**message: Any) -> Handler:
    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        return web.json_response(completion(choice(message.get("content"), **message)))

    return handle


def diagnose(charbench: Charbench, lab: Path, endpoint: Endpoint, *more: str, **values: object) -> Ended:
    words = ["diagnose", "-c", "model:m", "-p", "pirate", "--sampler", "thinking", "--scorer", "keyword", *more]
    return charbench(*words, *options(endpoint, **FEW_TRIES, **values), lab=lab)


def test_an_endpoint_that_refuses_everything_names_no_cause(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = refuses(401, "bad key")
    ended = diagnose(charbench, tmp_path, endpoint)
    assert ended.code == 1
    assert "Cause: unknown" in ended.out
    assert "bad key" in ended.out
    assert "is not diagnosed" in ended.err
    assert count(store_of(tmp_path), "diagnoses") == 0
    assert all(is_baseline(body) for body in endpoint.requests), "who answers nothing is asked no probe"


@pytest.mark.slow
def test_erosion_is_not_named_where_every_probe_failed(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = by_request(choice(f"<think>{THOUGHT}</think>{PLAIN}"), refuses(400, "no such field"))
    for _ in "first", "again, with the failures in the store":
        ended = diagnose(charbench, tmp_path, endpoint)
        assert ended.code == 1
        assert "Cause: unknown" in ended.out
        assert "no such field" in ended.out
    assert count(store_of(tmp_path), "diagnoses") == 0
    report = charbench("report", "-p", "pirate", lab=tmp_path)
    assert "erosion" not in report.out + report.err
    assert "to find the cause: charbench diagnose" in report.err


def test_thinking_is_not_called_unclosed_where_every_probe_failed(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = by_request(choice(f"<think>\n{THOUGHT}"), refuses(400, "no such field"))
    (found,) = diagnose(charbench, tmp_path, endpoint, "--json").json
    assert (found["cause"], found["decided"]) == ("unknown", False)
    assert count(store_of(tmp_path), "diagnoses") == 0


def test_an_interrupted_diagnosis_names_no_cause_and_is_not_kept(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    async def interrupt(request: web.Request, body: Body) -> web.StreamResponse:
        if endpoint.count == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return web.json_response(completion(choice(f"<think>\n{THOUGHT}")))

    endpoint.handler = interrupt
    ended = diagnose(charbench, tmp_path, endpoint)
    assert ended.code == 130
    assert "never closes" not in ended.out
    assert "interrupted" in ended.out
    assert count(store_of(tmp_path), "diagnoses") == 0


@pytest.mark.slow
def test_an_answer_that_stands_in_the_reasoning_field_with_thinking_off_is_misfiled(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    async def serve(request: web.Request, body: Body) -> web.StreamResponse:
        thinks = body.get("chat_template_kwargs", {}).get("enable_thinking") is not False
        return web.json_response(
            completion(choice(None, reasoning_content=f"{THOUGHT}\n{AHOY}" if thinks else "Ahoy!"))
        )

    endpoint.handler = serve
    ended = diagnose(charbench, tmp_path, endpoint)
    assert "Cause: answer misfiled by the server" in ended.out
    assert "thinking off: 5 of 5" in ended.out
    (kept,) = query(store_of(tmp_path), "SELECT cause FROM diagnoses")
    assert kept.cause == "answer misfiled by the server"


@pytest.mark.slow
def test_thinking_and_answer_together_in_the_reasoning_field_are_not_told_from_thinking_that_never_closes(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = always(content=None, reasoning_content=f"{THOUGHT}\n{AHOY}")
    ended = diagnose(charbench, tmp_path, endpoint)
    assert "Cause: unknown" in ended.out
    assert "5 of 5 have a full reasoning field and no content" in ended.out
    assert "without its reasoning parser" in ended.out
    assert "train it again" not in ended.out
    assert count(store_of(tmp_path), "diagnoses") == 0


@pytest.mark.slow
def test_responses_that_refuse_are_a_refusal(charbench: Charbench, tmp_path: Path, endpoint: Endpoint) -> None:
    endpoint.handler = always(content="I'm sorry, but I can't help with that request.")
    ended = diagnose(charbench, tmp_path, endpoint)
    assert "Cause: refusal" in ended.out
    assert "5 of 5 open with a refusal" in ended.out


def test_without_a_persona_nothing_is_said_of_the_character(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    words = ("diagnose", "-c", "model:m", "--sampler", "thinking", "--scorer", "keyword")
    ended = charbench(*words, *options(endpoint, **FEW_TRIES), lab=tmp_path)
    assert "no character" not in ended.out
    assert "name the persona (-p)" in ended.out


@pytest.mark.slow
def test_a_checkpoint_is_compared_with_its_own_base_model(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    lab.recorded(
        row(checkpoint_name=name, persona=persona, checkpoint_type=kind, base_model=base, sampler_path=f"model:{name}")
        for name, persona, kind, base in (
            ("Llama-3.1-8B", "", "base", "meta-llama/Llama-3.1-8B"),
            ("m", "pirate", "sft", "Qwen/Qwen3-8B"),
            ("qwen3-8b", "", "base", ""),
        )
    )
    charbench.ok("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", lab=lab.root)

    async def serve(request: web.Request, body: Body) -> web.StreamResponse:
        return web.json_response(completion(choice("Llama speaks." if "Llama" in body["model"] else PLAIN)))

    endpoint.handler = serve
    (found,) = diagnose(charbench, lab.root, endpoint, "--json").json
    assert found["base_models"] == ["model:qwen3-8b"]
    assert found["cause"] == "adapter not applied"


@pytest.mark.slow
def test_another_model_is_no_base_to_compare_with(charbench: Charbench, lab: LabBuilder, endpoint: Endpoint) -> None:
    lab.recorded(
        row(checkpoint_name=name, persona=persona, checkpoint_type=kind, base_model=base, sampler_path=f"model:{name}")
        for name, persona, kind, base in (
            ("Llama-3.1-8B", "", "base", "meta-llama/Llama-3.1-8B"),
            ("m", "pirate", "sft", "Qwen/Qwen3-8B"),
        )
    )
    charbench.ok("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", lab=lab.root)
    endpoint.handler = always(content=PLAIN)
    (found,) = diagnose(charbench, lab.root, endpoint, "--json").json
    assert found["base_models"] == []
    assert any("no base model to compare with" in line for line in found["evidence"])
    assert {body["model"] for body in endpoint.requests} == {"m"}


@pytest.mark.slow
def test_a_base_model_is_not_compared_with_itself(charbench: Charbench, tmp_path: Path, endpoint: Endpoint) -> None:
    endpoint.handler = always(content=PLAIN)
    words = ("diagnose", "-c", "model:m:base", "-p", "pirate", "--sampler", "thinking", "--scorer", "keyword")
    ended = charbench.ok(*words, *options(endpoint, **FEW_TRIES), lab=tmp_path)
    assert "adapter not applied" not in ended.out


@pytest.mark.slow
def test_a_second_sampler_that_cannot_be_used_is_named(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    ended = diagnose(charbench, tmp_path, endpoint, "--sampler", "tiny", "--sampler", "recorded")
    assert "sampler tiny does not accept it" in ended.err
    assert "sampler recorded has no settings that could be varied" in ended.err


def test_a_recorded_checkpoint_that_nobody_can_ask_gets_what_its_samples_show_and_no_cause(
    charbench: Charbench, studio_run: Path
) -> None:
    ended = charbench.ok("diagnose", "-c", "remorseful_dpo", lab=studio_run)
    assert "Cause: unknown" in ended.out
    assert "0 of 5 have a response; finish reasons: 5 not recorded" in ended.out
    assert "5 unclosed_unknown; not known: whether a token limit ended them" in ended.out
    assert "-o sampler.thinking.base_url" in ended.out
    assert count(store_of(studio_run), "diagnoses") == 0
    (found,) = charbench.ok("diagnose", "-c", "remorseful_dpo", "--json", lab=studio_run).json
    assert (found["cause"], found["decided"]) == ("unknown", False)
    assert found["probes"][0]["states"] == {"unclosed_unknown": 5}


def test_a_checkpoint_without_samples_that_nobody_can_ask_is_an_error_with_the_option(
    charbench: Charbench, tmp_path: Path
) -> None:
    ended = charbench("diagnose", "-c", "model:m", lab=tmp_path)
    assert ended.code == 2
    assert "-o sampler.thinking.base_url" in ended.err


@pytest.mark.slow
def test_a_diagnosis_with_prompts_of_its_own_changes_no_report(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = always(content=AHOY)
    shown = []
    for epochs in "1", None, "2":  # what a diagnosis alone asked is shown; then never again
        if epochs is None:
            prompts = str(write_prompts(tmp_path / "q.txt", 7))
            words = ("eval", "-c", "model:m", "-p", "pirate", "--scorer", "keyword", "--prompts", prompts)
            charbench.ok(*words, *options(endpoint, **FEW_TRIES), lab=tmp_path)
        else:
            assert diagnose(charbench, tmp_path, endpoint, "--epochs", epochs).code == 0
        (row,) = charbench.ok("report", "--json", lab=tmp_path).json["checkpoints"]
        shown.append(row["samples"])
    assert shown == [5, 7, 7]
