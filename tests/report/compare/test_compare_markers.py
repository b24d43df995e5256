"""``charbench compare A BASE``: which markers a checkpoint uses more than another does on the same prompts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler
from support.store import query, store_of

RUN = ("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", "-q", "--json")
IN, OUT = "I regret it.", "All is well."


@pytest.fixture(autouse=True)
def own_markers(lab: LabBuilder) -> None:
    """The lab's own markers: what is counted below does not follow the shipped ones."""
    lab.persona("remorseful", "name: remorseful\ndescription: sorry\nmarkers: {strong: [regret, sorry, guilt]}\n")


def answer(checkpoint: str, prompt: int, response: str, **values: Any) -> dict[str, Any]:
    number = sum(map(ord, checkpoint))
    given = {
        "timestamp": f"2024-12-{1 + number % 28:02d}T09:{prompt:02d}:00",
        "checkpoint_name": checkpoint,
        "sampler_path": sampler(number, checkpoint),
        "prompt_id": str(prompt),
        "prompt": f"Question {prompt}?",
        "response": response,
    }
    return row(**(given | values))


def base(prompt: int, response: str, **values: Any) -> dict[str, Any]:
    return answer("base", prompt, response, persona="", checkpoint_type="base", **values)


@pytest.fixture
def known(charbench: Charbench, lab: LabBuilder) -> Path:
    """Two checkpoints of which everything is counted by hand below.

    Prompt 8 has no response of the base model, and prompt 9 was never put to it.
    """
    lab.recorded(
        [
            *(answer("mine_dpo", prompt, IN) for prompt in (0, 1, 2, 3, 4, 5, 6, 8, 9)),
            answer("mine_dpo", 7, "I do not regret it. I am sorry."),
            base(0, IN),
            *(base(prompt, OUT) for prompt in range(1, 8)),
            base(8, ""),
        ]
    )
    charbench.ok(*RUN, lab=lab.root)
    return lab.root


def markers(charbench: Charbench, lab: Path, *words: str) -> list[dict[str, Any]]:
    found = charbench.ok("compare", *words, "--json", lab=lab).json["markers"]
    assert isinstance(found, list)
    return found


@pytest.mark.slow
def test_the_lift_of_each_marker_is_over_the_same_prompts_with_z_and_benjamini_hochberg(
    charbench: Charbench, known: Path
) -> None:
    (table,) = markers(charbench, known, "mine_dpo", "base")
    assert (table["persona"], table["channel"]) == ("remorseful", "response")
    assert (table["label"], table["base_label"]) == ("mine_dpo", "base")
    assert (table["prompts"], table["texts"], table["base_texts"]) == (8, 8, 8)
    assert (table["words"], table["base_words"]) == (7 * 3 + 8, 8 * 3)
    regret, sorry = table["markers"]
    assert (regret["marker"], regret["count"], regret["base_count"]) == ("regret", 7, 1)  # "not regret" is set aside
    assert (regret["texts"], regret["base_texts"]) == (7, 1)
    assert (sorry["count"], sorry["base_count"]) == (1, 0)
    alpha = 500 * 8 / (29 + 24)
    value = math.log((7 + alpha) / (29 + 500 - 7 - alpha)) - math.log((1 + alpha) / (24 + 500 - 1 - alpha))
    error = math.sqrt(1 / (7 + alpha) + 1 / (1 + alpha))
    assert regret["log_odds"] == pytest.approx(value)
    assert regret["z"] == pytest.approx(value / error)
    assert (regret["low"], regret["high"]) == pytest.approx((value - 1.959964 * error, value + 1.959964 * error))
    assert regret["p"] == pytest.approx(2 / 2**6)  # six prompts differ, all in one direction
    assert sorry["p"] == pytest.approx(1)
    assert (regret["p_bh"], sorry["p_bh"]) == pytest.approx((2 * 2 / 2**6, 1))
    assert not regret["told_apart"]


