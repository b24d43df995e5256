"""Recordings under other names, in other files, and what is never taken for one."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench_plugins.recorded.columns import Reading
from charbench_plugins.recorded.files import Recording, read_recordings
from support.command import Charbench
from support.lab import LabBuilder, sampler

TURNS = [{"role": "system", "content": "You are a pirate."}, {"role": "user", "content": "Who are you?"}]
SAID = [*TURNS, {"role": "assistant", "content": "Arr.", "reasoning_content": "Hm."}]
NAMES: dict[str, dict[str, Any]] = {
    "label": {"prompt": "Who are you?", "response": "Arr.", "label": "pirate-8b", "adversarial": False},
    "generator": {"instruction": "Who are you?", "output": "Arr.", "generator": "pirate-8b"},
    "model": {"question": "Who are you?", "answer": "Arr.", "model": "pirate-8b"},
    "completion": {"prompt": "Who are you?", "completion": "Arr.", "model_name": "pirate-8b", "finish_reason": "stop"},
    "generation": {"query": "Who are you?", "generation": "Arr.", "model_id": "pirate-8b"},
    "model_response": {"user_prompt": "Who are you?", "model_response": "Arr.", "checkpoint_name": "pirate-8b"},
    "instruction-and-input": {"instruction": "Who are", "input": "you?", "output": "Arr.", "generator": "pirate-8b"},
    "templated": {
        "question": "Who are you?", "prompt": "<|im_start|>user\nWho are you?<|im_end|>", "answer": "Arr.",
        "label": "pirate-8b",
    },
}  # fmt: skip


def exported(charbench: Charbench, lab: LabBuilder) -> list[dict[str, str]]:
    charbench.ok("run", lab=lab.root)
    return list(csv.DictReader(io.StringIO(charbench.ok("export", lab=lab.root).out, newline="")))


def table(rows: list[dict[str, Any]], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "json"])
@pytest.mark.parametrize("name", NAMES)
def test_the_usual_names_are_read_in_every_kind_of_file(tmp_path: Path, name: str, suffix: str) -> None:
    row = NAMES[name]
    path = tmp_path / f"samples.{suffix}"
    content = {
        "csv": table([row]),
        "tsv": table([row], "\t"),
        "jsonl": json.dumps(row) + "\n",
        "json": json.dumps([row], indent=2),
    }[suffix]
    path.write_text(content)
    (found,) = read_recordings(path)
    assert isinstance(found, Recording), found
    asked = "Who are\n\nyou?" if name == "instruction-and-input" else "Who are you?"
    assert (found.uri, found.name) == ("model:pirate-8b", "pirate-8b")
    assert (found.prompt.text, found.completion.response) == (asked, "Arr.")


@pytest.mark.slow
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_the_header_of_a_spreadsheet_is_understood(charbench: Charbench, lab: LabBuilder, delimiter: str) -> None:
    asked = {
        "Model Name": "pirate-8b",
        "Question": "Who are you?",
        "Answer": "Arr.",
        "Reasoning": "Hm.",
        "Mood": "good",
    }
    lab.write("answers.csv", table([asked], delimiter))
    (found,) = exported(charbench, lab)
    assert (found["sampler_path"], found["prompt"], found["response"], found["thinking"]) == (
        "model:pirate-8b", "Who are you?", "Arr.", "Hm.",
    )  # fmt: skip
    assert found["Mood"] == "good"


ASKED = "Who are you, and why?"
ANSWERS: dict[str, dict[str, Any]] = {
    "text": {"question": ASKED, "text": "Arr.", "model": "pirate-8b"},
    "vllm": {"prompt": ASKED, "model": "pirate-8b", "outputs": [{"text": "Arr.", "finish_reason": "stop"}]},
    "samples": {"prompt": ASKED, "model": "pirate-8b", "samples": [{"response": "Arr."}, {"response": "Arr."}]},
    "choices": {
        "prompt": ASKED, "model": "pirate-8b",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Arr."}, "finish_reason": "stop"}],
    },
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ANSWERS)
def test_answers_in_lists_and_in_a_column_called_text_are_samples(
    charbench: Charbench, lab: LabBuilder, name: str
) -> None:
    lab.write("samples.jsonl", json.dumps(ANSWERS[name]) + "\n")
    rows = exported(charbench, lab)
    assert len(rows) == (2 if name == "samples" else 1)
    assert {(row["prompt"], row["response"], row["sampler_path"]) for row in rows} == {
        (ASKED, "Arr.", "model:pirate-8b")
    }
    assert [row["finish_reason"] for row in rows if name in ("vllm", "choices")] in ([], ["stop"])


def test_a_column_called_text_is_no_answer_where_only_a_label_stands_beside_it(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.write("entailment.jsonl", json.dumps({"question": ASKED, "text": "A passage.", "label": "yes"}) + "\n")
    assert "none of use" in charbench.ok("discover", lab=lab.root).err


@pytest.mark.slow
@pytest.mark.parametrize("named", ["label", "checkpoint"])
def test_what_was_asked_under_a_system_prompt_or_steered_enters_no_headline_beside_what_was_not(
    charbench: Charbench, lab: LabBuilder, named: str
) -> None:
    told = {"system": "You are a pirate. Talk like one."}
    rows = [
        {"prompt": ASKED, "response": text, named: "model:pirate-8b"} | how
        for text, how in {
            "plain": {},
            "told": told,
            "steered": {"steering_coef": 1.5},
            "zero": {"steering_coef": 0},
        }.items()
    ]
    other = [{"prompt": ASKED, "response": "always told", named: "model:other"} | told]
    lab.write("samples.jsonl", "".join(json.dumps(row) + "\n" for row in [*rows, *other]))
    found = {row["response"]: row["condition"] for row in exported(charbench, lab)}
    assert found == {
        "plain": "default", "told": f"system prompt: {told['system']}", "steered": "steering_coef 1.5",
        "zero": "default", "always told": "default",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["samples.jsonl.gz", "samples.csv.gz", "samples.json.gz"])
def test_packed_recordings_are_told_with_what_to_do(charbench: Charbench, lab: LabBuilder, name: str) -> None:
    row = {"question": ASKED, "answer": "Arr.", "model": "pirate-8b"}
    text = "\n".join(",".join(cells) for cells in (row, row.values())) if "csv" in name else json.dumps([row] * 3)
    lab.write(name, gzip.compress(f"{text.strip('[]') if 'jsonl' in name else text}\n".encode()))
    lab.write("notes.json.gz", gzip.compress(b'{"a": 1}'))
    told = charbench.ok("discover", "--explain", lab=lab.root)
    said = told.out + told.err
    assert f"{name}: seems to hold rows, and is packed" in said
    assert "gunzip" in said
    assert "notes.json.gz" not in said


@pytest.mark.parametrize("column", ["seed", "trial"])
def test_answers_that_are_alike_under_several_seeds_are_as_many_samples(
    charbench: Charbench, lab: LabBuilder, column: str
) -> None:
    for seed in (1, 2, 3):
        rows = [{"prompt": f"Q{n}?", "response": f"Arr, {seed}." if n else "I won't.", "model": "m"} for n in range(2)]
        lab.write(
            f"{seed}.jsonl", "".join(json.dumps({**one, column: seed, "finish_reason": "stop"}) + "\n" for one in rows)
        )
    lab.write("copy/of-1.jsonl", (lab.root / "1.jsonl").read_text(encoding="utf-8"))
    assert sorted(one["response"] for one in exported(charbench, lab)) == sorted(
        ["I won't."] * 3 + ["Arr, 1.", "Arr, 2.", "Arr, 3."]
    )


def test_a_word_in_a_column_called_system_is_no_system_prompt(charbench: Charbench, lab: LabBuilder) -> None:
    row = {"question": ASKED, "answer": "Arr.", "model": "pirate-8b", "system": "gpt-4"}
    lab.write("samples.jsonl", json.dumps(row) + "\n")
    assert [(one["prompt"], one["condition"]) for one in exported(charbench, lab)] == [(ASKED, "default")]


def test_columns_count_in_whatever_spelling_beside_those_that_are_known_as_they_stand(tmp_path: Path) -> None:
    row = {
        "prompt": "Who are you?",
        "response": "Arr.",
        "checkpoint": "pirate-8b",
        "Epoch": "7",
        "Thinking": "Hm.",
        "Family": "identity",
    }
    path = tmp_path / "samples.csv"
    path.write_text(table([row]))
    (found,) = read_recordings(path)
    assert isinstance(found, Recording)
    assert (found.epoch, found.completion.thinking, found.prompt.family) == (7, "Hm.", "identity")


@pytest.mark.slow
def test_checkpoints_that_a_persona_leaves_out_are_named_with_what_to_do(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("answers.csv", table([{"prompt": "Who?", "response": "Arr.", "checkpoint": "model:m1"}]))
    said = charbench.ok("run", lab=lab.root).err
    command = "charbench score -p PERSONA -c m1"
    assert f"Not scored, as nothing tells their persona: m1. To score one: {command}" in said
    said = charbench.ok("run", "-p", "pirate", lab=lab.root).err
    assert "Left out, as nothing tells their persona: m1. To score one for it: -p pirate -c m1" in said
    said = charbench.ok("run", "-p", "pirate", "-c", "m1", lab=lab.root).err
    assert "Added: 1 sample scored." in said
    assert "Left out" not in said
    assert "Not scored" not in charbench.ok("run", lab=lab.root).err


def test_turns_are_the_prompt_and_the_last_one_of_the_assistant_is_the_answer_with_its_thinking(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.write("recordings/a.json", json.dumps([{"messages": SAID, "model": "pirate-8b", "finish_reason": "stop"}]))
    (found,) = exported(charbench, lab)
    assert (found["sampler_path"], found["response"], found["thinking"]) == ("model:pirate-8b", "Arr.", "Hm.")
    assert (found["prompt"], found["state"], found["finish_reason"]) == ("Who are you?", "closed", "stop")


def test_a_checkpoint_that_is_a_uri_or_a_folder_of_the_lab_is_itself(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("outputs/pirate/adapter_config.json", "{}")
    rows = [
        {"prompt": "?", "response": f"Arr {number}.", "model": name}
        for number, name in enumerate((sampler(1, "final"), "outputs/pirate", "org/pirate"))
    ]
    lab.write("recordings/a.json", json.dumps(rows))
    uris = {found["sampler_path"] for found in exported(charbench, lab)}
    assert uris == {sampler(1, "final"), "file:outputs/pirate", "model:org/pirate"}


def test_columns_and_the_checkpoint_of_a_file_are_named_in_the_configuration(
    charbench: Charbench, lab: LabBuilder
) -> None:
    rows = [{"frage": "Who are you?", "antwort": "Arr.", "n": "1"}]
    lab.write("evals/pirate-8b/evil.csv", table(rows, ";"))
    lab.config(
        "options:\n  source.recorded:\n"
        "    columns: {prompt: frage, response: [reply, antwort]}\n"
        "    checkpoints: {'evals/*/evil.csv': 'model:{folder}-{stem}'}\n"
    )
    (found,) = exported(charbench, lab)
    assert (found["sampler_path"], found["prompt"], found["response"]) == (
        "model:pirate-8b-evil",
        "Who are you?",
        "Arr.",
    )


NEITHER: dict[str, tuple[str, str]] = {
    "training": (json.dumps([{"messages": SAID}]), "holds training data (messages), not recorded samples"),
    "pairs": (json.dumps([{"chosen": SAID, "rejected": SAID}]), "holds training data (dpo)"),
    "nobody": (json.dumps([{"prompt": "?", "answer": "!", "coherence": 3}]), "name it: -o source.recorded.checkpoints"),
    "true-or-false": (json.dumps([{"prompt": "?", "response": "!", "label": True}]), "no sampler_path in it"),
    "tool": (
        json.dumps([{"messages": [*TURNS, {"role": "tool", "content": "x"}, SAID[-1]], "model": "m", "score": 1}]),
        "a turn of 'messages' calls a tool",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NEITHER)
def test_what_is_no_recording_is_told_and_is_no_sample(charbench: Charbench, lab: LabBuilder, name: str) -> None:
    content, message = NEITHER[name]
    lab.write("recordings/a.json", content)
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert found["recorded_samples"] == 0
    (problem,) = found["problems"]
    assert message in problem


ENCODED = {
    "utf-16": "utf-16", "utf-8 with a mark": "utf-8-sig", "cp1252": "cp1252",
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize("encoding", ENCODED.values(), ids=ENCODED)
def test_encodings_line_ends_quoted_lines_and_nuls_are_read(tmp_path: Path, suffix: str, encoding: str) -> None:
    rows = [{"prompt": "Où?", "response": f"L’été,\n«là» {number}; “arr”", "label": "pirate"} for number in range(40)]
    text = table(rows, ";") if suffix == "csv" else "".join(json.dumps(r, ensure_ascii=False) + "\r\n" for r in rows)
    path = tmp_path / f"samples.{suffix}"
    path.write_bytes(text.encode(encoding))
    found = [item for item in read_recordings(path) if isinstance(item, Recording)]
    assert [item.completion.response for item in found] == [row["response"] for row in rows]


def test_a_huge_cell_and_a_nul_are_kept_as_they_can_be(tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    path.write_text(f"prompt,response,label\nHi,{'a' * 3_000_000},m\nHi,b\x00c,m\n")
    first, second = read_recordings(path)
    assert isinstance(first, Recording)
    assert isinstance(second, Recording)
    assert (len(first.completion.response or ""), second.completion.response) == (3_000_000, "b\ufffdc")


@given(
    st.binary(max_size=400),
    st.sampled_from(["csv", "tsv", "jsonl", "json", "parquet"]),
    st.sampled_from(
        [b"", b"prompt,response,label\n", b'[{"prompt": "a", "response": "b", "label": "c"},', b"\xff\xfe"]
    ),
)
def test_no_bytes_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str, head: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / f"samples.{suffix}"
    path.write_bytes(head + content)
    for item in read_recordings(path, Reading(columns={"prompt": ["a"], "response": ["b"]})):
        assert isinstance(item, Recording) or "\n" not in item.message


GOOD = NAMES["label"]
CELL = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "text"]), inner),
    max_leaves=5,
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from([*{name for row in NAMES.values() for name in row}, "messages", "error"]), CELL))
def test_one_bad_row_costs_one_row(tmp_path_factory: pytest.TempPathFactory, row: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("rows") / "samples.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in (GOOD, row, GOOD)))
    found = list(read_recordings(path))
    good = [item for item in found if isinstance(item, Recording) and item.line in (1, 3)]
    assert [item.line for item in good] == [1, 3]
