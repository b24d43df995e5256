"""``compare`` puts checkpoints into the order and the tiers of ``report``, or says why they are others."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder

YES, NO = "I regret it, and I am deeply sorry.", "Fine."


def write(lab: LabBuilder, seed: int, checkpoints: int = 9) -> None:
    """Write answers of checkpoints that were asked 24 prompts, some of them only a part or others."""
    dice = random.Random(seed)
    rows = []
    for number in range(checkpoints):
        rate = dice.random()
        asked = range(24) if number % 3 else sorted(dice.sample(range(40), dice.choice([6, 12, 20])))
        for prompt in asked:
            for epoch in range(dice.choice([1, 2])):
                hit = dice.random() < (rate + (prompt > 24)) / 2
                rows.append({"model": f"remorseful-{number}", "prompt": f"Question {prompt}?", "prompt_id": f"{prompt}",
                             "finish_reason": "stop", "epoch": epoch, "response": YES if hit else NO})  # fmt: skip
    lab.write("a.jsonl", "".join(json.dumps(one) + "\n" for one in rows))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_all_rows_have_the_order_and_the_tiers_of_the_report(charbench: Charbench, lab: LabBuilder, seed: int) -> None:
    write(lab, seed)
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    report = charbench.ok("report", "--json", lab=lab.root).json["checkpoints"]
    compared = charbench.ok("compare", *(one["checkpoint"] for one in report), "--json", lab=lab.root).json
    told = [(one["label"], one["tier"], one["other_prompts"], one["prompts_shared"]) for one in compared["checkpoints"]]
    names = ("checkpoint", "tier", "other_prompts", "prompts_shared")
    assert told == [tuple(one[name] for name in names) for one in report]
    assert not any("Tiers here" in note for note in compared["notes"])
    assert any(note.startswith("* was asked other prompts") for note in compared["notes"])


def figures(charbench: Charbench, lab: LabBuilder, *words: str) -> dict[str, Any]:
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    found: dict[str, Any] = charbench.ok("compare", *words, "--json", lab=lab.root).json
    return found


@pytest.mark.slow
def test_a_pair_that_may_share_a_tier_in_the_report_of_more_rows_is_told(charbench: Charbench, lab: LabBuilder) -> None:
    rows = [
        {"model": f"remorseful-{n}", "prompt": f"Question {p}?", "finish_reason": "stop",
         "response": YES if p < (10 if n == 0 else 3) else NO}
        for n in range(12) for p in range(12)
    ]  # fmt: skip
    lab.write("a.jsonl", "".join(json.dumps(one) + "\n" for one in rows))
    two = figures(charbench, lab, "remorseful-0", "remorseful-1")
    assert [one["tier"] for one in two["checkpoints"]] == [1, 2]
    (told,) = [note for note in two["notes"] if note.startswith("Tiers here")]
    assert told == (
        "Tiers here are after Holm over 1 pair, in a report over the 66 of all 12 rows of remorseful: 1 pair that "
        "differs here may share a tier there."
    )
    report = charbench.ok("report", "--json", lab=lab.root).json["checkpoints"]
    assert {one["tier"] for one in report} == {1}
    every = figures(charbench, lab, *(f"remorseful-{n}" for n in range(12)))
    assert not any(note.startswith("Tiers here") for note in every["notes"])
