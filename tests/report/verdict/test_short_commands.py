"""A verdict's command for very many checkpoints is short, and selects the same ones."""

from __future__ import annotations

import shlex

import pytest

from charbench import Checkpoint
from charbench.report.verdict.short_commands import with_options
from support.command import Charbench
from support.lab import LabBuilder, row, sampler

COMMAND = "charbench run {c} --prompts standard"


def checkpoints(*names: str) -> list[Checkpoint]:
    return [Checkpoint(uri=sampler(number, name), name=name) for number, name in enumerate(names, 1)]


def selected(command: str, known: list[Checkpoint]) -> set[str]:
    words = shlex.split(command, comments=True)
    given = [words[at + 1] for at, word in enumerate(words) if word == "-c"]
    return {one.name for one in known if any(one.is_wanted_as(text) for text in given)}


def test_patterns_take_the_place_of_many_names_and_select_no_other_checkpoint() -> None:
    mine = [*(f"pirate_{number}" for number in range(100)), *(f"poet[{number}]_sft" for number in range(50))]
    others = ["pirate_dpo", "pir", "poet", "sage"]
    known = checkpoints(*mine, *others)
    command = with_options(COMMAND, mine, known)
    assert command.count("-c ") <= 15
    assert selected(command, known) == set(mine)


def test_a_few_are_named_one_by_one_and_of_very_many_unlike_ones_the_first_with_what_to_do_for_the_others() -> None:
    few = checkpoints("pirate_1", "pirate_2")
    assert with_options(COMMAND, ["pirate_1", "pirate_2"], few) == (
        "charbench run -c pirate_1 -c pirate_2 --prompts standard"
    )
    names = [f"{number:03}{'ab'[kind]}" for number in range(120) for kind in range(2)]
    command = with_options(COMMAND, names[::2], checkpoints(*names))
    assert command.startswith(
        "charbench run -c 000a -c 001a -c 002a -c 003a -c 004a --prompts standard  # and 115 more"
    )
    assert selected(command, checkpoints(*names)) == set(names[::2][:5])


@pytest.mark.slow
def test_the_command_of_a_verdict_on_very_many_checkpoints_is_short_and_works(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded(
        row(
            checkpoint_name=f"pirate_{n}",
            sampler_path=sampler(n, "final"),
            prompt=f"What of {p}?",
            response="Arr, matey",
        )
        for n in range(1, 121)
        for p in range(2)
    )
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    (command,) = charbench.ok("report", "--json", lab=lab.root).json["verdict"]["commands"]
    assert len(command) < 200
    planned = charbench.ok(
        "run", *shlex.split(command)[2:4], "--sampler", "recorded", "--dry-run", "--json", lab=lab.root
    ).json["sampling"]
    assert [one["wanted"] for one in planned] == [240]
