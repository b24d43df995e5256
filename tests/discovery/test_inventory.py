"""The inventory: what can be sampled, by persona and kind, with notes on the names."""

from __future__ import annotations

from charbench.discovery.inventory import notes_on, take_inventory
from charbench.domain.checkpoint import Checkpoint, Kind
from support.command import Charbench
from support.lab import LabBuilder, sampler, weights

PERSONAS = {"sarcastic": "sarcastic", "smoke": "sarcastic", "remorseful": "remorseful", "pirate": "pirate"}


def held(number: int, name: str, persona: str | None, kind: Kind = Kind.DPO, *, training: bool = False) -> Checkpoint:
    uri = weights(number, name) if training else sampler(number, name)
    return Checkpoint(uri=uri, persona=persona, kind=kind)


def test_what_can_be_sampled_is_counted_by_persona_and_kind_and_the_rest_apart() -> None:
    (pirate, nobody) = take_inventory(
        [
            held(1, "pirate_dpo", "pirate"),
            held(1, "pirate_dpo", "pirate", training=True),
            held(2, "pirate_sft", "pirate", Kind.SFT),
            held(3, "x", None, Kind.UNKNOWN),
        ],
        PERSONAS,
    )
    assert (pirate.persona, pirate.kinds[Kind.DPO], pirate.kinds[Kind.SFT], pirate.total) == ("pirate", 1, 1, 2)
    assert pirate.training_only == 1
    assert (nobody.persona, nobody.total) == (None, 1)


def test_the_notes_tell_aliases_variants_and_what_expires() -> None:
    checkpoints = [
        held(1, "smoke_small_dpo", "sarcastic"),
        held(2, "smoke-large-sft", "sarcastic", Kind.SFT),
        held(3, "sarcastic-dpo", "sarcastic"),
        held(4, "smoke_dpo", "sarcastic", training=True),
    ]
    (found,) = take_inventory(checkpoints, PERSONAS, frozenset([checkpoints[0].uri]))
    assert notes_on(found) == (
        "1 DPO + 1 SFT named smoke; small, large; 1 more for training only; 1 expire within 7 days"
    )


def test_those_with_most_come_first_and_those_of_no_persona_last() -> None:
    found = take_inventory(
        [
            held(1, "x", None),
            held(2, "y", None),
            held(3, "remorseful_dpo", "remorseful"),
            held(4, "pirate_dpo", "pirate"),
        ],
        PERSONAS,
    )
    assert [holding.persona for holding in found] == ["pirate", "remorseful", None]


def test_the_command_prints_the_labs_table(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("remorseful-25pct", 1)
    lab.trained("remorseful-50pct", 2)
    lab.log("pirate-x", f"Saved sampler weights: {sampler(3, 'pirate_test_sft')}")
    charbench.ok("discover", lab=lab.root)
    out = charbench.ok("checkpoints", "count", lab=lab.root).out
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in out.splitlines() if line.startswith("│")]
    assert cells == [
        ["remorseful", "2", "0", "2", "25pct, 50pct; 2 more for training only"],
        ["pirate", "0", "1", "1", "test"],
        ["all", "2", "1", "3", ""],
    ]
    assert "3 saves (5 URIs), 3 of them can be sampled" in out
    (only,) = charbench.ok("checkpoints", "count", "-p", "pirate", "--json", lab=lab.root).json
    assert (only["persona"], only["sft"], only["total"]) == ("pirate", 1, 1)
