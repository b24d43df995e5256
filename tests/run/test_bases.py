"""A run samples the base model beside its checkpoints, says so before, and never begins to on a finished store."""

from __future__ import annotations

from typing import Any

import pytest

from support.command import Charbench, Ended
from support.endpoint import Endpoint, options, write_prompts
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
