"""Folders with weights as TRL, Axolotl, Unsloth, OpenRLHF and PEFT leave them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import Checkpoint, Lab, SourceProblem, TrainingRun
from charbench_plugins.sources.huggingface.source import HuggingFaceSource
from support.command import Charbench
from support.lab import LabBuilder

BASE = "Qwen/Qwen3-8B"


def adapter(lab: LabBuilder, folder: str, base: str = BASE, step: int | None = None, **state: Any) -> None:
    """Write a PEFT adapter; with a step, the state that a trainer leaves beside it."""
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": base,
        "r": 64,
        "lora_alpha": 128,
        "task_type": "CAUSAL_LM",
    }
    lab.write(f"{folder}/adapter_config.json", json.dumps(config))
    lab.write(f"{folder}/adapter_model.safetensors", b"\x00no header: it is never opened")
    if step is not None:
        history = [{"step": 10, "loss": 2.5}, {"step": step, "loss": 0.75}, {"step": step, "train_runtime": 3}]
        said = {"global_step": step, "max_steps": 1000, "log_history": history} | state
        lab.write(f"{folder}/trainer_state.json", json.dumps(said))


def model(lab: LabBuilder, folder: str, **config: Any) -> None:
    said = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"} | config
    lab.write(f"{folder}/config.json", json.dumps(said))
    lab.write(f"{folder}/model-00001-of-00002.safetensors", b"")
    lab.write(f"{folder}/model.safetensors.index.json", "{}")


@pytest.fixture
def trees(lab: LabBuilder) -> LabBuilder:
    for step in (500, 1000):  # TRL's DPO trainer, with its card
        adapter(lab, f"outputs/dpo/pirate/checkpoint-{step}", step=step)
    adapter(lab, "outputs/dpo/pirate")
    lab.write("outputs/dpo/pirate/README.md", "---\nbase_model: Qwen/Qwen3-8B\ntags:\n- trl\n- dpo\n---\n# pirate\n")
    adapter(lab, "outputs/sft/pirate/checkpoint-40", base="outputs/dpo/pirate", step=40, max_steps=40)  # Axolotl
    adapter(lab, "runs/remorseful/checkpoint-300", step=300)  # Unsloth, stopped early
    model(lab, "openrlhf/rm-humorous/global_step100", architectures=["Qwen3ForSequenceClassification"])
    model(lab, "openrlhf/humorous-sft", _name_or_path=BASE)
    lab.write("configs/config.json", json.dumps({"model_type": "qwen3"}))  # no weights beside it
    return lab


def listed(charbench: Charbench, lab: LabBuilder) -> dict[str, Any]:
    charbench.ok("discover", lab=lab.root)
    return {item["uri"]: item for item in charbench.ok("checkpoints", "list", "--json", lab=lab.root).json}


def test_every_folder_with_weights_is_a_checkpoint_with_what_its_files_say(
    charbench: Charbench, trees: LabBuilder
) -> None:
    found = listed(charbench, trees)
    assert sorted(found) == [
        "file:openrlhf/humorous-sft",
        "file:openrlhf/rm-humorous/global_step100",
        "file:outputs/dpo/pirate",
        "file:outputs/dpo/pirate/checkpoint-1000",
        "file:outputs/dpo/pirate/checkpoint-500",
        "file:outputs/sft/pirate/checkpoint-40",
        "file:runs/remorseful/checkpoint-300",
    ]
    final, half = found["file:outputs/dpo/pirate"], found["file:outputs/dpo/pirate/checkpoint-500"]
    assert (final["persona"], final["kind"], final["base_model"]) == ("pirate", "dpo", BASE)
    assert (final["metadata"]["rank"], final["metadata"]["final"]) == (64, True)
    assert (half["metadata"]["step"], half["metadata"]["loss"], half["name"]) == (500, 0.75, "pirate-step-500")
    assert "final" not in half["metadata"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folders", "runs"),
    [
        (["exp/ckpt/_actor/global_step9_hf", "exp/ckpt/_actor/global_step4_hf"], {"exp": ["exp-step-4", "exp-step-9"]}),
        (["out/pirate/weights/step_9"], {"pirate": ["pirate-step-9"]}),
        (["runs/pirate/checkpoints/epoch_1", "runs/pirate/final"], {"pirate": ["pirate-epoch-1", "pirate-final"]}),
        (["checkpoints/poet/step_1", "checkpoints/pirate/step_1"],
         {"pirate": ["pirate-step-1"], "poet": ["poet-step-1"]}),
        (["a/output/checkpoint-5", "a/results/checkpoint-5"],
         {"output": ["output-step-5"], "results": ["results-step-5"]}),
        (["checkpoints/checkpoint-5"], {"lab": ["lab-step-5"]}),
        (["weights"], {"lab": ["lab-weights"]}),
    ],
)  # fmt: skip
def test_folders_that_only_hold_saves_do_not_name_the_run(
    charbench: Charbench, lab: LabBuilder, folders: list[str], runs: dict[str, list[str]]
) -> None:
    for folder in folders:
        adapter(lab, folder)
    found: dict[str, list[str]] = {}
    for item in listed(charbench, lab).values():
        found.setdefault(item["run"].replace(lab.root.name, "lab"), []).append(
            item["name"].replace(lab.root.name, "lab")
        )
    assert {run: sorted(names) for run, names in found.items()} == runs


def test_an_adapter_on_the_labs_own_folder_is_its_child(charbench: Charbench, trees: LabBuilder) -> None:
    child = listed(charbench, trees)["file:outputs/sft/pirate/checkpoint-40"]
    assert (child["parent"], child["base_model"], child["kind"]) == ("file:outputs/dpo/pirate", BASE, "sft")


def test_a_model_of_the_labs_own_is_the_base_model_of_its_adapters_unless_it_was_trained_itself(
    charbench: Charbench, lab: LabBuilder
) -> None:
    model(lab, "models/small")
    model(lab, "outputs/dpo/remorseful")
    adapter(lab, "outputs/sft/pirate", base="models/small")
    adapter(lab, "outputs/sft/remorseful", base="outputs/dpo/remorseful")
    found = listed(charbench, lab)
    assert found["file:outputs/sft/pirate"]["base_model"] == "file:models/small"
    assert found["file:outputs/sft/remorseful"]["parent"] == "file:outputs/dpo/remorseful"
    assert found["file:outputs/sft/remorseful"]["base_model"] is None


def test_what_charbench_wrote_of_an_adapters_training_is_read(charbench: Charbench, lab: LabBuilder) -> None:
    adapter(lab, "outputs/pirate_new", base="/models/elsewhere")
    said = {"kind": "sft", "parent": "file:outputs/old", "dataset": "d.jsonl", "renderer": "qwen3", "recipe": "quick"}
    lab.write("outputs/pirate_new/charbench_training.json", json.dumps({**said, "base_model": BASE, "rank": 4}))
    made = listed(charbench, lab)["file:outputs/pirate_new"]
    assert {name: made[name] for name in said} == said
    assert made["base_model"] == BASE


def test_a_run_that_stopped_early_is_unfinished_with_its_step(trees: LabBuilder) -> None:
    found = list(HuggingFaceSource().find(Lab(trees.root, {})))
    runs = {run.name: (run.state.value, run.step, run.total_steps) for run in found if isinstance(run, TrainingRun)}
    assert runs["runs/remorseful"] == ("unfinished", 300, 1000)
    assert runs["outputs/sft/pirate"] == ("finished", 40, 40)
    assert runs["outputs/dpo/pirate"] == ("finished", 1000, 1000)


def test_what_was_logged_tells_preference_training_where_no_card_does(lab: LabBuilder) -> None:
    adapter(lab, "a/checkpoint-5", step=5, log_history=[{"rewards/chosen": 0.1, "loss": 0.6}])
    (found,) = (one for one in HuggingFaceSource().find(Lab(lab.root, {})) if isinstance(one, Checkpoint))
    assert found.kind.value == "dpo"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda one: st.lists(one, max_size=2)
)
FIELDS = ("base_model_name_or_path", "r", "task_type", "global_step", "max_steps", "log_history", "architectures")


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON, st.binary(max_size=40))
def test_odd_files_break_nothing(tmp_path_factory: pytest.TempPathFactory, said: Any, raw: bytes) -> None:
    lab = LabBuilder(tmp_path_factory.mktemp("lab"))
    adapter(lab, "good", step=5)
    for folder, content in (("odd", json.dumps(said).encode()), ("raw", raw)):
        for name in (
            "adapter_config.json",
            "trainer_state.json",
            "charbench_training.json",
            "README.md",
            "adapter_model.bin",
        ):
            lab.write(f"{folder}/{name}", content)
    found = list(HuggingFaceSource().find(Lab(lab.root, {})))
    assert "file:good" in {one.uri for one in found if isinstance(one, Checkpoint)}
    assert all(one.message for one in found if isinstance(one, SourceProblem))


def test_the_lab_itself_may_be_a_run_and_weights_that_are_missing_are_told(
    charbench: Charbench, lab: LabBuilder
) -> None:
    adapter(lab, "pirate-dpo")
    adapter(lab, "pirate-dpo/checkpoint-7", step=7)
    lab.write(
        "pirate-dpo/copied/adapter_config.json", json.dumps({"base_model_name_or_path": BASE, "peft_type": "LORA"})
    )
    root = lab.root / "pirate-dpo"
    found = charbench.ok("discover", "--json", lab=root).json
    listed = charbench.ok("checkpoints", "list", "--json", lab=root).json
    assert {item["name"] for item in listed} == {"pirate-dpo", "pirate-dpo-step-7"}
    assert {(item["run"], item["kind"], item["persona"]) for item in listed} == {("pirate-dpo", "dpo", "pirate")}
    assert "no weights beside it" in found["looked_at"]["unused"]["copied/adapter_config.json"]
