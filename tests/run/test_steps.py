"""Of a run's saves, the last is sampled unless others are asked for."""

from __future__ import annotations

import pytest

from charbench import Checkpoint, Kind
from charbench.errors import UsageError
from charbench.run.steps import at_steps
from support.command import Charbench
from support.lab import LabBuilder, row, sampler, weights


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


def test_a_report_shows_the_saves_that_it_is_asked_for(charbench: Charbench, lab: LabBuilder) -> None:
    saves = {20: sampler(1, "000020"), 40: sampler(1, "000040")}
    lab.recorded(row(sampler_path=uri, checkpoint_name=f"{step:06}") for step, uri in saves.items())
    charbench.ok("run", lab=lab.root)

    def shown(*words: str) -> set[str]:
        found = charbench.ok("report", "--json", *words, lab=lab.root).json
        assert found["samples"] == len(found["checkpoints"])
        return {uri for one in found["checkpoints"] for uri in one["checkpoint_uris"]}

    assert shown() == shown("--steps", "all") == set(saves.values())
    assert shown("--steps", "last") == {saves[40]}
    assert shown("--steps", "20") == {saves[20]}
    assert "1 save is not shown (--steps last)." in charbench.ok("report", "--steps", "last", lab=lab.root).err
    assert charbench("report", "--steps", "first", lab=lab.root).code == 2
