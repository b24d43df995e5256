"""A fixed-seed part of ``benchmarks/pairwise.py``: equals do not differ significantly, and intervals hold."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "pairwise.py"


@pytest.fixture(scope="module")
def simulated() -> Any:
    spec = importlib.util.spec_from_file_location("benchmark_of_pairs", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize(
    "design",
    [
        {"count": 20, "prompts": 10, "epochs": 3, "by_prompt": 0.7, "by_answer": 0.7},
        {"count": 20, "prompts": 10, "epochs": 3, "by_prompt": 0.7, "by_answer": 0.7, "joined": 8},
        {"count": 20, "first": 1.5},
        {"count": 50},
    ],
)
def test_equal_checkpoints_are_hardly_ever_told_apart(simulated: Any, design: dict[str, Any]) -> None:
    found = [simulated.play(simulated.Lab(**design), seed) for seed in range(40)]
    assert sum(simulated.false_finding(one) for one in found) <= 5  # of 40 at 5%, more than 5 come in 1% of the cases
    assert np.mean([one.covered.mean() for one in found]) >= 0.93
    assert max(one.firsts for one in found) <= 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "design",
    [{"games": 4}, {"games": 6, "prompts": 10, "by_prompt": 0.7, "by_answer": 0.7}, {"games": 10, "prompts": 10}],
)
def test_a_hundred_equal_checkpoints_with_few_games_are_hardly_ever_told_apart(
    simulated: Any, design: dict[str, Any]
) -> None:
    found = [simulated.play(simulated.Lab(count=100, **design), seed) for seed in range(20)]
    assert sum(simulated.false_finding(one) for one in found) <= 3  # of 20 at 5%, more come in 1.6% of the cases


@pytest.mark.slow
@pytest.mark.parametrize(
    "design", [{"spread": 1.0}, {"spread": 3.0}, {"spread": 1.0, "first": 2.0}, {"spread": 1.0, "longer": 2.0}]
)
def test_strengths_are_as_far_apart_as_they_are(simulated: Any, design: dict[str, Any]) -> None:
    found = [simulated.play(simulated.Lab(count=50, **design), seed) for seed in range(20)]
    slopes = [simulated.slope(one.strengths, one.truth) for one in found]
    assert abs(np.mean(slopes) - 1) <= 0.05 + 2 * np.std(slopes) / np.sqrt(len(slopes))
    assert np.mean([one.covered.mean() for one in found]) >= 0.93
