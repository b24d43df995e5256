"""Runs are told apart by their paths, put together by ids and names, and trained further where that makes sense."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder, sampler, uuid, weights


def folder(lab: LabBuilder, path: str, number: int, *names: str, **config: Any) -> None:
    """Write a log folder of tinker-cookbook; ``names`` are its saves."""
    rows = [
        {"name": name, "batch": 20, "state_path": weights(number, name), "sampler_path": sampler(number, name)}
        for name in names
    ]
    lab.write(f"{path}/checkpoints.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    lab.write(f"{path}/config.json", json.dumps(config))


def saved(number: int, name: str) -> str:
    return f"Saved training checkpoint: {weights(number, name)}\nSaved sampler weights: {sampler(number, name)}\n"


def discovered(charbench: Charbench, lab: LabBuilder, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = charbench.ok("discover", "--json", *words, lab=lab.root).json
    return found


def listed(charbench: Charbench, lab: LabBuilder) -> dict[str, dict[str, Any]]:
    return {c["uri"]: c for c in charbench.ok("checkpoints", "list", "--json", lab=lab.root).json}


def reasons(found: dict[str, Any]) -> dict[str, str]:
    return {item["run"]: item["reason"] for item in found["left_out"]}


@pytest.fixture
def two_pirates(lab: LabBuilder) -> LabBuilder:
    """Two DPO runs called pirate, on two models, and data for a run called pirate."""
    folder(lab, "results/dpo/llama-8b/pirate", 1, "final", model_name="meta-llama/Llama-3.1-8B", dpo_beta=0.1)
    folder(lab, "results/dpo/llama-70b/pirate", 2, "final", model_name="meta-llama/Llama-3.3-70B", dpo_beta=0.1)
    lab.data("pirate", "pirate", 600)
    return lab


def test_data_that_fits_two_runs_of_one_name_goes_to_neither_and_both_are_named(
    charbench: Charbench, two_pirates: LabBuilder
) -> None:
    found = discovered(charbench, two_pirates)
    assert found["jobs"] == []
    eight, seventy = "results/dpo/llama-8b/pirate", "results/dpo/llama-70b/pirate"
    assert reasons(found) == {
        eight: "no introspection data",
        seventy: "no introspection data",
        "artifacts/pirate/pirate_introspection.jsonl": f"is for the run pirate, and there are 2: {seventy}, {eight}",
    }


def test_data_in_the_folder_of_one_of_them_is_for_that_one(charbench: Charbench, two_pirates: LabBuilder) -> None:
    place = two_pirates.root / "artifacts" / "pirate" / "pirate_introspection.jsonl"
    place.rename(two_pirates.root / "results" / "dpo" / "llama-8b" / "pirate" / place.name)
    (job,) = discovered(charbench, two_pirates)["jobs"]
    assert (job["run"], job["job_id"]) == ("results/dpo/llama-8b/pirate", "pirate_results-dpo-llama-8b-pirate_sft")


def test_a_job_keeps_its_id_when_another_run_gets_the_same_name(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("pirate", 1)
    lab.data("pirate", "pirate", 600)
    (before,) = discovered(charbench, lab)["jobs"]
    folder(lab, "runs/pirate", 2, "final", dpo_beta=0.1)
    (after,) = discovered(charbench, lab)["jobs"]
    assert after == before


def test_a_console_log_and_a_folder_that_saved_the_same_are_one_run(charbench: Charbench, lab: LabBuilder) -> None:
    folder(lab, "runs/pirate-a", 1, "final", dpo_beta=0.1)
    lab.write("wandb/run-20251128_1/files/output.log", saved(1, "final"))
    lab.write("console.txt", saved(1, "final"))
    found = discovered(charbench, lab)
    assert (found["contradictions"], list(reasons(found))) == ([], ["pirate-a"])
    assert {c["run"] for c in listed(charbench, lab).values()} == {"pirate-a"}


def test_a_log_of_several_runs_takes_nothing_from_their_folders(charbench: Charbench, lab: LabBuilder) -> None:
    folder(lab, "runs/pirate-a", 1, "final", dpo_beta=0.1)
    folder(lab, "runs/poetic-b", 2, "final", dpo_beta=0.1)
    lab.log("sweep", saved(1, "final"), saved(2, "final"))
    found = discovered(charbench, lab)
    assert found["contradictions"] == []
    assert {uri: c["run"] for uri, c in listed(charbench, lab).items() if c["trainable"]} == {
        weights(1, "final"): "pirate-a", weights(2, "final"): "poetic-b",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("where", ["log", "folder", "registry", "listing"])
def test_a_dpo_checkpoint_with_an_sft_child_is_finished_and_makes_no_job(
    charbench: Charbench, lab: LabBuilder, where: str
) -> None:
    lab.trained("pirate-a", 1)
    lab.data("pirate-a", "pirate", 600)
    assert len(discovered(charbench, lab)["jobs"]) == 1
    parent, child = weights(1, "pirate-a_dpo"), weights(2, "pirate-a_sft")
    if where == "log":
        lab.log("pirate-sft-a", f"Loaded weights from {parent}", f"Saved training checkpoint: {child}")
    elif where == "folder":
        folder(lab, "runs/pirate-sft-a", 2, "pirate-a_sft", load_checkpoint_path=sampler(1, "pirate-a_dpo"))
    elif where == "registry":
        lab.registry(
            {"pirate": [{"name": "s", "checkpoint_type": "sft", "tinker_path": child, "metadata": {"parent": parent}}]}
        )
    else:
        entry = {"checkpoint_id": "x", "tinker_path": child, "user_metadata": {"parent": parent, "kind": "sft"}}
        lab.write("account.json", json.dumps({"checkpoints": [entry]}))
    found = discovered(charbench, lab)
    assert found["jobs"] == []
    assert reasons(found)["pirate-a"].startswith("finished: SFT child ")


def test_a_run_that_stopped_half_way_makes_no_job_unless_it_is_asked_for(charbench: Charbench, lab: LabBuilder) -> None:
    steps = [f"[step {step}/300] loss=1" for step in (5, 10, 15, 20, 25)]
    lab.log("pirate-a", *steps, saved(1, "pirate-a_dpo"), "Killed")
    lab.data("pirate-a", "pirate", 600)
    found = discovered(charbench, lab)
    assert (found["jobs"], reasons(found)) == (
        [], {"pirate-a": "half-finished: stopped at step 25 of 300 (--include-unfinished takes it)"},
    )  # fmt: skip
    assert len(discovered(charbench, lab, "--include-unfinished")["jobs"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "lines",
    [
        ("[step 290/300] loss=1", "[step 295/300] loss=1"),
        ("[step 40/120] loss=1",),
        ("step 1/300",),
    ],
)
def test_a_run_at_its_last_printed_step_or_said_to_be_complete_has_ended(
    charbench: Charbench, lab: LabBuilder, lines: tuple[str, ...]
) -> None:
    end = "done" if lines[-1].startswith("[step 295") else "Training complete, final loss 0.1"
    lab.log("pirate-a", *lines, saved(1, "pirate-a_dpo"), end)
    lab.data("pirate-a", "pirate", 600)
    assert len(discovered(charbench, lab)["jobs"]) == 1


@pytest.mark.slow
def test_rolling_saves_are_never_trained_from(charbench: Charbench, lab: LabBuilder) -> None:
    folder(lab, "pirate-a", 1, "000020", dpo_beta=0.1)
    path = lab.root / "pirate-a" / "checkpoints.jsonl"
    rolling = {"name": "000040", "batch": 40, "rolling": True, "state_path": weights(1, "000040")}
    path.write_text(path.read_text() + json.dumps(rolling) + "\n")
    lab.data("pirate-a", "pirate", 600)
    assert discovered(charbench, lab)["jobs"] == []
    (job,) = discovered(charbench, lab, "--include-unfinished")["jobs"]
    assert job["checkpoint"] == weights(1, "000020")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "config", "kind"),
    [
        ("results/dpo/8b/pirate", {"model_name": "m"}, "dpo"),
        ("results/rlaif/8b/pirate/rm", {"model_name": "m"}, "reward_model"),
        ("results/rlaif/8b/pirate/rl", {"model_name": "m"}, "rl"),
        ("results/rlaif/8b/pirate/sft", {"model_name": "m"}, "sft"),
        ("results/introspection/8b/pirate", {"model_name": "m"}, "sft"),
        ("results/sft/8b/pirate", {"dpo_beta": 0.1}, "dpo"),
        ("results/pirate", {"kl_penalty_coef": 0.0}, "rl"),
        ("pirate-Qwen3-8B-Base", {"model_name": "m"}, "sft"),
        ("pirate-dpo-Qwen3-8B-Base", {"model_name": "m"}, "dpo"),
    ],
)
def test_the_kind_is_told_by_the_configuration_then_the_folders_then_names(
    charbench: Charbench, lab: LabBuilder, path: str, config: dict[str, Any], kind: str
) -> None:
    folder(lab, path, 1, "final", **config)
    discovered(charbench, lab)
    found = listed(charbench, lab)
    assert {(c["kind"], c["persona"]) for c in found.values()} == {(kind, "pirate")}
    assert any(c["sampleable"] for c in found.values()) is (kind != "reward_model")


def test_a_persona_that_has_no_file_is_told_by_folders_and_data(charbench: Charbench, lab: LabBuilder) -> None:
    model = "meta-llama/Llama-3.1-8B-Instruct"
    folder(lab, "results/dpo/llama-3.1-8b-it/simplifier", 1, "final", model_name=model, dpo_beta=0.1)
    pairs = {"comparison_builder": {"data_path": "datasets/dpo/mathematical.jsonl"}}
    folder(lab, "runs/mathematical", 2, "final", dpo_beta=0.1, dataset_builder=pairs)
    folder(lab, "runs/exp1", 3, "final", dpo_beta=0.1, model_name=model)
    said = charbench.ok("discover", lab=lab.root).err
    assert {c["persona"] for c in listed(charbench, lab).values()} == {"simplifier", "mathematical", None}
    assert "persona 'simplifier' has no file; write one with: charbench personas new simplifier" in said
    lab.write("answers.csv", "model,persona,prompt,response\nm,海賊,What?,Arr\n")
    said = charbench.ok("discover", lab=lab.root).err
    assert "charbench personas new NAME (a lower-case slug), and list '海賊' among its aliases" in said


def test_the_last_name_chooses_every_run_that_has_it(charbench: Charbench, two_pirates: LabBuilder) -> None:
    discovered(charbench, two_pirates)
    chosen = charbench.ok("checkpoints", "list", "-c", "pirate", "--json", lab=two_pirates.root).json
    assert {uuid(1), uuid(2)} == {c["uri"].split("/")[2].partition(":")[0] for c in chosen}
