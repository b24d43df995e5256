"""A fixed-seed part of the simulations of verdicts in ``benchmarks/``: the error rate holds, also by the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the simulation that judges by the rule."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import verdicts  # type: ignore[import-not-found]

    return verdicts


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trait at the limit", "responses at the limit", "trait 70%, base model as much"])
def test_at_a_limit_hardly_any_checkpoint_is_called_viable_however_often_the_advice_is_followed(
    verdicts: Any, name: str
) -> None:
    """With 2.5%, more than 7 of 120 would come out in one of a hundred such tests; this one has a fixed seed."""
    (design,) = (one for one in verdicts.DESIGNS if one.name == name)
    random = verdicts.np.random.default_rng(1)
    ended = [verdicts.outcome(design, random, 320) for _ in range(120)]
    assert sum(said == "viable" for said, _, _ in ended) <= 7
    assert sum(looks > 1 for _, looks, _ in ended) > 60, "they were undecided, and looked at again"


@pytest.mark.slow
@pytest.mark.usefixtures("verdicts")
def test_commands_judge_simulated_checkpoints_as_the_rule_does() -> None:
    """Uneven families, several epochs, a base model: recordings, ``run``, ``verdict --json``, look by look."""
    import verdict_commands  # type: ignore[import-not-found]

    found = verdict_commands.judged("good, families of 1 to 12, 5 epochs", 6)
    assert found["judged"] > 6
    assert found["judged_otherwise_by_the_rule"] == 0
    assert found["viable"] >= 5 / 6
