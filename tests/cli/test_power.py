"""``charbench power``: how many prompts a difference needs."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row


def test_without_a_store_a_rate_is_assumed(charbench: Charbench, tmp_path: Path) -> None:
    found = charbench.ok("power", "--rate", "0.5", "--difference", "0.2", "--json", lab=tmp_path).json
    first = found["needed"][0]
    assert first["prompts_at_most"] == 103  # McNemar's exact test with rates of 50% and 70%; by the normal formula 91
    assert [entry["epochs"] for entry in found["needed"]] == [1, 2, 4, 8]
    assert found["least_prompts"] == 6


def test_more_answers_a_prompt_never_need_more_prompts(charbench: Charbench, tmp_path: Path) -> None:
    needed = charbench.ok("power", "--rate", "0.3", "--json", lab=tmp_path).json["needed"]
    at_least = [entry["prompts_at_least"] for entry in needed[:4]]
    assert at_least == sorted(at_least, reverse=True)
    assert all(entry["prompts_at_least"] <= entry["prompts_at_most"] for entry in needed)


def test_five_prompts_of_the_recorded_lab_can_show_nothing(charbench: Charbench, studio_run_template: Path) -> None:
    found = charbench.ok("power", "-p", "remorseful", "--json", lab=studio_run_template).json
    (present,) = found["present"]
    assert (present["persona"], present["checkpoints"], present["prompts"]) == ("remorseful", 6, 5)
    assert present["smallest_difference"] is None
    printed = charbench.ok("power", lab=studio_run_template).out
    assert "fewer than 6 prompts" in printed
    assert "What the present prompts can show: keyword.keywords" in printed


def test_more_pairs_need_more_prompts(charbench: Charbench, tmp_path: Path) -> None:
    one, many = (
        charbench.ok("power", "--rate", "0.5", "--comparisons", count, "--json", lab=tmp_path).json
        for count in ("1", "45")
    )
    assert one["needed"][0]["prompts_at_most"] < many["needed"][0]["prompts_at_most"]
    assert (one["least_prompts"], many["least_prompts"]) == (6, 11)


@pytest.mark.slow
def test_asked_as_often_as_now_the_number_is_that_of_compare(charbench: Charbench, lab: LabBuilder) -> None:
    """Also where answers vary more than prompts do, and where a family's answers are less alike than others."""

    def said(which: int, number: int, epoch: int) -> str:
        hit = (number + epoch) % 2 == 0 or (which == 1 and number in (4, 7, 10))
        return f"{'Ahoy' if hit else 'Hello'}! {number} {epoch}"

    lab.recorded_jsonl(
        row(
            checkpoint_name=f"pirate_{which}", sampler_path=f"tinker://pirate-{which}/sampler_weights/final",
            persona="pirate", prompt_id=f"q{number}", prompt=f"Question {number}?", prompt_family=f"f{number // 3}",
            epoch=epoch, response=said(which, number, epoch),
        )
        for which, number, epoch in product(range(2), range(12), range(2))
    )  # fmt: skip
    charbench.ok("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", "-q", lab=lab.root)
    (pair,) = charbench.ok("compare", "pirate_0", "pirate_1", "--json", lab=lab.root).json["pairs"]
    assert pair["difference"]
    asked = ("power", "-p", "pirate", "--epochs", "2", "--difference", str(abs(pair["difference"])), "--json")
    found = charbench.ok(*asked, lab=lab.root).json
    assert found["present"][0]["design_effect"] == 1
    assert found["needed"][0]["prompts_at_most"] == pair["prompts_for_difference_seen"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "or assume a rate: charbench power --rate 0.5"),
        (("--rate", "0.5", "--difference", "0"), "a number above 0 is needed"),
        (("--rate", "0.5", "--difference", "2"), "rates differ by at most 1"),
    ],
)
def test_a_mistake_is_one_line(charbench: Charbench, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    ended = charbench("power", *words, lab=tmp_path)
    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
