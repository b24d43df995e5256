import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import charbench_wandb as plugin
import pytest

from charbench import ReportContent
from charbench.testing import conformance

test_wandb_keeps_the_contract = conformance(plugin.WandbReporter)


def logged(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what the files of W&B's offline runs hold: by the run's name, the rows that were logged."""
    import wandb
    from wandb.proto.wandb_internal_pb2 import Record

    wandb.teardown()  # as at the end of a process: what was logged is then in the files
    found = {}
    for path in sorted(folder.glob("wandb/offline-run-*/run-*.wandb")):
        records = [Record.FromString(data) for data in records_of(path.read_bytes())]
        (name,) = {record.run.display_name for record in records if record.run.display_name}
        rows = [
            {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            for record in records
            if record.HasField("history")
        ]
        found[name] = rows
    return found


def records_of(data: bytes) -> Iterator[bytes]:
    """Yield the records of a log in LevelDB's format, with a header of 7 bytes before the first."""
    position, parts, block = 7, b"", 32_768
    while position + 7 <= len(data):
        if block - position % block < 7:
            position += block - position % block
            continue
        length, kind = struct.unpack("<HB", data[position + 4 : position + 7])
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def trained(folder: Path, jobs: list[str], steps: list[int]) -> None:
    plugin.charbench_run_started(7, "charbench train --all")
    for step in steps:
        for job in jobs:
            plugin.charbench_training_step(7, job, step, 3, 1 / step, 5e-5, 100, folder)
    plugin.charbench_run_finished(7, "done")


def test_jobs_that_train_in_parallel_are_runs_of_their_own(charbench_lab: Path) -> None:
    folder = charbench_lab / ".charbench"
    trained(folder, ["pirate_a_sft", "pirate_b_sft"], [1, 2, 2, 3])  # a job that resumes does a step again
    runs = logged(folder)
    assert set(runs) == {"pirate_a_sft", "pirate_b_sft"}
    for rows in runs.values():
        assert [(row["step"], row["loss"]) for row in rows] == [(1, 1.0), (2, 0.5), (2, 0.5), (3, 1 / 3)]


def test_a_report_is_a_table_and_says_how_to_upload_it(charbench_lab: Path) -> None:
    reporter = plugin.WandbReporter()
    reporter.prepare(charbench_lab, charbench_lab / ".charbench")
    rows = [{"checkpoint": "pirate_a", "trait_rate": 0.5}, {"checkpoint": "pirate_b", "trait_rate": None}]
    (text,) = reporter.report(ReportContent(tuple, lambda: rows, dict))
    assert text.startswith("Logged 2 rows. To upload: wandb sync ")
    (table,) = charbench_lab.glob(".charbench/wandb/offline-run-*/files/media/table/*.json")
    found = json.loads(table.read_text(encoding="utf-8"))
    assert found["columns"] == ["checkpoint", "trait_rate"]
    assert found["data"] == [["pirate_a", 0.5], ["pirate_b", None]]


def test_a_fault_of_wandb_is_raised_and_the_next_run_starts_anew(
    charbench_lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "wandb", SimpleNamespace(init=broken, Settings=SimpleNamespace))
        with pytest.raises(OSError, match="no space left"):
            trained(charbench_lab / ".charbench", ["pirate_a_sft"], [1])
    plugin.charbench_run_finished(7, "failed")
    trained(charbench_lab / ".charbench", ["pirate_a_sft"], [1])
    assert len(logged(charbench_lab / ".charbench")["pirate_a_sft"]) == 1
