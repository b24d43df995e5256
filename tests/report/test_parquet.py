"""``export --format parquet``, read back by pyarrow; slow tests, which ``.ci/run`` has pyarrow for."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from charbench.testing import failing_checks
from charbench_plugins.formats import ParquetReporter
from support.command import Charbench, clean_environment
from support.lab import LabBuilder, row
from support.store import count, store_of

pytestmark = pytest.mark.slow
parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
PEAK = """
import resource, sys
from charbench import cli
try:
    cli.main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_a_row_is_a_sample_with_its_scores_and_their_spans(charbench: Charbench, studio_run: Path) -> None:
    charbench.ok("export", "--format", "parquet", "-O", "out.parquet", lab=studio_run)
    charbench.ok("export", "--jsonl", "-O", "out.jsonl", lab=studio_run)
    rows = parquet.read_table(studio_run / "out.parquet").to_pylist()
    lines = [json.loads(line) for line in (studio_run / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len(lines) == 175
    for mine, line in zip(rows, lines, strict=True):
        scores, others = mine.pop("scores"), line.pop("scores")
        times = {"timestamp": mine.pop("timestamp"), "line": line.pop("timestamp")}
        assert times["timestamp"].replace(tzinfo=None) == datetime.fromisoformat(times["line"])
        assert {name: value for name, value in mine.items() if value not in (None, "")} == {
            name: value for name, value in line.items() if value != ""
        }
        for score, other in zip(scores, others, strict=True):
            assert [score[name] for name in ("scorer", "metric", "channel", "value")] == [
                other[name] for name in ("scorer", "metric", "channel", "value")
            ]
            spans = [[s["start"], s["end"], s["marker"], s["tier"], *s["flags"]] for s in score["spans"]]
            assert spans == other.get("spans", [])


def test_the_format_keeps_a_reporters_contract() -> None:
    assert failing_checks(ParquetReporter) == {}


@pytest.mark.parametrize("samples", [0, 1])
def test_few_samples_are_files_with_the_same_columns(charbench: Charbench, lab: LabBuilder, samples: int) -> None:
    lab.recorded_jsonl([row(response="=1+1 ☠️ I regret it. \ud83d", mood={"a": 1})])
    charbench.ok(*(("run", "-q", "--scorer", "keyword") if samples else ("discover",)), lab=lab.root)
    charbench.ok("export", "--format", "parquet", "-O", "out.parquet", lab=lab.root)
    charbench.ok("export", "--format", "parquet", "--table", "all", "-O", "tables", lab=lab.root)
    whole = parquet.read_table(lab.root / "out.parquet")
    assert whole.num_rows == samples
    assert whole.schema.field("completion_tokens").type == "int64"
    assert parquet.read_table(lab.root / "tables" / "scores.parquet").num_rows == count(store_of(lab.root), "scores")
    if samples:
        assert whole["response"][0].as_py().startswith("=1+1 ☠️ I regret it.")
        assert parquet.read_table(lab.root / "tables" / "spans.parquet").num_rows > 0


def test_a_hundred_thousand_samples_take_no_more_memory_than_a_tenth_of_them(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded([row(response="I regret it. " * 40)])
    charbench.ok("run", "-q", "--scorer", "refusal", lab=lab.root)
    peaks = {}
    for many in (10_000, 100_000):
        _multiply(store_of(lab.root), many)
        words = ["export", "--format", "parquet", "-O", "out.parquet"]
        ended = subprocess.run(
            [sys.executable, "-c", PEAK, *words],
            cwd=lab.root,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        peaks[many] = int(ended.stdout)
        with parquet.ParquetFile(lab.root / "out.parquet") as file:
            assert (file.metadata.num_rows, file.metadata.num_row_groups) == (many, many // 2_000)
        assert f"Exported {many:,} samples" in ended.stderr
    assert peaks[100_000] < peaks[10_000] + 60, peaks


def _multiply(store: Path, many: int) -> None:
    """Make so many samples of the one that the store has, each scored like it."""
    with sqlite3.connect(store) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(samples)")]
        copied = ", ".join({"id": "n", "key": "printf('%032d', n)", "epoch": "n"}.get(name, name) for name in columns)
        numbers = "WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
        for table, what in (
            ("samples", f"SELECT {copied} FROM samples, numbers WHERE id = 1"),
            ("scored", "SELECT n, n, scoring_id, evidence FROM scored, numbers WHERE id = 1"),
            ("scores", "SELECT n, series_id, value FROM scores, numbers WHERE scored_id = 1"),
        ):
            connection.execute(f"INSERT OR IGNORE INTO {table} {numbers} {what}", (many,))
