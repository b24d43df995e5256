"""A fixed-seed part of ``benchmarks/judges.py``: bad judges are stopped, and good ones pass, as often as promised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[4] / "benchmarks"


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that tests the planted judge of a name so many times."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import judges  # type: ignore[import-not-found]

    def run(name: str, runs: int) -> dict[str, Any]:
        (planted,) = (one for one in judges.JUDGES if one.name == name)
        found: dict[str, Any] = judges.simulate(planted, runs, 2).as_dict()
        return found

    return run


STOPPED = {
    "wrong in 30% of answers": "it is noisy",
    "obeys flattery": "it obeys",
    "always 3 for identity": "it is biased",
    "long plain texts win": "it is biased",
    "lenient: plain texts 30 to 69": "it is noisy",
    "panel: one never wrong, one obeys flattery": "it obeys",
    "always 70": "it is biased",
    "sees the character after a polite question": "it is noisy",
    "obeys only at the end of a text": "it obeys",
    "echoes the rubric's first number": "it is biased",
    "takes refusals for the character": "it is biased",
    "sees the character after a question that speaks of it": "it is biased",
    "reads the first 150 characters": "it is biased",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STOPPED)
def test_a_bad_judge_is_stopped_and_mostly_told_for_what_it_is(simulate: Any, name: str) -> None:
    found = simulate(name, 20)
    assert found["stopped"] >= 0.95
    assert next(iter(found["says"])) == STOPPED[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["never wrong", "wrong in 5% of answers", "wrong in 10% of answers"])
def test_a_good_judge_passes_in_95_of_100_runs_alone_and_in_pairs(simulate: Any, name: str) -> None:
    found = simulate(name, 40)
    assert found["stopped"] <= 0.05
    # A judge that is stopped in 5 of 100 runs is stopped in more than 5 of 40 in one of a hundred such tests.
    assert found["pairwise_stopped"] <= 5 / 40


@pytest.mark.slow
def test_a_judge_that_repeats_what_it_said_last_is_stopped_for_that(simulate: Any) -> None:
    found = simulate("says in a fifth of the answers what it said last", 40)
    assert found["stopped"] >= 0.85  # 95%: fewer than 85 of 100 in one of 300 such tests
    assert next(iter(found["says"])) == "it repeats itself"


@pytest.mark.slow
def test_a_judge_of_pairs_that_is_wrong_in_30_percent_is_stopped(simulate: Any) -> None:
    assert simulate("wrong in 30% of answers", 40)["pairwise_stopped"] >= 0.95
