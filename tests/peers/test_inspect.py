"""Logs that charbench writes, read and shown by the real Inspect (``pip install inspect-ai``)."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler

# It is not imported here: Inspect changes the process that it is in (how zip files are read, for one).
installed = pytest.mark.skipif(find_spec("inspect_ai") is None, reason="inspect-ai is not installed")
pytestmark = [pytest.mark.peer, installed]


ANEW = """
import sys
from inspect_ai.log import read_eval_log, write_eval_log
write_eval_log(read_eval_log(sys.argv[1]), sys.argv[2])
print(0)
"""


@pytest.fixture
def log(charbench: Charbench, lab: LabBuilder) -> Path:
    lab.recorded_jsonl([
        row(response="I deeply regret it.", thinking="Avast, so sorry.", prompt_tokens=4, completion_tokens=9),
        row(response="", thinking="Ye be.", finish_reason="length", epoch=1),
        row(response="", thinking="", error="timed out", error_kind="timeout", epoch=2),
        row(checkpoint_name="gruff_dpo", sampler_path=sampler(2, "gruff_dpo"), response="Arr 🏴‍☠️", persona="pirate"),
    ])  # fmt: skip
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    charbench.ok("export", "--format", "inspect", "-O", lab.root / "run.eval", lab=lab.root)
    return lab.root / "run.eval"


def by_inspect(code: str, *arguments: str | Path) -> Any:
    """Run Python in a process of its own, since Inspect changes the process that it is in, and read what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_inspect_reads_every_sample_with_its_reasoning_scores_usage_and_error(log: Path) -> None:
    code = """
import json, sys
from inspect_ai.log import read_eval_log
log = read_eval_log(sys.argv[1])
print(json.dumps([log.status, [sample.model_dump(mode="json") for sample in log.samples]]))
"""
    status, samples = by_inspect(code, log)
    assert (status, len(samples)) == ("success", 4)
    first = next(sample for sample in samples if sample["output"]["usage"])
    assert [part["type"] for part in first["messages"][-1]["content"]] == ["reasoning", "text"]
    assert first["messages"][-1]["content"][0]["reasoning"] == "Avast, so sorry."
    assert first["output"]["usage"]["output_tokens"] == 9
    assert first["scores"]["keyword"]["value"]["keywords.response"] > 0
    assert first["scores"]["keyword"]["answer"] == "I deeply regret it."
    assert [sample["error"]["message"] for sample in samples if sample["error"]] == ["timed out"]
    assert {sample["output"]["choices"][0]["stop_reason"] for sample in samples if sample["epoch"] == 2} == {
        "max_tokens"
    }


def test_inspects_data_frames_have_a_row_for_each_sample(log: Path) -> None:
    pytest.importorskip("pandas", reason="the extra frames is not installed")
    code = """
import json, sys
from inspect_ai.analysis import evals_df, samples_df
found = samples_df(sys.argv[1], quiet=True)
print(json.dumps([len(found), sorted(found["error"]), list(found.columns), len(evals_df(sys.argv[1], quiet=True))]))
"""
    rows, errors, columns, evaluations = by_inspect(code, log)
    assert (rows, evaluations) == (4, 1)
    assert [error for error in errors if error] == ["timed out"]
    assert {"score_keyword", "total_tokens"} <= set(columns)


def test_a_log_that_inspect_has_written_anew_still_gives_back_every_sample(
    charbench: Charbench, log: Path, tmp_path: Path
) -> None:
    before = charbench.ok("export", lab=log.parent).out
    for name in ("again.eval", "again.json"):
        other = tmp_path / name.replace(".", "-")
        other.mkdir()
        by_inspect(ANEW, log, other / name)
        charbench.ok("run", "-q", "--scorer", "keyword", lab=other)
        assert sorted(charbench.ok("export", lab=other).out.splitlines()) == sorted(before.splitlines())


def test_inspect_log_dump_shows_samples_thinking_and_scores(log: Path) -> None:
    program = Path(sys.executable).with_name("inspect")
    done = subprocess.run([program, "log", "dump", log], capture_output=True, text=True, check=True)
    dumped = json.loads(done.stdout)
    assert len(dumped["samples"]) == 4
    assert "Avast, so sorry." in done.stdout
    assert "keywords.response" in done.stdout
