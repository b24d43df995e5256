"""``export --table``: samples, scores and spans as tidy tables; ``--raw``; formats of bytes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row
from support.plugins import Site
from support.store import count, store_of

FORMULA = '=HYPERLINK("http://x")'


@pytest.fixture
def scored(charbench: Charbench, lab: LabBuilder) -> LabBuilder:
    lab.recorded_jsonl([row(response=f"{FORMULA} ☠️ I deeply regret it.", thinking="Hm.", mood="blue")])
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    return lab


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


def test_each_table_is_a_file_with_a_row_for_each_of_its_things(charbench: Charbench, scored: LabBuilder) -> None:
    folder = scored.root / "tables"
    said = charbench.ok("export", "--table", "all", "-O", folder, lab=scored.root).err
    samples, scores, spans = (read_csv(folder / f"{name}.csv") for name in ("samples", "scores", "spans"))
    assert said == f"Exported 1 sample, {len(scores)} scores and 1 span to {folder}.\n"
    assert len(scores) == count(store_of(scored.root), "scores")
    assert {one["key"] for one in (*scores, *spans)} == {samples[0]["key"]}
    for one in spans:
        text = samples[0][one["channel"]].removeprefix("'")
        assert text[int(one["start"]) : int(one["end"])] == one["text"]
    told = [one for one in scores if one["threshold"] and one["value"]]
    assert told
    assert all((float(one["value"]) >= float(one["threshold"])) == (one["has_trait"] == "True") for one in told)


@pytest.mark.slow
def test_json_lines_hold_the_same_tables(charbench: Charbench, scored: LabBuilder) -> None:
    charbench.ok("export", "--table", "all", "--format", "jsonl", "-O", "tables", lab=scored.root)
    charbench.ok("export", "--table", "all", "--format", "csv", "--raw", "-O", "tables", lab=scored.root)
    for name in ("samples", "scores", "spans"):
        lines = (scored.root / "tables" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        rows = read_csv(scored.root / "tables" / f"{name}.csv")
        assert [
            {key: "" if value is None else str(value) for key, value in json.loads(line).items()} for line in lines
        ] == rows


def test_only_raw_csv_has_texts_that_a_spreadsheet_would_run(charbench: Charbench, scored: LabBuilder) -> None:
    def response(*arguments: str) -> dict[str, str]:
        out = charbench.ok("export", *arguments, lab=scored.root).out
        (found,) = csv.DictReader(io.StringIO(out, newline=""))
        return found

    assert response()["response"] == f"'{FORMULA} ☠️ I deeply regret it."
    assert response()["formula_mark"] == "'"
    raw = response("--raw")
    assert raw["response"] == f"{FORMULA} ☠️ I deeply regret it."
    assert "formula_mark" not in raw


@pytest.mark.slow
def test_raw_csv_is_read_back_as_it_was(charbench: Charbench, scored: LabBuilder) -> None:
    second = LabBuilder(scored.root.parent / "second")
    second.write("recordings/export.csv", charbench.ok("export", "--raw", lab=scored.root).out)
    charbench.ok("run", "-q", "--scorer", "keyword", lab=second.root)
    assert charbench.ok("export", "--raw", lab=second.root).out == charbench.ok("export", "--raw", lab=scored.root).out


def test_a_table_without_rows_has_its_columns(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()])
    charbench.ok("discover", lab=lab.root)
    ended = charbench.ok("export", "--table", "scores", lab=lab.root)
    assert ended.out.startswith("key,sampler_path,")
    assert (ended.out.count("\n"), ended.err) == (1, "Exported 0 scores.\n")


def test_what_cannot_be_written_is_refused_in_one_line(
    charbench: Charbench, studio_run_template: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for arguments, said in (
        (["--table", "all"], "-O DIR"),
        (["--table", "all", "-O", str(tmp_path / "file")], "File exists"),
        (["-O", str(tmp_path)], "Is a directory"),
        (["--table", "scores", "--format", "markdown"], "choose from csv, jsonl, parquet"),
    ):
        ended = charbench("export", *arguments, lab=studio_run_template)
        assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
        assert said in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


BYTES = """
from charbench import Reporter, hookimpl

class Packed(Reporter):
    "Not text."
    name = "packed"

    def export(self, samples):
        yield b"\\x00\\xff"
        yield "text"

@hookimpl
def charbench_reporters():
    return [Packed]
"""


def test_a_plugins_format_may_be_bytes(charbench: Charbench, site: Site, scored: LabBuilder) -> None:
    site.install("packed", BYTES)
    path = scored.root / "out.bin"
    charbench.ok("export", "--format", "packed", "-O", path, lab=scored.root)
    assert path.read_bytes() == b"\x00\xfftext"
    refused = charbench("export", "--format", "packed", "--table", "scores", lab=scored.root)
    assert refused.code == 2
    assert "no format named 'packed'" in refused.err
