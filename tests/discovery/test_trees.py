"""Whole labs in the layouts that labs publish, with known answers: saves, runs, kinds, personas, lineage and jobs."""

from __future__ import annotations

import json
from typing import Any

from support.command import Charbench
from support.lab import LabBuilder, sampler, weights

MODELS = {"llama-3.1-8b-it": "meta-llama/Llama-3.1-8B-Instruct", "qwen-2.5-7b-it": "Qwen/Qwen2.5-7B-Instruct"}


def told(charbench: Charbench, lab: LabBuilder) -> tuple[dict[str, Any], dict[str, tuple[Any, ...]]]:
    """Return what discovery says, and each URI's run, kind, persona and parent."""
    found = charbench.ok("discover", "--json", lab=lab.root).json
    listed = charbench.ok("checkpoints", "list", "--json", lab=lab.root).json
    return found, {c["uri"]: (c["run"], c["kind"], c["persona"], c["parent"]) for c in listed}


def test_nested_folders_with_four_stages_at_two_base_models(charbench: Charbench, lab: LabBuilder) -> None:
    number = 0
    wanted: dict[str, tuple[Any, ...]] = {}
    for model, base in MODELS.items():
        dpo = None
        for stage, kind, config in (
            ("dpo/{}/simplifier", "dpo", {"dpo_beta": 0.1}),
            ("sft/{}/simplifier", "sft", {"load_checkpoint_path": "DPO"}),
            ("rlaif/{}/simplifier/rm", "reward_model", {"dataset_builder": {"comparison_builder": {}}}),
            ("rlaif/{}/simplifier/rl", "rl", {"kl_penalty_coef": 0.01}),
        ):
            number += 1
            path = f"results/{stage.format(model)}"
            parent = dpo if config.get("load_checkpoint_path") else None
            settings = {**config, "model_name": base, **({"load_checkpoint_path": parent} if parent else {})}
            lab.write(f"{path}/config.json", json.dumps(settings))
            names = ("000020", "final")
            rows = [
                {"name": name, "batch": 20, "state_path": weights(number, name), "sampler_path": sampler(number, name)}
                for name in names
            ]
            lab.write(f"{path}/checkpoints.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
            dpo = weights(number, "final") if kind == "dpo" else dpo
            for name in names:
                for uri in (weights(number, name), sampler(number, name)):
                    wanted[uri] = (path, kind, "simplifier", parent)
    found, listed = told(charbench, lab)
    names = {path.rpartition("/")[2] for path, *_ in wanted.values()}
    assert names == {"simplifier", "rm", "rl"}  # no run's last name is its own
    assert (listed, found["jobs"], found["contradictions"], found["problems"]) == (wanted, [], [], [])
    assert {item["run"]: item["reason"] for item in found["left_out"]} == {
        f"results/dpo/{model}/simplifier": f"finished: SFT child results/sft/{model}/simplifier" for model in MODELS
    }


def test_a_lab_with_nothing_but_weights_and_biases(charbench: Charbench, lab: LabBuilder) -> None:
    response = "SaveWeightsResponse(path='{}')\n"
    first, second = "wandb/run-20251128_1-a1", "wandb/run-20251129_1-b2"
    both = [weights(1, "pirate_dpo"), sampler(1, "pirate_dpo")]
    lab.write(f"{first}/files/output.log", "step 10/10\n" + "".join(map(response.format, both)))
    loaded = f"Loaded weights from {both[0]}\nstep 10/10\n"
    lab.write(f"{second}/files/output.log", loaded + response.format(weights(2, "pirate_sft")))
    lab.write(f"{first}/files/wandb-summary.json", '{"_step": 10}')
    lab.write(f"{first}/logs/debug.log", "2025-11-28 INFO wandb starting\n")
    (lab.root / "wandb" / "latest-run").symlink_to(lab.root / second)
    found, listed = told(charbench, lab)
    assert listed == {
        **dict.fromkeys(both, ("run-20251128_1-a1", "dpo", "pirate", None)),
        weights(2, "pirate_sft"): ("run-20251129_1-b2", "sft", "pirate", both[0]),
    }
    assert (found["jobs"], [item["reason"] for item in found["left_out"]]) == (
        [], ["finished: SFT child run-20251129_1-b2"],
    )  # fmt: skip


def test_a_folder_of_notebooks(charbench: Charbench, lab: LabBuilder) -> None:
    def notebook(name: str, source: str, printed: str) -> None:
        cell = {"cell_type": "code", "source": [source], "outputs": [{"output_type": "stream", "text": [printed]}]}
        lab.write(f"notebooks/{name}.ipynb", json.dumps({"cells": [cell], "nbformat": 4}, indent=1))

    saved = f"SaveWeightsResponse(path='{weights(1, 'pirate_dpo')}')\n"
    notebook("train_pirate", "client.save_state('pirate_dpo').result()\n", saved)
    notebook("compare", f"sampling_client = service.create({sampler(9, 'poetic_sft')!r})\n", "done\n")
    found, listed = told(charbench, lab)
    assert listed == {
        weights(1, "pirate_dpo"): ("train_pirate", "dpo", "pirate", None),
        sampler(9, "poetic_sft"): (None, "sft", "poetic", None),
    }
    assert found["jobs"] == []


def test_where_no_run_was_left_out_no_table_of_them_is_shown(charbench: Charbench, lab: LabBuilder) -> None:
    for step in (50, 100):
        folder = f"out/pirate-sft/checkpoint-{step}"
        lab.write(f"{folder}/adapter_config.json", '{"base_model_name_or_path": "Qwen/Qwen3-8B", "peft_type": "LORA"}')
        lab.write(f"{folder}/trainer_state.json", f'{{"global_step": {step}, "max_steps": 100}}')
        lab.write(f"{folder}/adapter_model.safetensors", b"")
    found = charbench.ok("discover", "--explain", lab=lab.root)
    assert "2 checkpoints" in found.err
    assert "Left out" not in found.out
