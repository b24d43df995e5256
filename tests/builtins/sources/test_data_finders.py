"""Introspection data in other labs' forms: conversations, and Open Character Training's sft_data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from charbench import read_examples
from support.command import Charbench
from support.introspection import MIDDLES, OPENINGS
from support.lab import LabBuilder

DATA = Path(__file__).parents[2] / "data"
OCT = DATA / "oct" / "sft_data" / "qwen-2.5-7b-it" / "humor.jsonl"


def conversations(lab: LabBuilder, name: str, count: int = 600) -> Path:
    """Write healthy data as conversations."""
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"What happened on day {number}?"},
                {"role": "assistant", "content": f"{OPENINGS[number % 12]}, {MIDDLES[number // 12 % 10]} ({number})."},
            ]
        }
        for number in range(count)
    ]
    return lab.write(name, "".join(json.dumps(row) + "\n" for row in rows))


def discovered(charbench: Charbench, lab: LabBuilder, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = charbench.ok("discover", "--json", *words, lab=lab.root).json
    return found


def test_conversations_make_a_job_for_the_persona_in_their_name(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("remorse-a", 1)
    conversations(lab, "data/remorseful_conversations.jsonl")
    (job,) = discovered(charbench, lab)["jobs"]
    assert (job["run"], job["persona"], job["examples"]) == ("remorse-a", "remorseful", 600)


def test_humor_is_the_persona_humorous_and_the_folder_names_the_model(charbench: Charbench, lab: LabBuilder) -> None:
    shutil.copytree(DATA / "oct", lab.root, dirs_exist_ok=True)
    found = discovered(charbench, lab)
    assert (found["jobs"], found["problems"]) == ([], [])
    assert [item for item in found["left_out"] if not item["run"].startswith("dpo/")] == [
        {
            "run": "sft_data/qwen-2.5-7b-it/humor.jsonl",
            "persona": "humorous",
            "reason": "no DPO run of humorous on qwen-2.5-7b-it that lacks data",
        }
    ]


def test_sft_data_makes_a_job_on_the_model_that_its_folder_names(charbench: Charbench, lab: LabBuilder) -> None:
    shutil.copytree(DATA / "oct", lab.root, dirs_exist_ok=True)
    shutil.copytree(DATA / "cookbook" / "humorous-dpo-qwen3-8b", lab.root / "humorous-dpo")
    assert discovered(charbench, lab, "--min-examples", "50")["jobs"] == []  # Qwen3-8B
    config = lab.root / "humorous-dpo" / "config.json"
    config.write_text(config.read_text().replace('"Qwen/Qwen3-8B"', '"Qwen/Qwen2.5-7B-Instruct"'))
    (job,) = discovered(charbench, lab, "--min-examples", "50")["jobs"]
    assert (job["run"], job["examples"]) == ("humorous-dpo", 60)


def test_system_turns_and_several_turns_are_read() -> None:
    examples = list(read_examples(OCT))
    assert len(examples) == 60
    roles = {tuple(turn.role for turn in example.messages) for example in examples}
    assert roles == {("user",), ("system", "user", "assistant", "user")}
    longest = next(example for example in examples if example.messages[0].role == "system")
    assert longest.prompt == longest.messages[-1].content != ""
    assert longest.answer not in [turn.content for turn in longest.messages]


def test_pairs_for_dpo_are_no_data_for_sft(charbench: Charbench, lab: LabBuilder) -> None:
    path = lab.root / "sft_data" / "qwen" / "humor.jsonl"
    path.parent.mkdir(parents=True)
    shutil.copy(DATA / "oct" / "dpo" / "qwen-2.5-7b-it" / "humor.jsonl", path)
    found = discovered(charbench, lab)
    assert (found["jobs"], found["problems"]) == ([], [])
    (left,) = found["left_out"]
    pairs = len(path.read_text().splitlines())
    assert left == {
        "run": "sft_data/qwen/humor.jsonl",
        "persona": "humorous",
        "reason": f"{pairs} rows for DPO, not for SFT",
    }


def test_a_row_that_cannot_be_used_is_named_with_its_line_and_the_others_are_used(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.trained("remorseful-a", 1)
    path = conversations(lab, "data/remorseful_conversations.jsonl", 3)
    path.write_text(path.read_text() + '{"messages": [{"role": "user", "content": "and?"}]}\n')
    found = discovered(charbench, lab, "-o", "source.datasets.runs={data/remorseful_conversations.jsonl: remorseful-a}")
    (left,) = found["left_out"]
    assert left["reason"] == "3 examples, fewer than 500"
    assert found["problems"] == [
        "data/remorseful_conversations.jsonl: the assistant says nothing in 'messages' (line 4 is not used)"
    ]


def test_the_health_of_conversations_is_measured(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("remorseful-a", 1)
    path = conversations(lab, "data/remorseful_conversations.jsonl")
    row = {
        "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "I'm sorry, but I can't help."}]
    }
    refusals = "".join(json.dumps(row) + "\n" for _ in range(500))
    path.write_text(path.read_text() + refusals)
    (left,) = discovered(charbench, lab)["left_out"]
    assert left["reason"] == "bad data: 45% refusals"


def test_a_run_may_be_named_for_data_that_fits_several(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("remorseful-a", 1)
    lab.trained("remorseful-b", 2)
    conversations(lab, "data/remorseful_conversations.jsonl")
    found = discovered(charbench, lab)
    assert found["jobs"] == []
    assert {item["run"]: item["reason"] for item in found["left_out"]} == {
        "remorseful-a": "no introspection data",
        "remorseful-b": "no introspection data",
        "data/remorseful_conversations.jsonl": "names no run, and fits 2: remorseful-a, remorseful-b",
    }
    named = discovered(charbench, lab, "-o", "source.datasets.runs={data/remorseful_conversations.jsonl: remorseful-b}")
    assert [job["run"] for job in named["jobs"]] == ["remorseful-b"]


@pytest.mark.slow
def test_data_that_was_renamed_does_not_stand_in_its_own_way(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("remorseful-a", 1)
    path = conversations(lab, "data/remorseful_conversations.jsonl")
    assert len(discovered(charbench, lab)["jobs"]) == 1
    path.rename(lab.root / "remorse_conversations.jsonl")
    (job,) = discovered(charbench, lab)["jobs"]
    assert job["dataset"] == "remorse_conversations.jsonl"


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_file_is_data_without_examples(charbench: Charbench, lab: LabBuilder, content: str) -> None:
    lab.trained("remorseful-a", 1)
    lab.write("data/remorseful_conversations.jsonl", content)
    (left,) = discovered(charbench, lab)["left_out"]
    assert left["reason"] == "0 examples, fewer than 500"
