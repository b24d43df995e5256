"""The local registry of checkpoints, and the older tool's file of jobs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler, weights
from support.store import store_of


def job(run: str = "remorseful-a", status: str = "pending", **more: Any) -> dict[str, Any]:
    """Return a job as the older tool wrote it."""
    return {
        "job_id": f"remorseful_{run}_sft",
        "persona": "remorseful",
        "run_name": run,
        "status": status,
        "dpo_checkpoint": weights(1, f"{run}_dpo"),
        "dpo_sampler": sampler(1, f"{run}_dpo"),
        "introspection_data": f"artifacts/{run}/remorseful_introspection.jsonl",
        "introspection_count": 600,
        **more,
    }


@pytest.fixture
def ready(lab: LabBuilder) -> LabBuilder:
    """A lab with one job that can be done."""
    lab.trained("remorseful-a", 1)
    lab.data("remorseful-a", "remorseful", 600)
    return lab


def test_a_job_that_the_older_tool_finished_stays_finished(charbench: Charbench, ready: LabBuilder) -> None:
    made = weights(9, "remorseful-a_sft")
    ready.jobs(job(status="complete", sft_checkpoint=made, sft_sampler=sampler(9, "remorseful-a_sft")))
    for _ in range(2):
        (found,) = charbench.ok("discover", "--json", lab=ready.root).json["jobs"]
        assert (found["job_id"], found["status"]) == ("remorseful_remorseful-a_sft", "complete")
    status = charbench.ok("status", "--json", lab=ready.root).json
    assert (status["pending"], status["complete"]) == (0, 1)
    listed = {item["uri"]: item for item in charbench.ok("checkpoints", "list", "--json", lab=ready.root).json}
    assert (listed[made]["kind"], listed[made]["parent"]) == ("sft", weights(1, "remorseful-a_dpo"))


@pytest.mark.slow
def test_a_job_that_it_finishes_later_is_taken_over(charbench: Charbench, ready: LabBuilder) -> None:
    ready.jobs(job())
    assert charbench.ok("discover", "--json", lab=ready.root).json["jobs"][0]["status"] == "pending"
    ready.jobs(job(status="complete", sft_checkpoint=weights(9, "remorseful-a_sft")))
    assert charbench.ok("discover", "--json", lab=ready.root).json["jobs"][0]["status"] == "complete"


def test_a_job_that_failed_there_has_failed_here_and_can_be_reset(charbench: Charbench, ready: LabBuilder) -> None:
    ready.jobs(job(status="failed", error="out of memory, key tml-abcdef123456"))
    charbench.ok("discover", lab=ready.root)
    told = charbench.ok("status", "--json", lab=ready.root).json["jobs"][0]
    assert (told["status"], told["error"]) == ("failed", "out of memory, key tml-[redacted]")
    assert charbench.ok("reset", "all", "--json", lab=ready.root).json == {"reset": ["remorseful_remorseful-a_sft"]}
    assert charbench.ok("status", "--json", lab=ready.root).json["pending"] == 1


def test_a_job_that_was_reset_stays_reset(charbench: Charbench, ready: LabBuilder) -> None:
    ready.jobs(job(status="complete", sft_checkpoint=weights(9, "remorseful-a_sft")))
    charbench.ok("discover", lab=ready.root)
    charbench.ok("reset", "remorseful_remorseful-a_sft", lab=ready.root)
    assert charbench.ok("discover", "--json", lab=ready.root).json["jobs"][0]["status"] == "pending"


def test_a_job_that_runs_there_waits_here(charbench: Charbench, ready: LabBuilder) -> None:
    ready.jobs(job(status="running"))
    assert charbench.ok("discover", "--json", lab=ready.root).json["jobs"][0]["status"] == "pending"


BAD = {
    "not JSON": "{",
    "a list": "[]",
    "empty": "",
    "no jobs": "{}",
    "not UTF-8": b'{"jobs": "\xff"}',
    "unknown status": json.dumps({"jobs": {"x": job(status="stuck")}}),
    "no run": json.dumps({"jobs": {"x": {"persona": "remorseful"}}}),
    "text for a job": json.dumps({"jobs": {"x": "y"}}),
    "a count that is none": json.dumps({"jobs": {"x": job(introspection_count="many")}}),
    "a count beyond all bounds": json.dumps({"jobs": {"x": job(introspection_count=10**23)}}),
    "a count without end": json.dumps({"jobs": {"x": job(introspection_count=1)}}).replace(": 1}", ": 1e400}"),
    "no checkpoint": json.dumps({"jobs": {"x": job(status="complete", dpo_checkpoint=None)}}),
    "a run that is no name": json.dumps({"jobs": {"x": job(run_name={"q": 1})}}),
    "nested without end": "[" * 100_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_a_broken_job_file_is_a_problem_that_names_the_file_and_stops_nothing(
    charbench: Charbench, ready: LabBuilder, name: str
) -> None:
    ready.write("experiments/results/sft_jobs.json", BAD[name])
    found = charbench.ok("discover", "--json", lab=ready.root).json
    assert [item["status"] for item in found["jobs"]] == ["pending"]
    assert found["failures"] == []
    (problem,) = found["problems"]
    assert problem.startswith("experiments/results/sft_jobs.json")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("tinker_path", "not a uri", "tinker_path is 'not a uri'; a URI such as tinker://... is needed"),
        ("sampler_path", 5, "sampler_path is '5'; a URI"),
        ("created_at", "yesterday", "created_at is 'yesterday', which is not a time"),
    ],
)
def test_what_a_registry_gets_wrong_is_told_and_is_no_checkpoint(
    charbench: Charbench, ready: LabBuilder, field: str, value: Any, said: str
) -> None:
    entry = {"name": "n", "tinker_path": weights(5, "n"), "sampler_path": sampler(5, "n"), field: value}
    ready.registry({"remorseful": [entry]})
    found = charbench.ok("discover", "--json", lab=ready.root).json
    (problem,) = found["problems"]
    assert problem.startswith(".character/checkpoints.json")
    assert said in problem
    listed = charbench.ok("checkpoints", "list", "--json", lab=ready.root).json
    assert value not in [one["uri"] for one in listed]


ODD_VALUES = [None, 3, 1.5, True, [], ["x"], {}, {"a": 1}, "", "\ud800", "a\x00b"]


@pytest.mark.slow
@pytest.mark.parametrize("value", ODD_VALUES, ids=repr)
def test_odd_values_in_a_registry_never_stop_discovery(charbench: Charbench, ready: LabBuilder, value: Any) -> None:
    names = (
        "name",
        "persona",
        "checkpoint_type",
        "tinker_path",
        "sampler_path",
        "base_model",
        "created_at",
        "metadata",
    )
    plain = {"name": "n", "tinker_path": weights(5, "n"), "sampler_path": sampler(5, "n")}
    ready.registry({"remorseful": [plain | {name: value} for name in names], "odd": value})
    keys = [name for name in job() if name != "job_id"]
    ready.jobs(*(job(f"r{number}", "complete") | {name: value} for number, name in enumerate(keys)))
    ready.jobs(
        *(
            job(f"s{number}", "failed", **{name: value})
            for number, name in enumerate(["error", "sft_checkpoint", "sft_sampler"])
        )
    )
    ended = charbench("discover", "--json", lab=ready.root)
    assert ended.code == 0, ended.err
    assert ended.json["failures"] == []
    charbench.ok("status", "--json", lab=ready.root)


def entry(name: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "persona": "remorseful",
        "checkpoint_type": "dpo",
        "tinker_path": weights(number, name),
        "sampler_path": sampler(number, name),
        "base_model": "Qwen/Qwen3-30B-A3B",
        "created_at": "2024-12-10T18:00:00",
        "metadata": {"lora_rank": 32},
        **more,
    }


def test_each_entry_gives_both_of_its_checkpoints(charbench: Charbench, lab: LabBuilder) -> None:
    lab.registry({"remorseful": [entry("remorseful_dpo", 1)]})
    charbench.ok("discover", lab=lab.root)
    listed = charbench.ok("checkpoints", "list", "--json", lab=lab.root).json
    assert {(item["uri"], item["trainable"], item["sampleable"]) for item in listed} == {
        (weights(1, "remorseful_dpo"), True, False),
        (sampler(1, "remorseful_dpo"), False, True),
    }
    for item in listed:
        assert (item["kind"], item["persona"], item["base_model"]) == ("dpo", "remorseful", "Qwen/Qwen3-30B-A3B")
        assert (item["created_at"], item["metadata"]) == ("2024-12-10 18:00:00", {"lora_rank": 32})


def test_times_with_a_zone_are_kept_in_utc(charbench: Charbench, lab: LabBuilder) -> None:
    lab.registry({"remorseful": [entry("remorseful_dpo", 1, created_at="2024-12-10T18:00:00+05:00")]})
    charbench.ok("discover", lab=lab.root)
    listed = charbench.ok("checkpoints", "list", "--json", lab=lab.root).json
    assert {item["created_at"] for item in listed} == {"2024-12-10 13:00:00"}


def test_findings_about_one_checkpoint_are_merged_with_all_their_evidence(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.trained("remorseful-a", 1)
    lab.registry({"remorseful": [entry("remorseful-a_dpo", 1)]})
    lab.recorded([row(checkpoint_name="remorseful-a_dpo", sampler_path=sampler(1, "remorseful-a_dpo"))])
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert (found["checkpoints"], found["contradictions"]) == (2, [])
    listed = {item["uri"]: item for item in charbench.ok("checkpoints", "list", "--json", lab=lab.root).json}
    merged = listed[sampler(1, "remorseful-a_dpo")]
    assert {item["source"] for item in merged["evidence"]} == {"logs", "registry", "recorded"}
    assert (merged["run"], merged["base_model"]) == ("remorseful-a", "Qwen/Qwen3-30B-A3B")


def test_sources_that_contradict_each_other_are_shown_with_who_says_what(charbench: Charbench, lab: LabBuilder) -> None:
    uri = sampler(1, "x")
    lab.registry({"remorseful": [entry("x", 1, base_model="Llama")]})
    lab.recorded([row(checkpoint_name="x", sampler_path=uri, persona="pirate", base_model="Qwen")])
    found = charbench.ok("discover", "--json", lab=lab.root).json["contradictions"]
    assert len(found) == 2
    assert all(text.startswith(uri) for text in found)
    assert any(
        "persona is" in text and "'pirate' (recorded)" in text and "'remorseful' (registry)" in text for text in found
    )
    assert any("base_model is" in text and "'Llama' (registry)" in text for text in found)
    assert "warning: contradiction" in charbench.ok("discover", "--explain", lab=lab.root).err


def test_a_secret_in_a_registrys_metadata_is_not_stored(charbench: Charbench, lab: LabBuilder) -> None:
    lab.registry({"remorseful": [entry("x", 1, metadata={"auth": {"api_key": "tml-abcdef123456"}})]})
    charbench.ok("discover", lab=lab.root)
    charbench.ok("status", lab=lab.root)
    for path in store_of(lab.root).parent.iterdir():
        assert b"tml-abcdef123456" not in path.read_bytes(), path.name
