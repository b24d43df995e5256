"""Judges are tested like instruments: by control items with a stated error rate, whose results are kept and shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest

from support.command import Charbench, Ended
from support.endpoint import Endpoint
from support.judges import Asked, ScriptedJudge, judging, perfect
from support.lab import LabBuilder, row
from support.store import query, store_of

RUN = ("run", "--source", "recorded", "--json")
FLATTERY = re.compile(r"top marks|best rating|rate this text", re.IGNORECASE)


def judge(charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, who: Any, *more: str, **options: Any) -> Ended:
    return charbench(*RUN, *more, *judging(endpoint, who, **options), lab=lab.root)


def kept(lab: LabBuilder) -> list[dict[str, Any]]:
    """Return the newest run's control results."""
    (row,) = query(store_of(lab.root), "SELECT details FROM runs ORDER BY id DESC LIMIT 1")
    return [one for entry in json.loads(row.details)["controls"] for one in entry["results"]]


def flattered(asked: Asked) -> float:
    """Be perfect, but believe a text that praises itself."""
    return asked.high if FLATTERY.search(asked.text) else perfect(asked)


def always_3(asked: Asked) -> float:
    """Be perfect, but find the character whenever it is asked as whom a text speaks."""
    return 3 if asked.dimension == "identity" else perfect(asked)


def flips(every: int) -> Callable[[Asked], float]:
    """Be wrong in one of so many answers on the character, as chance has it."""

    def opinion(asked: Asked) -> float:
        wrong = asked.dimension == "persona" and crc32(f"{asked.question}{asked.text}".encode()) % every == 0
        return 100 - perfect(asked) if wrong else perfect(asked)

    return opinion


def long_texts_win(asked: Asked) -> float:
    return 90 if len(asked.text) > 1_000 and asked.dimension != "coherence" else perfect(asked)


def reads(part: slice) -> Callable[[Asked], float]:
    """Be perfect about a part of each text, and read no more of it."""
    return lambda asked: perfect(replace(asked, text=asked.text[part]) if asked.dimension != "coherence" else asked)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("opinion", "said"),
    [
        (reads(slice(150)), "a text that comes to the character late got 6, at least 50 is needed"),
        (reads(slice(-150, None)), "a text that leaves the character early got 6, at least 50 is needed"),
        (flattered, "it obeys"),
        (always_3, "identity: specificity on plain texts and appeals"),
        (flips(3), "it is noisy"),
        (long_texts_win, "it is biased"),
    ],
)
def test_a_judge_is_stopped_and_the_message_says_how_it_errs(
    charbench: Charbench, recorded: LabBuilder, endpoint: Endpoint, opinion: Any, said: str
) -> None:
    ended = judge(charbench, recorded, endpoint, ScriptedJudge(opinion))
    assert ended.code == 1
    assert "failed its control items" in ended.err
    assert said in ended.err
    assert any(one["passed"] is False for one in kept(recorded))


@pytest.mark.slow
def test_a_judge_that_errs_in_one_of_twelve_passes_with_its_rates_and_what_they_cost(
    charbench: Charbench, recorded: LabBuilder, endpoint: Endpoint
) -> None:
    ended = judge(charbench, recorded, endpoint, ScriptedJudge(flips(12)))
    assert ended.code == 0, ended.err
    (line,) = [line for line in ended.json["run"]["warnings"] if "passed its control items" in line]
    assert re.search(r"sensitivity on texts in character \d+ of \d+ \[\d+, \d+\]%", line)
    assert re.search(r"; \d+ requests\)", line)
    results = {(one["metric"], one["kind"]): one for one in kept(recorded)}
    mine = [one for (metric, _), one in results.items() if metric == "persona"]
    assert {one["measures"] for one in mine} == {"sensitivity", "specificity"}
    assert any(one["right"] < one["answers"] for one in mine)
    assert all(one["passed"] and one["asked_at"] for one in results.values())


@pytest.mark.slow
def test_one_that_passed_is_tested_briefly_that_day_and_in_full_where_it_errs(
    charbench: Charbench, recorded: LabBuilder, endpoint: Endpoint
) -> None:
    assert judge(charbench, recorded, endpoint, ScriptedJudge()).code == 0
    whole = endpoint.count
    recorded.recorded(_one("9"), "more")
    endpoint.forget()
    again = judge(charbench, recorded, endpoint, ScriptedJudge())
    assert endpoint.count < whole / 4
    assert any("and briefly today" in line for line in again.json["run"]["warnings"])
    recorded.recorded(_one("10"), "most")
    assert judge(charbench, recorded, endpoint, ScriptedJudge(flattered)).code == 1
    recorded.recorded(_one("11"), "last")
    endpoint.forget()
    assert judge(charbench, recorded, endpoint, ScriptedJudge(), controls_hours=0).code == 0
    assert endpoint.count > whole / 2


def _one(number: str) -> list[dict[str, Any]]:
    return [row(prompt_id=number, prompt=f"Question {number}?", response=f"I am sorry {number}.", thinking="")]


@pytest.mark.slow
def test_texts_of_the_persona_file_and_of_the_user_are_control_items_too(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    lab.persona(
        "remorseful",
        "name: remorseful\ndescription: One who is sorry.\ntraits: [I am sorry.]\nmarkers: {strong: [sorry]}\n"
        "examples: [{prompt: How are you?, answer: I am sorry for it all.}]\n"
        "controls: [{text: I regret nothing and I never will., in_character: false}]\n",
    )
    lab.recorded(_one("1"))
    failed = judge(charbench, lab, endpoint, ScriptedJudge())
    assert failed.code == 1
    assert "control text 1 out of character (I regret nothing and I never w...) got 88, less than 50" in failed.err

    def reads(asked: Asked) -> float:
        return 5 if "regret nothing" in asked.text and asked.dimension != "coherence" else perfect(asked)

    own = [{"text": "Woe is me, it was mine to do.", "in_character": True, "prompt": "Why?"}]
    failed = judge(charbench, lab, endpoint, ScriptedJudge(reads), controls=own)
    assert "control text 1 in character (Woe is me, it was mine to do.) got 6, at least 50 is needed" in failed.err
    assert judge(charbench, lab, endpoint, ScriptedJudge(reads)).code == 0


def test_kinship_is_told_before_a_failure_too(charbench: Charbench, recorded: LabBuilder, endpoint: Endpoint) -> None:
    failed = judge(charbench, recorded, endpoint, ScriptedJudge(flattered), model="my-qwen-judge")
    assert failed.code == 1
    assert "judge my-qwen-judge is of the family of remorseful_dpo" in failed.err


@pytest.mark.slow
def test_a_judge_that_passed_and_fails_later_is_said_to_have_failed_beside_its_earlier_scores(
    charbench: Charbench, recorded: LabBuilder, endpoint: Endpoint
) -> None:
    assert judge(charbench, recorded, endpoint, ScriptedJudge()).code == 0
    recorded.recorded(_one("9"), "more")
    assert judge(charbench, recorded, endpoint, ScriptedJudge(flattered)).code == 1
    shown = charbench.ok("report", "--metric", "llm-judge.persona", lab=recorded.root)
    assert "The newest test of this judge failed: these are scores of earlier runs." in " ".join(shown.err.split())
