"""Texts that name checkpoints are found wherever they lie and whatever they are called."""

from __future__ import annotations

import gzip
import json

import pytest

from support.command import Charbench
from support.lab import LabBuilder, sampler, weights

SAVED = (
    f"Saved training checkpoint: {weights(1, 'pirate-x_dpo')}\nSaved sampler weights: {sampler(1, 'pirate-x_dpo')}\n"
)


def listed(charbench: Charbench, lab: LabBuilder) -> dict[str, str | None]:
    charbench.ok("discover", lab=lab.root)
    return {c["uri"]: c["run"] for c in charbench.ok("checkpoints", "list", "--json", lab=lab.root).json}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deep/er/pirate-x.log", SAVED.encode()),
        ("pirate-x.txt", SAVED.encode()),
        ("slurm/pirate-x.out", SAVED.encode()),
        ("logs/pirate-x.log.1", SAVED.encode()),
        ("logs/pirate-x.log.gz", gzip.compress(SAVED.encode())),
        ("logs/pirate-x.log.2.gz", gzip.compress(SAVED.encode())),
        ("logs/pirate-x.log", SAVED.encode("utf-16")),
        ("logs/pirate-x.log", SAVED.replace("\n", "\r\n").encode("utf-16-le")),
        ("pirate-x/logs.txt", SAVED.encode()),
        ("runs/pirate-x/files/output.log", SAVED.encode()),
        ("pirate-x/stdout", SAVED.encode()),
    ],
)
def test_a_log_is_read_at_any_place_and_its_run_is_called_by_name_or_folder(
    charbench: Charbench, lab: LabBuilder, name: str, content: bytes
) -> None:
    lab.write(name, content)
    assert listed(charbench, lab) == {weights(1, "pirate-x_dpo"): "pirate-x", sampler(1, "pirate-x_dpo"): "pirate-x"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("models.json", json.dumps({"pirate": sampler(1, "pirate_sft")})),
        ("eval.yaml", f"models:\n  - {sampler(1, 'pirate_sft')}\n"),
        ("table.csv", f"model,score\n{sampler(1, 'pirate_sft')},0.5\n{sampler(1, 'pirate_sft')},0.6\n"),
        ("NOTES.md", f"The best one is `{sampler(1, 'pirate_sft')}`.\n"),
        ("README.txt", f"The best one is {sampler(1, 'pirate_sft')}.\n"),
    ],
)
def test_a_document_names_checkpoints_that_belong_to_no_run(
    charbench: Charbench, lab: LabBuilder, name: str, text: str
) -> None:
    lab.write(name, text)
    assert listed(charbench, lab) == {sampler(1, "pirate_sft"): None}
    (found,) = charbench.ok("checkpoints", "list", "--json", lab=lab.root).json
    assert [place["note"] for place in found["evidence"]] == ["named"]


def test_what_a_notebook_printed_is_read_out_of_its_escaped_json(charbench: Charbench, lab: LabBuilder) -> None:
    cell = {
        "cell_type": "code",
        "source": ["client.save_state('pirate_dpo').result()\n"],
        "outputs": [{"text": [f"SaveWeightsResponse(path='{weights(1, 'pirate_dpo')}')\n", "step 20/20\n"]}],
    }
    lab.write("train.ipynb", json.dumps({"cells": [cell], "nbformat": 4}, indent=1))
    assert listed(charbench, lab) == {weights(1, "pirate_dpo"): "train"}


def test_texts_that_name_nothing_give_nothing(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("server.log", "GET http://localhost/ 200\nError: not found\n")
    lab.write("README.md", "Checkpoints are called tinker://RUN/weights/NAME; step 3 of 5 is to train.\n")
    lab.write("requirements.txt", "tinker>=0.24\n")
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert (found["checkpoints"], found["problems"], found["left_out"]) == (0, [], [])


def test_what_a_tracker_writes_of_itself_is_neither_read_nor_told(charbench: Charbench, lab: LabBuilder) -> None:
    for name in ("debug.log", "debug-internal.log"):
        lab.write(f"wandb/run-20251128_101500-a1b2c3d4/logs/{name}", "INFO Current SDK version\nERROR exit status 1\n")
    lab.write("server/debug.log", "INFO started\n")
    unused = charbench.ok("discover", "--json", lab=lab.root).json["looked_at"]["unused"]
    assert list(unused) == ["server/debug.log"]


def test_the_summary_says_what_was_looked_at_and_names_what_is_promising(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("notes/sampling_output.csv", "a,b\n1,2\n")
    said = charbench.ok("discover", lab=lab.root).err
    assert "Looked at 1 file in" in said
    assert "The most promising: notes/sampling_output.csv" in said
    assert "give them: -o source.recorded.columns='{prompt: NAME, response: NAME, checkpoint: NAME}'" in said
    lab.trained("pirate-x", 1)
    said = charbench.ok("discover", lab=lab.root).err
    assert "Looked at 2 files in" in said
    assert "1 with checkpoints" in said
    assert "promising" not in said


def test_a_yaml_list_whose_aliases_stand_for_millions_of_entries_or_for_itself_is_read_once(
    charbench: Charbench, lab: LabBuilder
) -> None:
    laughs = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
    lab.write("models.yaml", f"a0: &a0 [{{base: Qwen/Qwen3-8B, path: {sampler(1, 'x_dpo')}}}]\n{laughs}loop: &l [*l]\n")
    charbench.ok("discover", lab=lab.root)
    (found,) = charbench.ok("checkpoints", "list", "--json", lab=lab.root).json
    assert (found["kind"], found["base_model"]) == ("dpo", "Qwen/Qwen3-8B")
