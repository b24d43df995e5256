"""Commands that read a store start without what only a run needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ASK = """
import json, sys
from charbench.__main__ import main
sys.argv = ["charbench", *sys.argv[1:]]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended
print(json.dumps(sorted(sys.modules)))
"""
ONLY_FOR_RUNS = {"charbench.store.writer", "charbench.concurrency.worker_pool", "openai", "aiohttp", "tinker"}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["report", "verdict", "status"])
def test_a_command_that_reads_the_store_loads_nothing_that_samples_or_scores(
    studio_run_template: Path, command: str
) -> None:
    words = [sys.executable, "-c", ASK, command, "--lab", str(studio_run_template)]
    ended = subprocess.run(words, capture_output=True, text=True, check=True)
    loaded = set(json.loads(ended.stdout.splitlines()[-1]))
    assert "charbench.store.database" in loaded
    assert not loaded & ONLY_FOR_RUNS
