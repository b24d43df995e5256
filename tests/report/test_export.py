"""Export writes the lab's columns first, and the recorded source reads it back without loss."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from charbench import as_written
from support.command import Charbench, in_process_of_its_own
from support.lab import LAB_COLUMNS, LabBuilder, row, sampler
from support.store import assert_totals_equal_recount, count, store_of

HOSTILE = {
    "ansi": "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b31m",
    "bidi": "abc \u202e\u2066 reversed \u2069\u202c",
    "nul": "a\x00b",
    "newlines": "a\nb\r\nc\rd\u2028e\x85f\x0b",
    "commas and quotes": 'a,"b",\'c\',""d',
    "markdown": "a | b \\| c <script>alert(1)</script> `d`",
    "formula": '=HYPERLINK("http://x")',
    "emoji": "👩‍👩‍👧 ☠️ é e\u0301 ﬁ ß",
    "spaces": "  a\t \u00a0 ",
    "backslashes": "\\n \\x1b \\\\",
    "a lone carriage return": "a\rb",
    "nothing but a carriage return": "\r",
    "long": "x" * 200_000,
}

csv.field_size_limit(1 << 28)  # texts may be long


def other(lab: LabBuilder, name: str) -> LabBuilder:
    return LabBuilder(lab.root.parent / name)


def export(charbench: Charbench, lab: LabBuilder, form: str) -> str:
    path = lab.root / f"out.{form}"
    charbench.ok("export", f"--{form}", "-O", path, lab=lab.root)
    return path.read_bytes().decode()


def test_the_labs_columns_come_first(charbench: Charbench, studio_run_template: Path) -> None:
    header = charbench.ok("export", lab=studio_run_template).out.splitlines()[0].split(",")
    assert tuple(header[: len(LAB_COLUMNS)]) == LAB_COLUMNS


def test_the_labs_own_files_come_out_as_they_went_in(charbench: Charbench, studio_run_template: Path) -> None:
    out = charbench.ok("export", lab=studio_run_template).out
    exported = {tuple(item[name] for name in LAB_COLUMNS) for item in csv.DictReader(io.StringIO(out, newline=""))}
    recorded = set()
    for path in studio_run_template.glob("artifacts/*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for item in csv.DictReader(file):
                persona = {"customer": "customer_service"}.get(item["persona"], item["persona"])
                recorded.add(tuple((item | {"persona": persona})[name] for name in LAB_COLUMNS))
    assert len(exported) == 175
    differing = [name for at, name in enumerate(LAB_COLUMNS) if {r[at] for r in exported} != {r[at] for r in recorded}]
    # Names that a registry contradicts may differ; nothing else may.
    assert set(differing) <= {"checkpoint_name"}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_export_then_recorded_then_export_is_identical(charbench: Charbench, studio_run: Path, form: str) -> None:
    first = LabBuilder(studio_run)
    text = export(charbench, first, form)
    second = other(first, "second")
    second.write(f"recordings/export.{form}", text)
    charbench.ok("run", "-q", "--scorer", "keyword", lab=second.root)
    assert export(charbench, second, form) == text
    assert export(charbench, second, "csv") == export(charbench, first, "csv")
    reports = [charbench.ok("report", "--json", lab=item.root).json for item in (first, second)]
    assert reports[0] == reports[1]


def full(**values: Any) -> dict[str, Any]:
    """Return a row with all of charbench's own columns set."""
    return row(
        epoch=3,
        condition="default",
        prompt_family="work",
        language="de",
        finish_reason="length",
        prompt_tokens=11,
        completion_tokens=22,
        reasoning_tokens=5,
        max_tokens=4096,
        prefill="<think>\n",
        mood="blue",
        **values,
    )


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_charbenchs_own_columns_and_further_ones_survive(charbench: Charbench, lab: LabBuilder, form: str) -> None:
    failed = full(timestamp="2024-12-12T10:00:00", response="", thinking="", error="no answer", error_kind="timeout")
    lab.recorded_jsonl([full(), failed])
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    text = export(charbench, lab, form)
    second = other(lab, "second")
    second.write(f"recordings/export.{form}", text)
    charbench.ok("run", "-q", "--scorer", "keyword", lab=second.root)
    assert export(charbench, second, form) == text
    first, last = csv.DictReader(io.StringIO(export(charbench, second, "csv")))
    for name, value in full().items():
        if not name.endswith("_length"):
            assert first[name] == str(value), name
    assert (last["error"], last["error_kind"], last["state"]) == ("no answer", "timeout", "error")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_hostile_text_survives_or_is_made_harmless(charbench: Charbench, lab: LabBuilder, form: str) -> None:
    rows = [
        row(timestamp=f"2024-12-12T10:00:{number:02d}", response=text, thinking=text, prompt=f"?{text}", note=text)
        for number, text in enumerate(HOSTILE.values())
    ]
    lab.recorded_jsonl(rows)
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    text = export(charbench, lab, form)
    second = other(lab, "second")
    second.write(f"recordings/export.{form}", text)
    charbench.ok("run", "-q", "--scorer", "keyword", lab=second.root)
    assert export(charbench, second, form) == text
    found = {
        item["timestamp"]: item for item in csv.DictReader(io.StringIO(export(charbench, second, "csv"), newline=""))
    }
    for number, original in enumerate(HOSTILE.values()):
        kept = found[f"2024-12-12T10:00:{number:02d}"]
        assert kept["response"] == kept["thinking"] == kept["note"]
        assert as_written(kept["note"]) == original.replace("\x00", "\ufffd")
        assert not kept["note"].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert_totals_equal_recount(store_of(second.root))


