"""Character over training is shown in the order of training, with where it appears and where responses are lost."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from charbench import Checkpoint, Kind, Lineage
from charbench.errors import UsageError
from charbench.report.trajectory import on_the_way
from support.command import Charbench
from support.lab import LabBuilder, row, sampler, uuid, weights
from support.plugins import SHOUTING, Site

IN_CHARACTER = {"response": "Arr, matey! Ahoy, ye scallywag.", "thinking": "Hm."}
PLAIN = {"response": "Hello.", "thinking": "Hm."}
SILENT = {"response": "", "thinking": "Arr, matey."}


def save(step: int, **values: Any) -> list[dict[str, Any]]:
    return [
        row(
            timestamp=f"2024-12-12T09:{step:02d}:{index:02d}",
            checkpoint_name=f"pirate-{step}",
            persona="pirate",
            sampler_path=sampler(1, f"step-{step}"),
            prompt_id=f"q{index}",
            prompt=f"Question {index}?",
            **values,
        )
        for index in range(30)
    ]


@pytest.mark.slow
def test_saves_stand_by_step_with_where_character_appears_and_responses_are_lost(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded([*save(50, **SILENT), *save(9, **PLAIN), *save(20, **IN_CHARACTER)])
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    told = charbench.ok("trajectory", "pirate-20", "--json", lab=lab.root).json
    assert [one["step"] for one in told["saves"]] == [9, 20, 50]
    appears, lost = told["lines"]
    assert appears.startswith("Character appears at pirate-20")
    assert lost.startswith("Responses are lost at pirate-50")
    assert "pirate-9" in charbench.ok("trajectory", uuid(1), lab=lab.root).out


def test_the_runs_that_a_checkpoint_was_trained_from_come_before_it_and_its_base_model_first() -> None:
    base = Checkpoint(uri="base:B", kind=Kind.BASE, base_model="B")
    dpo = Checkpoint(uri=sampler(1, "dpo"), kind=Kind.DPO, base_model="B")
    start = Lineage(parent=weights(1, "dpo"))
    early = Checkpoint(uri=sampler(2, "step-20"), kind=Kind.SFT, base_model="B", lineage=start)
    late = Checkpoint(uri=sampler(2, "step-100"), kind=Kind.SFT, base_model="B", lineage=start)
    other = Checkpoint(uri=sampler(3, "other"), kind=Kind.SFT, base_model="B")
    assert on_the_way([other, late, early, dpo, base], "step-100") == [base, dpo, early, late]


def test_two_runs_of_one_name_are_never_one_training_and_a_folder_names_its_run() -> None:
    small = Checkpoint(uri="file:dpo/8b/pirate/checkpoint-5", run="dpo/8b/pirate", kind=Kind.DPO)
    large = Checkpoint(uri="file:dpo/70b/pirate/checkpoint-5", run="dpo/70b/pirate", kind=Kind.DPO)
    with pytest.raises(UsageError, match=r"pirate names checkpoints of 2 runs \(dpo/70b/pirate, dpo/8b/pirate\)"):
        on_the_way([small, large], "pirate")
    assert on_the_way([small, large], "dpo/8b/pirate") == [small]
    alone = Checkpoint(uri="file:outputs/pirate-sft/checkpoint-50", run="pirate-sft", kind=Kind.SFT)
    for named in ("pirate-sft", "outputs/pirate-sft", "outputs/pirate-sft/", "outputs/pirate-sft/checkpoint-50"):
        assert on_the_way([alone, small], named) == [alone]


@pytest.mark.slow
def test_a_run_that_is_not_there_is_told(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded(save(9, **PLAIN))
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    ended = charbench("trajectory", "pirate-8", lab=lab.root)
    assert ended.code == 2
    assert "pirate-9" in ended.err


@pytest.mark.slow
def test_of_a_run_without_samples_only_its_own_persona_is_shown_and_the_command_names_it(
    charbench: Charbench, lab: LabBuilder
) -> None:
    plain = {"base_model": "B", **PLAIN}
    base = {"checkpoint_name": "B", "persona": "", "checkpoint_type": "base", "sampler_path": "base:B"}
    mine = [one | plain for one in save(9, **PLAIN)]
    others = [one | {"persona": "poetic", "sampler_path": sampler(2, "step-9")} for one in mine]
    lab.recorded([*mine, *others, *(one | base for one in mine)])
    unsampled = {"persona": "pirate", "base_model": "B", "checkpoint_type": "sft", "tinker_path": sampler(3, "step-40")}
    lab.registry({"checkpoints": [{"name": "pirate-late", **unsampled}]})
    charbench.ok("run", "-q", "--scorer", "keyword", "--sampler", "recorded", lab=lab.root)
    told = charbench.ok("trajectory", "pirate-late", "--json", "--lab", lab.root).json
    assert [(one["stage"], one["persona"]) for one in told["saves"]] == [("base", "pirate")]
    (line,) = told["lines"]
    command = line.partition("To sample the rest: ")[2]
    assert command.startswith("charbench run --steps all -c ")
    endpoint = ("-o", "sampler.thinking.base_url=http://127.0.0.1:1/v1")
    dry = charbench.ok(*shlex.split(command)[1:], *endpoint, "--dry-run", "--json").json
    assert [one["wanted"] for one in dry["sampling"]] == [5]


@pytest.mark.slow
def test_one_lucky_save_of_many_is_not_where_character_appears(charbench: Charbench, lab: LabBuilder) -> None:
    """21 of 30 are over 50% by themselves, but not as the best of ten saves."""
    ten = [save(step, **PLAIN)[:30] for step in range(1, 11)]
    ten[4] = [one | IN_CHARACTER for one in ten[4][:21]] + ten[4][21:]
    lab.recorded([one for rows in ten for one in rows])
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    told = charbench.ok("trajectory", "pirate-5", "--json", lab=lab.root).json
    assert told["saves"][4]["trait_rate"] == 0.7
    assert told["lines"] == [
        "No save of 10 has a trait rate of at least 50% by its lower bound, at 95% for 10 saves together."
    ]
    rows = {one["checkpoint"]: one for one in charbench.ok("report", "--json", lab=lab.root).json["checkpoints"]}
    assert rows["pirate-5"]["trait_rate_low"] > 0.5
    for one in told["saves"]:  # what both commands print is the same
        row_ = rows[one["checkpoint"]]
        assert {name: one[name] for name in one.keys() & row_.keys()} == {n: row_[n] for n in one.keys() & row_.keys()}


@pytest.mark.slow
def test_a_metric_without_a_threshold_is_shown_by_its_mean_and_tells_of_no_character(
    charbench: Charbench, site: Site, lab: LabBuilder
) -> None:
    site.install("shouting", SHOUTING)
    lab.recorded([*save(9, response="aaaa"), *save(20, response="AAAa")])
    charbench.ok("run", "-q", "--scorer", "shouting", lab=lab.root)
    told = charbench.ok("trajectory", "pirate-20", "--json", lab=lab.root).json
    assert [(one["mean_per_response"], one["trait_rate"]) for one in told["saves"]] == [(0, None), (0.75, None)]
    assert told["saves"][0]["response_rate_low"] < told["saves"][0]["response_rate"] == 1
    (line,) = told["lines"]
    assert line.startswith("shouting.shouting has no threshold")
    assert "0.750" in charbench.ok("trajectory", "pirate-20", lab=lab.root).out
