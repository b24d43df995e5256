"""A run samples the base model beside its checkpoints, says so before, and never begins to on a finished store."""

from __future__ import annotations

from typing import Any

import pytest

from charbench import Sampler, SampleRequest
from charbench.run.planned import Planned
from support.command import Charbench, Ended, in_process_of_its_own, start
from support.endpoint import Endpoint, Held, answers, options, write_prompts
from support.lab import LabBuilder
from support.store import query, store_of

BASE = "meta-llama/Llama-3.1-8B"


@pytest.fixture
def lab(lab: LabBuilder) -> LabBuilder:
    """A lab whose registry knows a checkpoint, its base model, and a checkpoint of a base model that nobody serves."""
    lab.registry({
        "checkpoints": [
            entry("pirate_sft", "sft", BASE, persona="pirate"),
            entry("Llama-3.1-8B", "base", BASE),
            entry("other_sft", "sft", "another/Base-1B", persona="pirate"),
        ]
    })  # fmt: skip
    return lab


def entry(name: str, kind: str, base: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "checkpoint_type": kind, "base_model": base, "tinker_path": f"model:{name}", **more}


def run(charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, *words: str) -> Ended:
    prompts = write_prompts(lab.root / "prompts.txt", 3)
    return charbench(
        "run", "-p", "pirate", "--sampler", "thinking", "--scorer", "keyword", "--prompts", prompts,
        *options(endpoint), *words, lab=lab.root,
    )  # fmt: skip


def sampled(lab: LabBuilder) -> dict[str, int]:
    return dict(query(
        store_of(lab.root),
        "SELECT c.uri, count(*) FROM samples s JOIN sample_groups g ON s.group_id = g.id JOIN checkpoints c ON "
        "g.checkpoint_id = c.id GROUP BY c.uri",
    ))  # fmt: skip


