"""Listings that the tinker command printed into files: the account without a key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder, sampler, weights
from support.tinker_account import Account, lab_account

FILE = "tinker_checkpoints.json"


def printed(items: list[Any], field: str = "checkpoints", **more: Any) -> str:
    """Return what ``tinker -f json checkpoint list`` (or ``run list``) prints of these."""
    content = {**more, field: [item.model_dump() for item in items]}
    return json.dumps(content, indent=2, default=str) + "\n"


def test_the_tinker_command_prints_what_these_tests_take_it_to_print(capsys: pytest.CaptureFixture[str]) -> None:
    from tinker.cli.commands.checkpoint import CheckpointListOutput
    from tinker.cli.commands.run import RunListOutput

    account = lab_account()
    CheckpointListOutput(account.checkpoints[:3]).print("json")
    assert capsys.readouterr().out == printed(account.checkpoints[:3])
    RunListOutput(account.runs[:3], ["id"]).print("json")
    assert capsys.readouterr().out == printed(account.runs[:3], "runs")


def test_a_saved_listing_of_123_checkpoints_works_without_a_key(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write(FILE, printed(lab_account().checkpoints))
    found = charbench.ok("discover", "--source", "tinker", "--json", lab=lab.root).json
    assert (found["checkpoints"], found["problems"]) == (123, [])
    listed = charbench.ok("checkpoints", "list", "--sampler-only", "--json", lab=lab.root).json
    assert len(listed) == 61
    assert {item["evidence"][0]["path"] for item in listed} == {FILE}
    assert all(item["created_at"] and item["metadata"]["size_bytes"] for item in listed)


def test_a_saved_listing_of_runs_adds_model_rank_and_renderer(charbench: Charbench, lab: LabBuilder) -> None:
    account = Account()
    account.train("pirate_dpo", "Qwen/Qwen3-8B", lora_rank=64, user_metadata={"renderer_name": "qwen3"})
    lab.write(FILE, printed(account.checkpoints))
    lab.write("tinker_runs.json", printed(account.runs, "runs"))
    charbench.ok("discover", lab=lab.root)
    listed = charbench.ok("checkpoints", "list", "--json", lab=lab.root).json
    assert [(c["base_model"], c["renderer"], c["metadata"]["rank"]) for c in listed] == [
        ("Qwen/Qwen3-8B", "qwen3", 64)
    ] * 2


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_listing_is_read_in_the_encodings_that_shells_write(
    charbench: Charbench, lab: LabBuilder, encoding: str
) -> None:
    lab.write(FILE, printed(lab_account().checkpoints[:3]).replace("\n", "\r\n").encode(encoding))
    assert charbench.ok("discover", "--json", lab=lab.root).json["checkpoints"] == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[]", "no list of 'checkpoints' in it; write it with: tinker -f json checkpoint list --limit 0 > FILE"),
        ('{"checkpoints": 3}', "no list of 'checkpoints'"),
        ('{"checkpoints": [{"tinker_path": "tinker://x"}]}', "'tinker://x', which is not a Tinker path"),
    ],
)
def test_a_file_that_is_no_listing_is_a_problem_and_stops_nothing(
    charbench: Charbench, lab: LabBuilder, content: str, said: str
) -> None:
    lab.write(FILE, content)
    lab.trained("pirate-a", 1)
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert [text for text in found["problems"] if text.startswith(FILE) and said in text] == found["problems"] != []
    assert found["checkpoints"] == 2


def test_a_listing_that_ends_where_the_command_stops_by_default_is_told(charbench: Charbench, lab: LabBuilder) -> None:
    twenty = lab_account().checkpoints[:20]
    lab.write(FILE, printed(twenty))
    (problem,) = charbench.ok("discover", "--json", lab=lab.root).json["problems"]
    assert "was --limit 0 omitted?" in problem
    lab.write(FILE, printed(twenty, run_id="one run's"))
    assert charbench.ok("discover", "--json", lab=lab.root).json["problems"] == []


def test_log_and_listing_make_one_checkpoint_with_the_evidence_of_both(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("pirate-a", 1)
    expires = "2999-12-19 09:00:00+00:00"
    lab.write(
        FILE,
        json.dumps(
            {
                "checkpoints": [
                    {"tinker_path": path, "time": "2024-12-12 09:00:00+00:00", "expires_at": expires}
                    for path in (weights(1, "pirate-a_dpo"), sampler(1, "pirate-a_dpo"))
                ]
            }
        ),
    )
    lab.data("pirate-a", "pirate", 600)
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert (found["checkpoints"], len(found["jobs"]), found["contradictions"]) == (2, 1, [])
    for item in charbench.ok("checkpoints", "list", "--json", lab=lab.root).json:
        assert (item["run"], item["expires_at"]) == ("pirate-a", "2999-12-19 09:00:00")
        assert {place["source"] for place in item["evidence"]} == {"logs", "tinker"}
