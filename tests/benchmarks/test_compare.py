"""``benchmarks/compare.py`` measures tools that really did the same, and says which it left out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import clean_environment

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "compare.py"


def compared(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, "--prompts", "20", "--runs", "1", *words],
        env=clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_the_bare_loop_and_charbench_ask_each_prompt_once_and_keep_every_answer(tmp_path: Path) -> None:
    out = tmp_path / "runs.jsonl"
    tools = ("bare", "sample", "eval")
    ended = compared("--in-flight", "4", *(word for tool in tools for word in ("--only", tool)), "--out", out)
    assert ended.returncode == 0, ended.stderr
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [one["tool"] for one in found] == list(tools)
    for one in found:
        assert one["fault"] is None
        assert one["most_in_flight"] <= 4
        assert min(one["cpu_ms"], one["per_second"], one["peak_mb"]) > 0
    assert ended.stdout.count("| 4 |") == len(tools)


@pytest.mark.slow
def test_a_tool_that_is_absent_is_named_and_one_that_did_not_ask_is_a_failure(tmp_path: Path) -> None:
    asks_nothing = tmp_path / "python"
    asks_nothing.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exec {sys.executable} -c "print(0)"\nexit 0\n')
    asks_nothing.chmod(0o755)
    words = ("--in-flight", "4", "--only", "deepeval", "--only", "inspect", "--peer", f"deepeval={asks_nothing}")
    ended = compared(*words)
    assert ended.returncode == 1
    assert "inspect: left out: name it with --peer inspect=PATH" in ended.stderr
    assert "0 requests with 0 different prompts, expected 20" in ended.stdout