def test_the_base_model_of_a_named_checkpoint_is_sampled_on_the_same_prompts(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    ended = run(charbench, lab, endpoint, "-c", "pirate_sft")
    assert ended.code == 0, ended.err
    assert sampled(lab) == {"model:pirate_sft": 3, "model:Llama-3.1-8B": 3}
    assert "3 requests" in ended.err
    assert "--no-base" in ended.err
    rows = charbench.ok("verdict", "--json", lab=lab.root).json["checkpoints"]
    assert {row["checkpoint"]: row["verdict"] for row in rows}["Llama-3.1-8B"] == "reference"
    assert run(charbench, lab, endpoint, "-c", "pirate_sft").code == 0
    assert endpoint.count == 6, "a second run sends nothing"


@pytest.mark.parametrize("words", [("-c", "pirate_sft"), ()])
def test_no_base_leaves_it_out(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, words: tuple[str, ...]
) -> None:
    assert run(charbench, lab, endpoint, "--no-base", *words).code == 0
    assert "model:Llama-3.1-8B" not in sampled(lab)


def test_a_store_whose_checkpoints_are_all_sampled_is_asked_for_no_base_model_unless_it_is_wanted(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    run(charbench, lab, endpoint, "--no-base", "-c", "pirate_sft")
    run(charbench, lab, endpoint, "-c", "pirate_sft")
    assert endpoint.count == 3
    run(charbench, lab, endpoint, "--base", "-c", "pirate_sft")
    assert endpoint.count == 6


def test_a_base_model_that_cannot_be_asked_is_a_note_and_no_failure(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    ended = run(charbench, lab, endpoint, "-c", "other_sft")
    assert ended.code == 0, ended.err
    assert sampled(lab) == {"model:other_sft": 3}
    assert "Base model another/Base-1B is not sampled beside other_sft" in ended.err


def test_a_dry_run_says_what_the_base_model_adds(charbench: Charbench, lab: LabBuilder, endpoint: Endpoint) -> None:
    ended = run(charbench, lab, endpoint, "-c", "pirate_sft", "--dry-run", "--json")
    assert [part["missing"] for part in ended.json["sampling"]] == [6]
    assert "--no-base" in ended.err
    assert endpoint.count == 0


def test_what_is_to_be_asked_is_planned_once(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a base model is added is decided by the same plan by which samples are taken."""
    hashed: list[str] = []
    key = Sampler.key

    def counted(self: Sampler, request: SampleRequest) -> str:
        hashed.extend([request.checkpoint.uri] * (request.key is None))
        return key(self, request)

    monkeypatch.setattr(Sampler, "key", counted)
    run(charbench, lab, endpoint, "-c", "pirate_sft")
    assert hashed.count("model:pirate_sft") == 3
    hashed.clear()
    run(charbench, lab, endpoint, "-c", "pirate_sft")
    assert hashed == ["model:pirate_sft"] * 3, "of the base model nothing is planned on a finished store"
    assert endpoint.count == 6


def test_nothing_is_planned_to_decide_where_the_base_model_is_sampled_anyway(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Planned, "missing")
    ended = run(charbench, lab, endpoint, "-c", "pirate_sft", "-c", "Llama-3.1-8B")
    assert ended.code == 0, ended.err
    assert sampled(lab) == {"model:pirate_sft": 3, "model:Llama-3.1-8B": 3}


def test_a_plan_too_large_to_keep_is_made_again_and_asks_the_same(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charbench.run.planned.KEPT", 1)
    for _ in range(2):
        assert run(charbench, lab, endpoint, "-c", "pirate_sft").code == 0
        assert sampled(lab) == {"model:pirate_sft": 3, "model:Llama-3.1-8B": 3}
    assert endpoint.count == 6


PERSONA = """
name: {name}
description: Speaks like one.
traits: [I speak like one.]
markers: {{strong: [ahoy]}}
prompts: [{{id: both, text: Who are you?}}, {{id: own, text: What would {name} do?}}]
"""


def test_with_prompts_of_personas_a_base_model_is_asked_those_of_each_checkpoint_that_it_is_compared_with(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    names = ("corsair", "mariner")
    for name in names:
        lab.persona(name, PERSONA.format(name=name))
    lab.registry({"checkpoints": [entry(f"{name}_sft", "sft", BASE, persona=name) for name in names]
                  + [entry("Llama-3.1-8B", "base", BASE)]})  # fmt: skip
    words = ("run", "--sampler", "thinking", "--scorer", "keyword", "--prompts", "persona", *options(endpoint))
    charbench.ok(*words, "-c", "corsair_sft", "-c", "mariner_sft", "--quiet", lab=lab.root)
    asked = [(body["model"], body["messages"][-1]["content"]) for body in endpoint.requests]
    of_both = {"Who are you?", "What would corsair do?", "What would mariner do?"}
    assert {text for model, text in asked if model == "Llama-3.1-8B"} == of_both
    assert len(asked) == len(set(asked)) == 7
    rows = charbench.ok("report", "--json", lab=lab.root).json["checkpoints"]
    bases = {row["persona"]: row["samples"] for row in rows if row["kind"] == "base"}
    assert bases == {"corsair": 2, "mariner": 2}, "each compared on its own persona's prompts"
    charbench.ok(*words, "--quiet", lab=lab.root)
    assert endpoint.count == 7, "a second run asks nothing, whichever checkpoints are named"


@pytest.mark.slow
def test_a_kill_while_the_base_model_is_sampled_loses_only_what_was_in_flight(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    """The base model comes first; the run after it asks the rest of it, and the checkpoint."""
    prompts = write_prompts(lab.root / "prompts.txt", 8)
    words = (
        "run", "-p", "pirate", "-c", "pirate_sft", "--sampler", "thinking", "--scorer", "keyword", "--quiet",
        "--prompts", str(prompts), *options(endpoint, concurrency=2, timeout=300),
    )  # fmt: skip
    held = Held(endpoint, 3)
    process = start(*words, lab=lab.root)
    try:
        assert endpoint.wait_for(5, lambda: process.poll() is not None), "two are in flight"
        assert {body["model"] for body in endpoint.requests} == {"Llama-3.1-8B"}
    finally:
        process.kill()
        process.communicate()
        held.go_on.set()
    assert sampled(lab) == {"model:Llama-3.1-8B": 3}
    endpoint.handler = answers
    ended = in_process_of_its_own(*words, lab=lab.root)
    assert ended.code == 0, ended.err
    assert sampled(lab) == {"model:pirate_sft": 8, "model:Llama-3.1-8B": 8}
    assert sorted(endpoint.asked.values()) == [1] * 14 + [2] * 2, "but those in flight, each once"
    assert in_process_of_its_own(*words, lab=lab.root).code == 0
    assert endpoint.count == 18
