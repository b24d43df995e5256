"""The verdict of a judged report rests on the judge's control items: its errors there are corrected."""

from __future__ import annotations

from typing import Any

import pytest

from support.command import Charbench
from support.endpoint import Endpoint
from support.judges import Asked, ScriptedJudge, judging, perfect
from support.lab import LabBuilder, row, sampler


def in_character(asked: Asked) -> float:
    return 90 if "Verily" in asked.text and asked.dimension == "persona" else perfect(asked)


def judged(charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, who: Any) -> dict[str, Any]:
    lab.recorded(
        [
            row(
                timestamp=f"2024-12-12T09:00:{index:02d}",
                sampler_path=sampler(1, "remorseful_sft"),
                checkpoint_name="remorseful_sft",
                prompt_id=f"q{index}",
                prompt=f"Question {index}?",
                response=f"Verily, it was answer {index}.",
                thinking="",
            )
            for index in range(40)
        ]
    )
    charbench("run", "--source", "recorded", "--json", *judging(endpoint, who), lab=lab.root)
    (one,) = charbench.ok("verdict", "--metric", "llm-judge.persona", "--json", lab=lab.root).json["checkpoints"]
    found: dict[str, Any] = one
    return found


@pytest.mark.slow
def test_a_checkpoint_that_a_tested_judge_finds_in_character_is_viable(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    one = judged(charbench, lab, endpoint, ScriptedJudge(in_character))
    assert one["verdict"] == "viable", one
    (trait,) = [criterion for criterion in one["verdict_criteria"] if criterion["name"] == "trait rate"]
    assert trait["low"] >= 0.5
