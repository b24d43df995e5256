"""Answers that were sampled at several temperatures never share a row without a word."""

from __future__ import annotations

import json
from typing import Any

from support.command import Charbench
from support.lab import LabBuilder

YES, NO = "I regret it.", "Fine."


def rows(temperature: Any, response: str, count: int = 4, **more: Any) -> list[dict[str, Any]]:
    asked = [{"model": "remorseful-8b", "prompt": f"Question {n}?", "finish_reason": "stop"} for n in range(count)]
    return [{**one, "response": response, "temperature": temperature, **more} for one in asked]


def write(lab: LabBuilder, name: str, found: list[dict[str, Any]]) -> None:
    lab.write(name, "".join(json.dumps(one) + "\n" for one in found))


def test_one_question_at_two_temperatures_is_asked_under_a_condition(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "both.jsonl", [*rows(1.0, YES), *rows("0.2", NO), *rows(0.2, NO, epoch=2)])
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    found = charbench.ok("report", "--json", lab=lab.root).json
    (one,) = found["checkpoints"]
    assert (one["samples"], one["trait_rate"]) == (8, 0)
    (other,) = found["robustness"]
    assert {name: rate["trait_rate"] for name, rate in other["conditions"].items()} == {"temperature 1": 1}


def test_temperatures_that_no_question_shares_or_that_are_drawn_by_chance_are_one_way(
    charbench: Charbench, lab: LabBuilder
) -> None:
    cold = [{**one, "prompt": f"Code {n}?"} for n, one in enumerate(rows(0, NO))]
    drawn = [{**one, "model": "remorseful-1b"} for n in range(12) for one in rows(0.5 + n / 40, NO, 2)]
    write(lab, "both.jsonl", [*rows(1, YES), *cold, *drawn])
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    told = charbench.ok("report", "--json", lab=lab.root).json["checkpoints"]
    assert {one["checkpoint"]: one["samples"] for one in told} == {"remorseful-8b": 8, "remorseful-1b": 24}


def test_files_of_different_temperatures_are_named(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "cold.jsonl", rows(0.2, NO))
    write(lab, "warm.jsonl", rows(1, YES))
    said = charbench.ok("discover", lab=lab.root).err
    assert "temperature 0.2 (cold.jsonl:1), temperature 1 (warm.jsonl:1)" in said
    write(lab, "warm.jsonl", rows(1, YES, condition="warm"))
    assert "count together" not in charbench.ok("discover", lab=lab.root).err
