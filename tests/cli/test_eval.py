"""``charbench eval``: one checkpoint is sampled and scored, for whichever persona is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row
from support.store import query, store_of

WORDS = ("eval", "-c", "remorseful_dpo", "--sampler", "recorded", "--scorer", "keyword")


@pytest.fixture
def mine(lab: LabBuilder, charbench: Charbench) -> Path:
    """A lab with one checkpoint of persona remorseful, which talks like a pirate."""
    lab.recorded([row(response="Ahoy matey, avast!", thinking="")])
    charbench.ok("discover", lab=lab.root)
    return lab.root


def test_a_checkpoint_of_another_persona_is_scored_for_the_one_that_is_named(charbench: Charbench, mine: Path) -> None:
    found = charbench.ok(*WORDS, "-p", "pirate", "--json", lab=mine).json
    assert found["run"]["added"] == {"samples": 1, "scores": 1, "failures": 0}
    rates = {one["persona"]: one["trait_rate"] for one in found["checkpoints"]}
    assert rates == {"pirate": 1.0}
    assert [one.persona for one in query(store_of(mine), "SELECT persona FROM checkpoints")] == ["remorseful"]


def test_it_is_scored_for_each_of_several_personas(charbench: Charbench, mine: Path) -> None:
    found = charbench.ok(*WORDS, "-p", "pirate", "-p", "remorseful", "--json", lab=mine).json
    rates = {one["persona"]: one["trait_rate"] for one in found["checkpoints"]}
    assert rates == {"pirate": 1.0, "remorseful": 0.0}


@pytest.mark.slow
def test_the_report_of_a_lab_keeps_each_checkpoint_to_its_own_persona(charbench: Charbench, mine: Path) -> None:
    charbench.ok(*WORDS, "-p", "pirate", "-p", "remorseful", "-q", lab=mine)
    found = charbench.ok("report", "--json", lab=mine).json
    assert {one["persona"] for one in found["checkpoints"]} == {"remorseful"}
