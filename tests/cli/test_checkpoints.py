"""``checkpoints list``: what is in the store, and what says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler, weights


@pytest.fixture
def found(lab: LabBuilder, charbench: Charbench) -> Path:
    lab.trained("remorseful-a", 1)
    lab.recorded(
        [
            row(
                sampler_path=sampler(2, "pirate_sft"),
                checkpoint_name="pirate_sft",
                persona="pirate",
                checkpoint_type="sft",
            )
        ]
    )
    charbench.ok("discover", lab=lab.root)
    return lab.root


def uris(charbench: Charbench, lab: Path, *words: str) -> set[str]:
    return {item["uri"] for item in charbench.ok("checkpoints", "list", "--json", *words, lab=lab).json}


TRAINING, SAMPLING, PIRATE = weights(1, "remorseful-a_dpo"), sampler(1, "remorseful-a_dpo"), sampler(2, "pirate_sft")


def test_all_are_listed_and_they_can_be_chosen(charbench: Charbench, found: Path) -> None:
    assert uris(charbench, found) == {TRAINING, SAMPLING, PIRATE}
    assert uris(charbench, found, "--sampler-only") == {SAMPLING, PIRATE}
    assert uris(charbench, found, "-p", "pirate") == {PIRATE}
    assert uris(charbench, found, "-c", "remorseful-a") == {TRAINING, SAMPLING}  # its run
    assert uris(charbench, found, "-c", "remorseful-a_dpo") == {TRAINING, SAMPLING}  # its name
    assert uris(charbench, found, "-c", TRAINING, "-c", "pirate_sft") == {TRAINING, PIRATE}


def test_the_table_says_what_each_can_be_used_for_and_where_it_was_found(charbench: Charbench, found: Path) -> None:
    printed = charbench.ok("checkpoints", "list", "--evidence", lab=found).out
    assert "2 saves (3 URIs)" in printed
    for text in (
        "both",
        "sampling",
        "artifacts/logs/remorseful-a.log:2 (saved)",
        "remorseful_checkpoint_test.csv:2",
    ):
        assert text in printed


def test_a_save_is_one_row_with_both_of_its_uris(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("pirate-a", 1)
    charbench.ok("discover", lab=lab.root)
    printed = charbench.ok("checkpoints", "list", lab=lab.root).out
    assert "1 save (2 URIs)" in printed
    assert (printed.count(" both "), printed.count("weights/pirate-a_dpo")) == (1, 2)
    assert len(uris(charbench, lab.root)) == 2
