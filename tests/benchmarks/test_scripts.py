"""The kept scripts that make the documentation's figures can still be started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LOAD = """
import runpy, sys; sys.path.insert(0, ".")
for path in sys.argv[1:]:
    runpy.run_path(path, run_name="loaded")
"""


@pytest.mark.slow
def test_every_script_of_the_documentations_figures_finds_what_it_imports() -> None:
    scripts = sorted(map(str, BENCHMARKS.glob("*.py")))
    assert len(scripts) > 30
    ended = subprocess.run(
        [sys.executable, "-c", LOAD, *scripts], cwd=BENCHMARKS, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_the_page_on_the_number_of_prompts_says_what_was_measured() -> None:
    ended = subprocess.run([sys.executable, BENCHMARKS / "power_page.py", "--check"], check=False)
    assert ended.returncode == 0, "python benchmarks/power_page.py writes its tables"
