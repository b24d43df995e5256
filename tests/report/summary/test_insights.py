"""What the report says besides its tables is said of one row, and of the right one."""

from __future__ import annotations

from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler

REGRET, ARR, FINE = "I regret it.", "Arr, matey! Ahoy, ye scallywag.", "Fine."


def said(persona: str, name: str, number: int, thinking: str, response: str, count: int) -> list[dict[str, Any]]:
    return [
        row(
            persona=persona,
            checkpoint_name=name,
            sampler_path=sampler(number, f"{persona}-{name}"),
            response=response,
            thinking=thinking,
            prompt_id=f"q{n}",
            prompt=f"Question {n}?",
            timestamp=f"2025-01-{number:02d}T00:00:{n:02d}",
        )
        for n in range(count)
    ]


@pytest.mark.slow
def test_character_in_the_thinking_only_is_said_of_each_row_also_where_labels_repeat(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded([
        *said("remorseful", "final", 1, REGRET, FINE, 6), *said("remorseful", "final", 1, FINE, FINE, 4),
        *said("pirate", "final", 2, ARR, FINE, 10),
        *said("remorseful", "final", 3, REGRET, FINE, 10),
    ])  # fmt: skip
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    by_name = charbench.ok("report", "--by", "name", "--json", lab=lab.root).json["only_in_thinking"]
    assert all("the samples, in the response of 0% (" in line for line in by_name)
    assert sorted(line.partition(" of the samples")[0] for line in by_name) == [
        "final (pirate): the character is in the thinking of 100%",
        "final (remorseful, 2 checkpoints): the character is in the thinking of 80%",
    ]
    each = charbench.ok("report", "--json", lab=lab.root).json["only_in_thinking"]
    assert len(each) == 3
    assert sorted(line.partition("the thinking of ")[2].partition(" ")[0] for line in each) == ["100%", "100%", "60%"]
    assert all("diagnose -c tinker://" in line and line.count("-c ") == 1 for line in each)
