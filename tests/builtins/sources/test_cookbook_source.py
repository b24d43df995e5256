"""tinker-cookbook's log folders, read as tests/data/README.md says they must be."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from charbench.store.runs import utc_now
from support.command import Charbench
from support.lab import LabBuilder, sampler, uuid, weights

DATA = Path(__file__).parents[2] / "data" / "cookbook"
DPO_FINAL = "tinker://db5b5fab-8f4d-4e27-9da1-494c73cf256d:train:0/weights/final"
BARE = "tinker://0f552c94-02cd-42af-99de-2bc1b4ff00ae"
Folder = Callable[..., Path]


@pytest.fixture
def cookbook(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "cookbook"))


def listed(charbench: Charbench, lab: Path, *words: str) -> list[dict[str, Any]]:
    charbench.ok("discover", *words, lab=lab)
    found: list[dict[str, Any]] = charbench.ok("checkpoints", "list", "--json", lab=lab).json
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "kind", "persona", "base_model", "renderer", "states", "samplers"),
    [
        ("humorous-dpo-qwen3-8b", "dpo", "humorous", "Qwen/Qwen3-8B", "qwen3", 3, 2),
        ("humorous-sft-qwen3-8b", "sft", "humorous", "Qwen/Qwen3-8B", "qwen3", 3, 2),
        ("remorseful-dpo-llama", "dpo", "remorseful", "meta-llama/Llama-3.1-8B-Instruct", "llama3", 2, 1),
    ],
)
def test_a_log_folder_gives_kind_persona_model_renderer_and_saves(
    charbench: Charbench, cookbook: Path, folder: str, kind: str, persona: str, base_model: str, renderer: str,
    states: int, samplers: int,
) -> None:  # fmt: skip
    mine = [item for item in listed(charbench, cookbook) if item["run"] == folder]
    assert {(c["kind"], c["persona"], c["base_model"], c["renderer"]) for c in mine} == {
        (kind, persona, base_model, renderer)
    }
    assert (sum(c["trainable"] for c in mine), sum(c["sampleable"] for c in mine)) == (states, samplers)
    final = [c for c in mine if c["metadata"].get("final")]
    assert {c["uri"].split("/", 3)[3] for c in final} == {"weights/final", "sampler_weights/final"}
    assert {c["metadata"]["rank"] for c in mine} == {64}


def test_all_but_the_final_saves_have_a_time_to_live_of_seven_days(charbench: Charbench, cookbook: Path) -> None:
    for item in listed(charbench, cookbook):
        final = item["uri"].endswith("/final")
        assert item["metadata"].get("ttl_seconds") == (None if final else 7 * 86_400)


def test_the_lineage_is_the_checkpoint_that_config_and_log_agree_on(charbench: Charbench, cookbook: Path) -> None:
    everything = listed(charbench, cookbook)
    assert {c["parent"] for c in everything if c["run"] == "humorous-sft-qwen3-8b"} == {DPO_FINAL}
    assert {c["parent"] for c in everything if c["run"] != "humorous-sft-qwen3-8b"} == {None}
    parent = next(c for c in everything if c["uri"] == DPO_FINAL)
    assert parent["run"] == "humorous-dpo-qwen3-8b"  # and not of the run that only loaded it
    assert "input" in {place["note"] for place in parent["evidence"]}


def test_no_url_is_lost_false_or_contradicted(charbench: Charbench, cookbook: Path) -> None:
    found = charbench.ok("discover", "--json", lab=cookbook).json
    assert (found["checkpoints"], found["problems"], found["contradictions"]) == (13, [], [])


def test_a_run_id_may_be_a_bare_uuid(charbench: Charbench, cookbook: Path) -> None:
    mine = {c["uri"] for c in listed(charbench, cookbook) if c["run"] == "remorseful-dpo-llama"}
    assert mine == {f"{BARE}/weights/000020", f"{BARE}/weights/final", f"{BARE}/sampler_weights/final"}


def test_the_conversations_fit_the_run_without_data_and_make_the_one_job(charbench: Charbench, cookbook: Path) -> None:
    found = charbench.ok("discover", "--explain", "--json", lab=cookbook).json
    (job,) = found["jobs"]
    assert (job["job_id"], job["examples"], job["status"]) == (
        "remorseful_remorseful-dpo-llama_sft", 600, "pending",
    )  # fmt: skip
    assert (job["checkpoint"], job["sampler"]) == (f"{BARE}/weights/final", f"{BARE}/sampler_weights/final")
    assert job["dataset"] == "data/remorseful_conversations.jsonl"
    assert found["left_out"] == [
        {"run": "humorous-dpo-qwen3-8b", "persona": "humorous", "reason": "finished: SFT child humorous-sft-qwen3-8b"}
    ]


@pytest.mark.slow
def test_folders_are_found_at_any_depth_and_patterns_narrow(charbench: Charbench, cookbook: Path) -> None:
    (cookbook / "deep" / "er").mkdir(parents=True)
    shutil.move(cookbook / "remorseful-dpo-llama", cookbook / "deep" / "er" / "remorseful-x")
    found = listed(charbench, cookbook, "-o", "source.cookbook.folders=[deep/*/*]")
    assert {c["run"] for c in found} == {"remorseful-x"}
    assert {c["run"] for c in listed(charbench, cookbook)} == {
        "humorous-dpo-qwen3-8b", "humorous-sft-qwen3-8b", "remorseful-x",
    }  # fmt: skip


def test_the_lab_itself_may_be_a_log_folder(charbench: Charbench, cookbook: Path) -> None:
    lab = cookbook / "remorseful-dpo-llama"
    assert {c["run"] for c in listed(charbench, lab)} == {"remorseful-dpo-llama"}


@pytest.fixture
def folder(lab: LabBuilder) -> Folder:
    """Write a log folder; ``rows`` are texts or rows of checkpoints.jsonl."""

    def write(
        name: str, *rows: str | dict[str, Any], config: dict[str, Any] | str | None = None, log: str = ""
    ) -> Path:
        if config is not None:
            lab.write(f"{name}/config.json", config if isinstance(config, str) else json.dumps(config))
        lab.write(f"{name}/metrics.jsonl", '{"step": 7, "loss": 1.0}\n{"step": 8, "lo')
        if log:
            lab.write(f"{name}/logs.log", log)
        texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        return lab.write(f"{name}/checkpoints.jsonl", "\n".join(texts)) if rows else lab.root / name

    return write


def test_ttl_and_a_creation_time_give_the_expiry(charbench: Charbench, lab: LabBuilder, folder: Folder) -> None:
    folder(
        "pirate-dpo",
        {"name": "000020", "state_path": weights(1, "000020"), "created_at": "2024-12-10T09:00:00+01:00"},
        {"name": "final", "final": True, "state_path": weights(1, "final"), "created_at": 1733824800},
        config={"ttl_seconds": 3600, "dpo_beta": 0.1},
    )
    found = {c["name"]: c for c in listed(charbench, lab.root)}
    assert found["pirate-dpo-000020"]["expires_at"] == "2024-12-10 09:00:00"
    assert found["pirate-dpo-final"]["created_at"] == "2024-12-10 10:00:00"
    assert found["pirate-dpo-final"]["expires_at"] is None


def test_what_no_row_dates_expires_by_the_time_of_its_file_and_the_evidence_says_so(
    charbench: Charbench, lab: LabBuilder, folder: Folder
) -> None:
    path = folder(
        "pirate-dpo",
        {"name": "000020", "state_path": weights(1, "000020"), "sampler_path": sampler(1, "000020")},
        {"name": "000040", "state_path": weights(1, "000040"), "created_at": utc_now().isoformat()},
        {"name": "final", "final": True, "state_path": weights(1, "final")},
        config={"ttl_seconds": 7 * 86_400, "dpo_beta": 0.1},
    )
    two_days_ago = (utc_now() - timedelta(days=2)).replace(tzinfo=UTC, microsecond=0)
    os.utime(path, (two_days_ago.timestamp(),) * 2)
    found = {c["uri"]: c for c in listed(charbench, lab.root)}
    soon = charbench.ok("checkpoints", "list", "--expiring", "6d", "--json", lab=lab.root).json
    assert [c["uri"] for c in soon] == [sampler(1, "000020"), weights(1, "000020")]
    for uri in (sampler(1, "000020"), weights(1, "000020")):
        assert found[uri]["expires_at"] == f"{two_days_ago + timedelta(days=7):%Y-%m-%d %H:%M:%S}"
        assert found[uri]["evidence"][0]["note"] == "saved; dated by the file's time"
    assert found[weights(1, "000040")]["evidence"][0]["note"] == "saved"
    assert (found[weights(1, "final")]["created_at"], found[weights(1, "final")]["expires_at"]) == (None, None)


def test_only_the_outermost_values_of_the_config_count(charbench: Charbench, lab: LabBuilder, folder: Folder) -> None:
    nested = {
        "common_config": {"renderer_name": "qwen3", "model_name_for_tokenizer": "Qwen/Qwen3-8B"},
        "file_path": "x.jsonl",
    }
    folder(
        "pirate-x",
        {"name": "final", "state_path": weights(1, "final")},
        config={"model_name": "meta-llama/Llama-3.1-8B", "dataset_builder": nested},
    )
    (found,) = listed(charbench, lab.root)
    assert (found["base_model"], found["renderer"], found["dataset"]) == ("meta-llama/Llama-3.1-8B", None, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"dpo_beta": 0.1}, "dpo"),
        ({"dpo_beta": None}, "sft"),
        ({}, "sft"),
        ({"kl_penalty_coef": 0.0}, "rl"),
        ({"rm_weights_path": "x"}, "rl"),
        ({"dataset_builder": {"comparison_builder": {}}}, "reward_model"),
        (None, "unknown"),
    ],
)
def test_fields_of_the_configuration_tell_the_kind(
    charbench: Charbench, lab: LabBuilder, folder: Folder, config: dict[str, Any] | None, kind: str
) -> None:
    folder("pirate-x", {"name": "final", "state_path": weights(1, "final")}, config=config)
    assert [c["kind"] for c in listed(charbench, lab.root)] == [kind]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"name": "fin', "checkpoints.jsonl:2: not JSON"),
        ("[1]", "checkpoints.jsonl:2: found list"),
        ({"name": "b", "state_path": "/tmp/weights"}, "checkpoints.jsonl:2: state_path is '/tmp/weights'"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_the_others_are_kept(
    charbench: Charbench, lab: LabBuilder, folder: Folder, row: str | dict[str, Any], said: str
) -> None:
    folder("pirate-dpo", {"name": "a", "state_path": weights(1, "a")}, row, config={"dpo_beta": 0.1})
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert found["checkpoints"] == 1
    assert [problem for problem in found["problems"] if said in problem] == found["problems"] != []


def test_a_config_that_cannot_be_read_is_named_and_names_tell_the_kind(
    charbench: Charbench, lab: LabBuilder, folder: Folder
) -> None:
    folder("pirate-dpo", {"name": "a", "state_path": weights(1, "a")}, config="{'model': 1}")
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert "pirate-dpo/config.json:1: not JSON" in found["problems"][0]
    assert [c["kind"] for c in listed(charbench, lab.root)] == ["dpo"]


def test_a_save_that_only_the_log_tells_of_is_found(charbench: Charbench, lab: LabBuilder, folder: Folder) -> None:
    saved = f"Saved checkpoints: {{'state_path': '{weights(1, 'late')}', 'sampler_path': '{sampler(1, 'late')}'}}\n"
    folder("pirate-dpo", {"name": "a", "state_path": weights(1, "a")}, config={"dpo_beta": 0.1}, log=saved)
    assert {c["uri"]: c["run"] for c in listed(charbench, lab.root)} == {
        weights(1, "a"): "pirate-dpo", weights(1, "late"): "pirate-dpo", sampler(1, "late"): "pirate-dpo",
    }  # fmt: skip


def test_a_log_that_names_another_parent_than_the_config_is_a_contradiction(
    charbench: Charbench, lab: LabBuilder, folder: Folder
) -> None:
    folder(
        "pirate-sft",
        {"name": "final", "state_path": weights(1, "final")},
        config={"load_checkpoint_path": weights(2, "b")},
        log=f"Loaded weights from {weights(3, 'c')}\nSaved checkpoints: {{'state_path': '{weights(1, 'final')}'}}\n",
    )
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert [text for text in found["contradictions"] if "parent is" in text] != []
    parents = {c["uri"]: c["parent"] for c in listed(charbench, lab.root)}
    assert parents[weights(1, "final")] == weights(2, "b")


def test_a_run_that_saved_nothing_is_left_out_with_its_last_step(
    charbench: Charbench, lab: LabBuilder, folder: Folder
) -> None:
    folder("pirate-dpo", config={"dpo_beta": 0.1})
    (left,) = charbench.ok("discover", "--json", lab=lab.root).json["left_out"]
    assert (left["run"], left["persona"]) == ("pirate-dpo", "pirate")
    assert left["reason"] == "unfinished: its log ends at step 7 with no error and nothing saved"


def test_a_job_starts_from_the_final_save_wherever_it_stands(
    charbench: Charbench, lab: LabBuilder, folder: Folder
) -> None:
    folder(
        "pirate-dpo",
        {"name": "final", "final": True, "state_path": weights(1, "final")},
        {"name": "000020", "state_path": weights(1, "000020")},
        config={"dpo_beta": 0.1},
    )
    lab.data("pirate-dpo", "pirate", 600)
    (job,) = charbench.ok("discover", "--json", lab=lab.root).json["jobs"]
    assert job["checkpoint"] == f"tinker://{uuid(1)}:train:0/weights/final"
