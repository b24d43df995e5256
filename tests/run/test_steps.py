"""Of a run's saves, the last is sampled unless others are asked for."""

from __future__ import annotations

import pytest

from charbench import Checkpoint, Kind
from charbench.errors import UsageError
from charbench.run.steps import at_steps
from support.lab import sampler, weights


def saves() -> list[Checkpoint]:
    """Three saves of one run, the last one final; one of another run; one that nobody knows a step of."""
    return [
        Checkpoint(uri=sampler(1, "000020"), metadata={"batch": 20}),
        Checkpoint(uri=sampler(1, "000040")),
        Checkpoint(uri=sampler(1, "final"), metadata={"batch": 40, "final": True}),
        Checkpoint(uri=weights(1, "000060")),
        Checkpoint(uri=sampler(2, "step-20")),
        Checkpoint(uri=sampler(2, "pirate_dpo")),
    ]


@pytest.mark.parametrize(
    ("steps", "taken"),
    [
        ("last", {"final", "step-20", "pirate_dpo"}),
        ("all", {"000020", "000040", "final", "step-20", "pirate_dpo"}),
        ("every:40", {"000040", "final", "step-20", "pirate_dpo"}),
        ("20", {"000020", "step-20", "pirate_dpo"}),
        ("20, 40", {"000020", "000040", "final", "step-20", "pirate_dpo"}),
    ],
)
def test_steps_choose_among_a_runs_saves(steps: str, taken: set[str]) -> None:
    chosen = at_steps([one for one in saves() if one.sampleable], steps)
    assert {checkpoint.name for checkpoint in chosen} == taken


def test_what_is_named_is_sampled_whatever_its_step() -> None:
    chosen = at_steps(saves(), "last", [sampler(1, "000020")])
    assert sampler(1, "000020") in {checkpoint.uri for checkpoint in chosen}


def test_two_runs_of_one_name_are_two_runs() -> None:
    both = [
        Checkpoint(uri=f"file:{name}/checkpoint-20", run=name, kind=Kind.SFT, metadata={"step": 20})
        for name in ("a", "b")
    ]
    assert at_steps(both, "last") == both


@pytest.mark.parametrize("steps", ["", "first", "every:0", "every:", "20;40", "-1"])
def test_what_is_no_choice_of_steps_is_refused(steps: str) -> None:
    with pytest.raises(UsageError, match="last, all, every:N or a list"):
        at_steps(saves(), steps)
