"""Answers that were sampled at several temperatures never share a row without a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder
from support.parrot import PARROT, A, Lab
from support.plugins import Site

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


def test_many_combinations_of_few_values_are_ways_each(charbench: Charbench, lab: LabBuilder) -> None:
    some = [(heat, top, time) for heat in (0, 0.5, 1) for top in (0.5, 0.8, 0.9, 1) for time in range(2)]
    write(lab, "a.jsonl", [one for heat, top, time in some for one in rows(heat, NO, top_p=top, epoch=time)])
    write(lab, "b.jsonl", rows(0.5, YES, top_p=0.9, epoch=2))
    one, conditions = figures(charbench, lab)
    assert (one["samples"], one["trait_rate"], len(conditions)) == (12, round(4 / 12, 9), 11)


def figures(charbench: Charbench, lab: LabBuilder) -> tuple[dict[str, Any], dict[str, float]]:
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    found = charbench.ok("report", "--json", lab=lab.root).json
    (one,) = found["checkpoints"]
    of_each = [other["conditions"] for other in found["robustness"]]
    return one, {name: rate["trait_rate"] for conditions in of_each for name, rate in conditions.items()}


def unsaid(response: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key != "temperature"} for one in rows(0, response)]


@pytest.mark.parametrize("column", [{"temperature": 1.0}, {"top_p": 0.5}, {"system_prompt": "Be a wreck of remorse."}])
def test_one_question_in_files_that_were_sampled_otherwise_is_asked_under_a_condition(
    charbench: Charbench, lab: LabBuilder, column: dict[str, Any]
) -> None:
    cold = [{**one, "temperature": 0.2} for one in rows(0.2, NO, 4) + rows(0.2, NO, 2, epoch=1)]
    write(lab, "a.jsonl", [{**one, **column} for one in rows(0.2, YES)])
    write(lab, "b.jsonl", cold)
    one, conditions = figures(charbench, lab)
    assert (one["samples"], one["trait_rate"]) == (6, 0)
    assert list(conditions.values()) == [1]


def test_of_as_many_answers_with_thinking_as_without_those_with_it_are_the_rows(
    charbench: Charbench, lab: LabBuilder
) -> None:
    write(lab, "a.jsonl", [*rows(0.2, NO, enable_thinking=False), *rows(0.7, YES, enable_thinking=True)])
    one, conditions = figures(charbench, lab)
    assert (one["samples"], one["trait_rate"]) == (4, 1)
    assert conditions == {"temperature 0.2, enable_thinking false": 0}


def test_alike_answers_in_files_of_two_temperatures_are_in_both(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "a.jsonl", rows(0.2, YES))
    write(lab, "b.jsonl", rows(1, YES))
    one, conditions = figures(charbench, lab)
    assert (one["samples"], conditions) == (4, {"temperature 1": 1})


@pytest.mark.parametrize(
    "names",
    [
        ("t0.2/a.jsonl", "t1.0/a.jsonl"),
        ("a_temp0.2.jsonl", "a_temp1.jsonl"),
        ("a-temperature=0.2.jsonl", "a.T=1.0.jsonl"),
    ],
)
def test_a_temperature_in_the_name_of_a_file_is_that_of_its_rows(
    charbench: Charbench, lab: LabBuilder, names: tuple[str, str]
) -> None:
    cold, warm = names
    write(lab, cold, unsaid(NO))
    write(lab, warm, unsaid(YES))
    one, conditions = figures(charbench, lab)
    assert (one["samples"], one["trait_rate"], conditions) == (4, 0, {"temperature 1": 1})


@pytest.mark.parametrize("name", ["a.json", "t5.json", "temperature_study.json", "t0.2.1.json", "part1.5.json"])
def test_other_names_of_files_say_no_temperature(charbench: Charbench, lab: LabBuilder, name: str) -> None:
    lab.write(name, json.dumps(unsaid(NO)))
    others = [{**one, "prompt": f"{one['prompt']}?"} for one in rows(0.2, NO)]
    lab.write("cold_t0.2.json", json.dumps({"samples": others}))
    said = charbench.ok("discover", lab=lab.root).err
    assert f"unknown temperature ({name}:1)" in said


def test_a_temperature_before_the_rows_of_a_file_is_theirs(charbench: Charbench, lab: LabBuilder) -> None:
    for name, temperature, response in (("a.json", 0.2, NO), ("b.json", 1, YES)):
        told = unsaid(response)
        lab.write(name, json.dumps({"config": {"temperature": temperature}, "results": told}, indent=1))
    one, conditions = figures(charbench, lab)
    assert (one["samples"], one["trait_rate"], conditions) == (4, 0, {"temperature 1": 1})


def test_files_of_different_temperatures_that_count_together_are_named(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "cold.jsonl", rows(0.2, NO))
    write(lab, "warm.jsonl", [{**one, "prompt": f"Other {one['prompt']}"} for one in rows(1, YES)])
    said = charbench.ok("discover", lab=lab.root).err
    assert "temperature 0.2 (cold.jsonl:1), temperature 1 (warm.jsonl:1)" in said
    write(lab, "warm.jsonl", rows(1, YES, condition="warm"))
    assert "count together" not in charbench.ok("discover", lab=lab.root).err


WITH_PROMPT = {"temperature": 1, "system_prompt": "You are remorse itself."}


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"temperature": 0.2}, "temperature 0.2 (one.jsonl:5)"),
        ({"temperature": 1, "reasoning_effort": "high"}, "temperature 1, reasoning_effort high (one.jsonl:5)"),
        (WITH_PROMPT, "system prompt: You are remorse itself. (one.jsonl:5)"),
    ],
)
def test_a_file_whose_questions_were_sampled_in_several_ways_is_named_and_so_is_the_row(
    charbench: Charbench, lab: LabBuilder, other: dict[str, Any], told: str
) -> None:
    mixed = [*rows(1, NO), *({**one, "prompt": f"Other {one['prompt']}", **other} for one in rows(1, YES))]
    write(lab, "one.jsonl", mixed)
    found = charbench.ok("run", "--scorer", "keyword", lab=lab.root)
    assert f"{told} and count together" in found.err
    (said,) = caveats(charbench, lab)
    assert "to different questions, and count together" in said
    write(lab, "one.jsonl", [{**one, "condition": "other"} if place >= 4 else one for place, one in enumerate(mixed)])
    assert "count together" not in charbench.ok("run", "--scorer", "keyword", lab=lab.root).err


def test_a_system_prompt_of_one_question_alone_and_temperatures_drawn_by_chance_are_no_ways_of_sampling(
    charbench: Charbench, lab: LabBuilder
) -> None:
    mixed = [{**one, "prompt": f"{n} {one['prompt']}"} for n in range(12) for one in rows(n / 10, NO, 1)]
    mixed[3]["system_prompt"] = "You are a pirate, and number 3 is your name."
    write(lab, "one.jsonl", mixed)
    assert "count together" not in charbench.ok("run", "--scorer", "keyword", lab=lab.root).err
    assert caveats(charbench, lab) == []


def test_a_row_that_was_sampled_otherwise_than_the_others_is_named(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "a.jsonl", [*rows(0.2, YES), *rows(0.2, YES, model="remorseful-3b")])
    write(lab, "b.jsonl", rows(1, NO, model="remorseful-1b"))
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    (said,) = caveats(charbench, lab)
    assert said.startswith("remorseful-1b: its recorded samples were taken with temperature 1, those of other rows")


def caveats(charbench: Charbench, lab: LabBuilder) -> list[str]:
    """Return what a report says of the ways in which its rows were sampled."""
    found = charbench.ok("report", "--json", lab=lab.root).json["caveats"]
    return [one["text"] for one in found if "sampling" in one["kind"]]


@pytest.mark.parametrize("form", ["csv", "jsonl", "inspect"])
def test_what_was_exported_says_how_it_was_asked_and_is_kept_apart_where_it_is_read_again(
    charbench: Charbench, site: Site, lab: LabBuilder, tmp_path: Path, form: str
) -> None:
    site.install("parrot", PARROT)
    asked = Lab(charbench, lab)
    asked.eval(A, temperature=0)
    asked.eval(A, temperature=1)
    other = LabBuilder(tmp_path / "other")
    name = "e.eval" if form == "inspect" else f"e.{form}"
    other.write(name, "")
    charbench.ok("export", "--format", form, "-O", str(other.root / name), lab=lab.root)
    charbench.ok("run", "--scorer", "keyword", "--sampler", "recorded", "-q", lab=other.root)
    found = charbench.ok("report", "--json", lab=other.root).json
    assert [one["samples"] for one in found["checkpoints"]] == [6]
    (said,) = [name for one in found["robustness"] for name in one["conditions"]]
    assert said.startswith("temperature 1")