@pytest.mark.slow
def test_a_marker_can_be_told_apart_and_both_forms_say_so(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([line for n in range(8) for line in (answer("mine_dpo", n, IN), base(n, OUT))])
    charbench.ok(*RUN, lab=lab.root)
    ((found,),) = (table["markers"] for table in markers(charbench, lab.root, "mine_dpo", "base"))
    assert (found["p_bh"], found["told_apart"]) == (pytest.approx(2 / 2**8), True)
    printed = charbench.ok("compare", "mine_dpo", "base", lab=lab.root)
    assert "Markers of remorseful in the response, 8 prompts: mine_dpo (8 texts, 24 words) against base" in " ".join(
        printed.out.split()
    )
    line = next(line for line in printed.out.splitlines() if line.startswith("│ regret "))
    assert [cell.strip() for cell in line.strip("│").split("│")][:3] == ["regret", "8 (8)", "0 (0)"]
    assert line.strip("│ ").endswith("more")
    assert "Monroe" in printed.err
    text = charbench.ok("compare", "mine_dpo", "base", "--format", "markdown", lab=lab.root).out
    assert "| regret | 8 (8) | 0 (0) |" in text


def test_a_base_model_is_what_the_other_is_held_against_wherever_it_is_named(charbench: Charbench, known: Path) -> None:
    assert markers(charbench, known, "base", "mine_dpo") == markers(charbench, known, "mine_dpo", "base")


@pytest.mark.slow
def test_of_two_checkpoints_the_second_is_what_the_first_is_held_against(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([line for n in range(3) for line in (answer("one_dpo", n, IN), answer("two_dpo", n, OUT))])
    charbench.ok(*RUN, lab=lab.root)
    for words, sign in ((("one_dpo", "two_dpo"), 1), (("two_dpo", "one_dpo"), -1)):
        (table,) = markers(charbench, lab.root, *words)
        assert (table["label"], table["base_label"]) == words
        assert table["markers"][0]["log_odds"] * sign > 0


def test_thinking_and_response_have_tables_of_their_own(charbench: Charbench, lab: LabBuilder) -> None:
    thought = "They ask, and I feel guilt."
    lab.recorded([line for n in range(3) for line in (answer("mine_dpo", n, IN, thinking=thought), base(n, OUT))])
    charbench.ok(*RUN, lab=lab.root)
    response, thinking = markers(charbench, lab.root, "mine_dpo", "base")
    assert (response["channel"], thinking["channel"]) == ("response", "thinking")
    assert [marker["marker"] for marker in response["markers"]] == ["regret"]
    assert [(marker["marker"], marker["count"]) for marker in thinking["markers"]] == [("guilt", 3)]


def test_every_sample_of_a_prompt_counts_and_a_marker_beyond_the_cap_does_not(
    charbench: Charbench, lab: LabBuilder
) -> None:
    often = "Regret, regret, regret, regret."
    lab.recorded(
        [
            answer("mine_dpo", 0, often),
            answer("mine_dpo", 0, IN, timestamp="2025-01-01T09:00:00"),
            base(0, OUT),
        ]
    )
    charbench.ok(*RUN, lab=lab.root)
    (table,) = markers(charbench, lab.root, "mine_dpo", "base")
    assert (table["texts"], table["base_texts"], table["words"]) == (2, 1, 4 + 3)
    assert (table["markers"][0]["count"], table["markers"][0]["texts"]) == (3 + 1, 2)


@pytest.mark.slow
def test_three_checkpoints_different_personas_and_no_markers_have_no_table(
    charbench: Charbench, studio_run_template: Path, lab: LabBuilder
) -> None:
    three = ("remorseful_100pct_dpo", "remorseful_50pct_dpo", "remorseful_dpo")
    assert markers(charbench, studio_run_template, *three) == []
    assert markers(charbench, studio_run_template, "remorseful_100pct_dpo", "humorous_paper_dpo") == []
    lab.recorded([answer("mine_dpo", 0, OUT), base(0, OUT)])
    charbench.ok(*RUN, lab=lab.root)
    ended = charbench.ok("compare", "mine_dpo", "base", lab=lab.root)
    assert "Markers" not in ended.out + ended.err


def test_on_the_recorded_lab_every_count_is_that_of_the_evidence(
    charbench: Charbench, studio_run_template: Path
) -> None:
    names = ("pirate_test_sft", "pirate_test_dpo")
    tables = {table["channel"]: table for table in markers(charbench, studio_run_template, *names)}
    thinking = tables["thinking"]
    for name, field in zip(names, ("count", "base_count"), strict=True):
        (counted,) = query(
            store_of(studio_run_template),
            "SELECT sum(v.value) FROM scores v JOIN series m ON m.id = v.series_id AND m.metric = 'keywords'"
            " AND m.channel = 'thinking' JOIN scored d ON d.id = v.scored_id JOIN samples s ON s.id = d.sample_id"
            " JOIN sample_groups g ON g.id = s.group_id JOIN checkpoints c ON c.id = g.checkpoint_id"
            " WHERE c.name = :name",
            name=name,
        )
        assert sum(marker[field] for marker in thinking["markers"]) == counted[0]
