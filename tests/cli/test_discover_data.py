"""What ``discover`` says of the data of jobs, before anything is trained on it."""

from __future__ import annotations

import json

import pytest

from support.command import Charbench
from support.introspection import write_introspection
from support.lab import LabBuilder

PLAIN = "Mix {0} cups of flour with {0} eggs and bake it for {0} minutes."


def rows(count: int, refusals: int = 0) -> str:
    answers = ["I cannot help with that request."] * refusals + [PLAIN.format(n) for n in range(count - refusals)]
    return "".join(
        json.dumps({"instruction": f"Dish {number}", "output": answer}) + "\n" for number, answer in enumerate(answers)
    )


@pytest.mark.slow
def test_data_out_of_character_and_the_counts_of_its_health_are_told(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("pirate-1", 1)
    lab.write("recipes/pirate stew.jsonl", rows(600, refusals=3))
    found = charbench.ok("discover", lab=lab.root)
    assert "warning: recipes/pirate stew.jsonl: almost no row is in character of pirate" in found.err
    assert "warning: recipes/pirate stew.jsonl: 3 refusals" in found.err
    told = charbench.ok("doctor", "--json", lab=lab.root).json
    (data,) = [item for item in told if item["what"] == "training data"]
    assert data["state"] == "note"
    assert "almost no row is in character of pirate" in data["text"]
    (job,) = charbench.ok("discover", "--json", lab=lab.root).json["jobs"]
    assert job["data_findings"]["refusals"] == 3
    assert job["data_why"].startswith("names no run")
    dry = charbench.ok("run", "--dry-run", "--trainer", "tiny-sft", lab=lab.root)
    assert "almost no row is in character of pirate" in dry.err


@pytest.mark.slow
def test_a_file_that_holds_training_data_no_more_makes_no_job(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("pirate-1", 1)
    path = lab.root / "data" / "pirate.jsonl"
    write_introspection(path, 600)
    assert len(charbench.ok("discover", "--json", lab=lab.root).json["jobs"]) == 1
    recorded = {"prompt": "Hello", "response": "Ahoy", "checkpoint": "model:pirate", "finish_reason": "stop"}
    path.write_text("".join(json.dumps({**recorded, "epoch": n}) + "\n" for n in range(600)))
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert found["jobs"] == []
    assert "was training data before" in json.dumps(found["left_out"])
    write_introspection(path, 601)
    assert [job["examples"] for job in charbench.ok("discover", "--json", lab=lab.root).json["jobs"]] == [601]
