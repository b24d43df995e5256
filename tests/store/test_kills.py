"""Sixty kills at random moments, with a fixed seed, over sampling and training, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import clean_environment

pytestmark = pytest.mark.peer

KILLS = 60
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kills.py"


def test_sixty_kills_lose_nothing_store_nothing_twice_and_ask_for_nothing_twice(tmp_path: Path) -> None:
    out = tmp_path / "kills.jsonl"
    words = [sys.executable, SCRIPT, "--kills", str(KILLS), "--contention", "2", "--seed", "60", "--postgresql"]
    ended = subprocess.run(
        [*words, "--out", out], env=clean_environment(), capture_output=True, text=True, check=False
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rounds = [json.loads(line) for line in out.read_text().splitlines()]
    assert sum(one["kills"] for one in rounds) == KILLS
    assert {(one["stage"], one["backend"]) for one in rounds if one["kills"]} == {
        (stage, backend) for stage in ("run", "train") for backend in ("sqlite", "postgresql")
    }
