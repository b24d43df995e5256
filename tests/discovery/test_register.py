"""What the user names by its URI, and what a job has made, is taken in: nothing that is known of it is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler, weights

FINAL = sampler(1, "final")


def known(charbench: Charbench, lab: Path, uri: str) -> dict[str, Any]:
    listed = charbench.ok("checkpoints", "list", "--json", lab=lab).json
    (one,) = [item for item in listed if item["uri"] == uri]
    return {name: one[name] for name in ("kind", "persona", "base_model", "run", "parent", "renderer", "metadata")}


def cookbook(lab: LabBuilder) -> None:
    """Fill a log folder of tinker-cookbook's whose names tell no persona."""
    config = {"model_name": "Qwen/Qwen3-8B", "renderer_name": "qwen3", "load_checkpoint_path": weights(2, "final")}
    saved = {"name": "final", "batch": 20, "final": True, "state_path": weights(1, "final"), "sampler_path": FINAL}
    lab.write("mine-sft/config.json", json.dumps(config))
    lab.write("mine-sft/checkpoints.jsonl", json.dumps(saved) + "\n")
    lab.write("mine-sft/logs.log", f"Loaded weights from {weights(2, 'final')}\n")
    lab.write("mine-sft/metrics.jsonl", '{"step": 19, "progress/batch": 20}\n')


@pytest.mark.slow
def test_naming_the_persona_of_a_known_checkpoint_adds_that_and_loses_nothing(
    charbench: Charbench, lab: LabBuilder
) -> None:
    cookbook(lab)
    charbench.ok("discover", lab=lab.root)
    before = known(charbench, lab.root, FINAL)
    assert (before["kind"], before["persona"], before["base_model"]) == ("sft", None, "Qwen/Qwen3-8B")
    assert before["parent"] == weights(2, "final")
    charbench("eval", "-c", FINAL, "-p", "pirate", "--sampler", "recorded", lab=lab.root)
    assert known(charbench, lab.root, FINAL) == before | {"persona": "pirate"}
    charbench.ok("discover", lab=lab.root)
    assert known(charbench, lab.root, FINAL) == before | {"persona": "pirate"}


def test_a_checkpoint_that_nobody_knows_is_what_its_uri_and_the_command_line_say(
    charbench: Charbench, lab: LabBuilder
) -> None:
    charbench("eval", "-c", "model:mine_dpo", "-p", "pirate", "--sampler", "recorded", lab=lab.root)
    one = known(charbench, lab.root, "model:mine_dpo")
    assert (one["kind"], one["persona"], one["base_model"]) == ("dpo", "pirate", None)
    charbench("eval", "-c", "base:tiny", "-p", "pirate", "--sampler", "recorded", lab=lab.root)
    assert known(charbench, lab.root, "base:tiny")["kind"] == "base"


def test_recordings_of_a_base_model_are_what_its_checkpoints_are_compared_with(
    charbench: Charbench, lab: LabBuilder
) -> None:
    rows = [row(base_model="tiny-1b"), row(base_model="tiny-1b", timestamp="2025-01-01T00:00:00")]
    named = {
        "persona": "",
        "checkpoint_name": "",
        "checkpoint_type": "",
        "base_model": "",
        "sampler_path": "base:tiny-1b",
    }
    lab.recorded([*rows, row(**named, response="Fine.")])
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    one = known(charbench, lab.root, "base:tiny-1b")
    assert (one["kind"], one["base_model"]) == ("base", "tiny-1b")
    told = charbench.ok("report", "--json", lab=lab.root).json["checkpoints"]
    assert [(one["kind"], one["persona"], one["trait_rate"]) for one in told] == [
        ("dpo", "remorseful", 1),
        ("base", "remorseful", 0),
    ]
