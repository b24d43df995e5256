"""A fixed-seed part of the simulations in ``benchmarks/``: intervals cover, nothing is told apart by chance."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def figures(path: Path, name: str) -> list[dict[str, Any]]:
    found = [one for one in json.loads(path.read_text(encoding="utf-8")) if one["figure"].startswith(name)]
    assert found
    return found


def at_most(level: float, figure: dict[str, Any]) -> bool:
    return bool(figure["value"] <= level + 2.6 * math.sqrt(level * (1 - level) / figure["n"]))


@pytest.mark.slow
@pytest.mark.usefixtures("benchmarks")
def test_through_the_product_intervals_cover_and_equal_checkpoints_share_a_tier(tmp_path: Path) -> None:
    from intervals import main

    assert main(8, tmp_path / "found.json") == 0
    for one in figures(tmp_path / "found.json", "coverage of report"):
        assert one["value"] >= 0.93 - 2.6 * math.sqrt(0.07 * 0.93 / one["n"])
    for name in ("false tiers", "compare keyword.keywords: p", "compare keyword.per_100_words: p"):
        assert all(at_most(0.05, one) for one in figures(tmp_path / "found.json", name))


@pytest.mark.slow
@pytest.mark.usefixtures("benchmarks")
def test_function_by_function_the_grid_holds(tmp_path: Path) -> None:
    import numpy as np

    import rate_intervals

    found = rate_intervals.coverage(100, np.random.default_rng(1))
    assert np.mean([one["mean"] for one in found]) >= 0.93
    assert all(float(str(one["lowest_cell"])) >= 0.9 - 3.5 * 0.03 for one in found)
    powers = rate_intervals.powers(100, np.random.default_rng(2))
    assert 0.78 <= np.mean([one["value"] for one in powers]) <= 0.86
    false = [one for one in rate_intervals.means(100, np.random.default_rng(3)) if "false" in str(one["figure"])]
    assert np.mean([one["value"] for one in false]) <= 0.05


@pytest.mark.slow
@pytest.mark.usefixtures("benchmarks")
def test_labs_with_all_that_goes_wrong_have_intervals_that_cover_and_no_false_findings(tmp_path: Path) -> None:
    from lab_size import main

    assert main(14, tmp_path / "found.json", 12) == 0
    (covered,) = (one for one in figures(tmp_path / "found.json", "coverage") if one["design"] == "all designs")
    assert covered["value"] >= 0.93
    for name in ("false tier in report", "compare, rate: any finding", "compare, mean: any finding"):
        for one in figures(tmp_path / "found.json", name):
            assert one["design"] != "all designs" or one["value"] <= 1 / 7  # at most one lab of seven


UNEVEN = {
    "saves": (3, 20),
    "conditions": (1, 12),
    "base": (3, 6),
    "pairs": (1, 60),
}


@pytest.mark.slow
@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize("part", UNEVEN)
def test_labs_in_uneven_designs_have_no_false_findings_through_the_commands(tmp_path: Path, part: str) -> None:
    from uneven_labs import PARTS

    labs, checkpoints = UNEVEN[part]
    found = {
        (str(one["figure"]), str(one["design"])): float(str(one["value"]))
        for one in PARTS[part][0](tmp_path, labs, checkpoints)
    }
    for claim in CLAIMS:
        false = [value for (figure, _), value in found.items() if figure.partition(": ")[2] == claim]
        assert sum(false) <= len(false) / 3, claim
    assert found
    held = [value for (figure, _), value in found.items() if "coverage" in figure or "interval" in figure]
    assert not held or sum(held) / len(held) >= 0.93


@pytest.mark.slow
@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize("what", ["thinking", "endpoint", "prompts"])
def test_settings_that_differ_in_one_thing_are_compared_with_intervals_that_hold(tmp_path: Path, what: str) -> None:
    from across import simulated

    found = simulated(tmp_path, 4, 6, what)
    assert not any(one["value"] for one in found if str(one["figure"]).startswith("any finding"))
    held = [(float(str(one["value"])), int(str(one["n"]))) for one in found if "interval" in str(one["figure"])]
    assert sum(value * count for value, count in held) / sum(count for _, count in held) >= 0.85


@pytest.mark.slow
@pytest.mark.usefixtures("benchmarks")
def test_verdicts_by_a_classifier_hold_where_texts_are_drawn_from_a_known_model() -> None:
    from classifier_rates import simulated

    found = {str(one["figure"]): float(str(one["value"])) for one in simulated(6, 40)}
    assert abs(found["recall: measured less true"]) < 0.12
    assert abs(found["false: measured less true"]) < 0.07
    assert found["in character in 50%: viable"] <= 0.1


CLAIMS = (
    "any finding", "a false tier", "character appears", "responses are lost", "viable, as its base", "spread, p < 0.05",
)  # fmt: skip


def test_the_results_that_the_documentation_quotes_are_kept() -> None:
    for name in ("intervals.json", "rate_intervals.json", "lab_size.json"):
        assert all(one["figure"] and one["design"] for one in json.loads((BENCHMARKS / "results" / name).read_text()))


@pytest.mark.slow
@pytest.mark.usefixtures("benchmarks")
def test_rates_corrected_by_labels_hold_in_every_design() -> None:
    from calibration import cells, summary

    found = [one for cell in cells() for one in summary(cell, 24 if cell.checkpoints == 4 else 6)]
    everything = [one for one in found if one["figure"] == "all texts"]
    assert len(everything) == 60
    for name in ("all texts", "a checkpoint", "a difference"):
        mine = [(float(str(one["coverage"])), int(str(one["n"]))) for one in found if one["figure"] == name]
        labs = sum(count for _, count in mine)
        covered = sum(share * count for share, count in mine) / labs
        assert 0.93 <= covered <= 0.985, name
    for one in everything:
        count = int(str(one["n"]))
        assert float(str(one["coverage"])) >= 0.94 - 3.5 * math.sqrt(0.06 * 0.94 / count), one


def test_the_results_of_corrected_rates_hold_what_the_documentation_says() -> None:
    found = json.loads((BENCHMARKS / "results" / "calibration.json").read_text(encoding="utf-8"))
    whole = [one for one in found if one["figure"] == "all texts"]
    assert len(whole) == 60
    for labels, mean, most in ((20, 0.969, 0.993), (50, 0.964, 0.993), (100, 0.958, 0.983)):
        mine = [one["coverage"] for one in whole if one["labels"] == labels]
        assert sum(mine) / len(mine) == pytest.approx(mean, abs=0.0006)
        assert 0.93 <= min(mine) <= max(mine) <= most