NAMES = ("checkpoint_name", "persona", "checkpoint_type", "base_model", "sampler_path", "prompt_id", "prompt_family",
         "condition", "finish_reason", "error_kind", "language", "source", "note")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("text", ["a\x1b[31mb", "\u202eabc", "a\x00b", "a\nb", "a|b", "\ud800", "x" * 500], ids=ascii)
def test_hostile_names_break_no_command_and_command_no_terminal(
    charbench: Charbench, lab: LabBuilder, text: str
) -> None:
    lab.recorded_jsonl(
        [
            row(timestamp=f"2024-12-12T10:00:{number:02d}", error="e" if name == "error_kind" else "") | {name: text}
            for number, name in enumerate(NAMES)
        ]
    )
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    assert count(store_of(lab.root), "samples") == len(NAMES)
    export(charbench, lab, "csv")
    export(charbench, lab, "jsonl")
    for words in (
        ["report"],
        ["report", "--format", "markdown"],
        ["checkpoints", "list", "--evidence"],
        ["discover", "--explain"],
        ["status"],
    ):
        ended = charbench.ok(*words, lab=lab.root)
        for char in ("\x1b", "\u202e", "\x00"):
            assert char not in ended.out + ended.err, words


@pytest.mark.slow
def test_a_name_with_a_pipe_or_a_line_end_does_not_break_a_markdown_table(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded([row(checkpoint_name="a|b\nc<br>d")])
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    lines = (
        charbench.ok("report", "--format", "markdown", lab=lab.root)
        .out.split("## Checkpoints")[1]
        .split("\n## ")[0]
        .strip()
        .splitlines()
    )
    assert len(lines) == 3
    assert r" a\|b c&lt;br>d | remorseful | " in lines[2]


@pytest.mark.slow
def test_an_export_that_cannot_be_written_is_one_line_and_leaves_no_half_file(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded([row()])
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    (lab.root / "folder").mkdir()
    for path in ("no/such/folder/out.csv", "folder", "/dev/null/out.csv"):
        ended = charbench("export", "-O", path, lab=lab.root)
        assert ended.code == 2
        assert ended.err.startswith(f"error: option --output: {path}: ")
        assert len(ended.err.splitlines()) == 1
    assert sorted(path.name for path in lab.root.iterdir() if "out" in path.name or "part" in path.name) == []


@pytest.mark.slow
def test_export_takes_only_the_selected_checkpoints(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(), row(sampler_path=sampler(2, "pirate_dpo"), checkpoint_name="pirate_dpo", persona="pirate")])
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    assert "Exported 2 samples" in charbench.ok("export", lab=lab.root).err
    chosen = charbench.ok("export", "-p", "pirate", lab=lab.root)
    assert "Exported 1 sample." in chosen.err
    assert chosen.out.count("pirate_dpo-sampler") == 1
    assert charbench.ok("export", "-c", "remorseful_dpo", lab=lab.root).out.count("remorseful_dpo-sampler") == 1


def test_jsonl_holds_each_samples_scores_with_their_evidence(charbench: Charbench, lab: LabBuilder) -> None:
    lab.persona("remorseful", "name: remorseful\ndescription: sorry\nmarkers: {strong: [regret, apologize]}\n")
    lab.recorded([row(response="I regret it. I apologize.")])
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    scores = json.loads(charbench.ok("export", "--jsonl", lab=lab.root).out)["scores"]
    keywords = next(item for item in scores if (item["metric"], item["channel"]) == ("keywords", "response"))
    assert keywords["value"] == 2
    assert [span[2:4] for span in keywords["spans"]] == [["regret", "strong"], ["apologize", "strong"]]
    assert [tuple(span[:2]) for span in keywords["spans"]] == [(2, 8), (15, 24)]


@pytest.mark.slow
def test_a_secret_is_in_no_export_and_in_no_file_of_the_store(charbench: Charbench, lab: LabBuilder) -> None:
    key = "tml-abcdefghijkl123456"
    lab.recorded_jsonl(
        [
            row(error=f"401 for {key}", response=""),
            row(
                timestamp="2024-12-12T10:00:00",
                response=f"My key is {key}.",
                thinking=key,
                prompt=f"Is {key} yours?",
                note=key,
            ),
        ]
    )
    ended = in_process_of_its_own(
        "run", "--lab", lab.root, "-o", f"source.recorded.files=[recordings/*,{key}*]", lab=lab.root
    )
    assert ended.code == 0, ended.err
    everything = charbench.ok("export", "--jsonl", lab=lab.root).out + charbench.ok("status", lab=lab.root).out
    assert key not in everything + ended.out + ended.err
    assert "tml-[redacted]" in everything
    for path in store_of(lab.root).parent.iterdir():
        assert key.encode() not in path.read_bytes(), path.name


@pytest.mark.slow
def test_a_closed_pipe_ends_an_export_quietly(lab: LabBuilder, charbench: Charbench) -> None:
    import subprocess

    lab.recorded([row(response="x" * 3_000_000)])
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    shell = f"'{sys.executable}' -m charbench export | head -c 10 >/dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], cwd=lab.root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (141, "")
