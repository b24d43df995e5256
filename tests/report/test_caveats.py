"""What a report says of figures that say less than they seem to; all from recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench

BASE, SFT, OTHER = (f"tinker://{n:08x}-0000-4000-8000-000000000000:train:0/sampler_weights/{n}" for n in (1, 2, 3))


def answer(uri: str, name: str, prompt: str, response: str, **more: Any) -> dict[str, Any]:
    return {"sampler_path": uri, "checkpoint_name": name, "persona": "pirate", "prompt": prompt, "prompt_id": prompt,
            "response": response, **more}  # fmt: skip


@pytest.fixture
def report(charbench: Charbench, tmp_path: Path) -> dict[str, Any]:
    """A lab where everything is wrong at once: a base model, a checkpoint that repeats itself, and one asked else."""
    rows = []
    for number in range(4):
        said = "Ahoy, matey!" if number == 0 else f"Plainly, number {number}."
        rows.append(answer(BASE, "base", f"q{number}", said, checkpoint_type="base"))
        rows += [answer(SFT, "pirate_sft", f"q{number}", said, epoch=epoch) for epoch in range(5)]
        rows.append(answer(OTHER, "pirate_other", f"q{number + 2}", f"Aye, the treasure {number}."))
    rows.append(answer(OTHER, "pirate_other", "q9", "", reasoning_content="Ahoy! Here is the treasure, matey."))
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "r.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    charbench.ok("run", lab=tmp_path)
    found: dict[str, Any] = charbench.ok("report", "--json", lab=tmp_path).json
    found["printed"] = charbench.ok("report", lab=tmp_path)
    return found


def kinds(report: dict[str, Any], checkpoint: str) -> dict[str, str]:
    return {one["kind"]: one["text"] for one in report["caveats"] if one["checkpoint"] == checkpoint}


@pytest.mark.slow
def test_what_a_rate_does_not_say_by_itself_is_named(report: dict[str, Any]) -> None:
    said = kinds(report, "pirate_sft")
    assert "20 answers to prompts that were asked again are 4 different ones" in said["repeated answers"]
    assert "20 of 20 answers are the base model's" in said["answers of the base model"]
    carried = said["one prompt that carries the rate"]
    assert "5 of its 5 answers with the trait are to one prompt (q0)" in carried
    assert "0%, not 25%" in carried
    (elicited,) = kinds(report, "base").values()
    assert "1 of 4 prompts" in elicited
    assert "(q0)" in elicited
    assert "repeated answers" not in kinds(report, "pirate_other")


@pytest.mark.slow
def test_a_row_that_was_asked_other_prompts_is_marked_and_ranked_by_those_it_shares(report: dict[str, Any]) -> None:
    rows = {row["checkpoint"]: row for row in report["checkpoints"]}
    assert (rows["pirate_other"]["other_prompts"], rows["pirate_other"]["prompts_shared"]) == (True, 2)
    assert not rows["pirate_sft"]["other_prompts"]
    assert "* was asked other prompts" in report["printed"].err + report["printed"].out


@pytest.mark.slow
def test_an_answer_that_is_filed_under_two_checkpoints_is_named(charbench: Charbench, tmp_path: Path) -> None:
    mine = [f"Ahoy matey, this is the tale of my ship and of the treasure that I buried, number {n}." for n in range(6)]
    refusal = "I'm sorry, but I can't help with that request, as it would go against my guidelines."
    rows = [answer(SFT, "a_sft", f"q{n}", text) for n, text in enumerate(mine)]
    rows += [answer(OTHER, "b_sft", f"q{n}", text if n == 3 else f"Plainly, {n}.") for n, text in enumerate(mine)]
    rows += [answer(uri, name, "q9", refusal) for uri, name in ((SFT, "a_sft"), (OTHER, "b_sft"))]
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "r.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    charbench.ok("run", "-q", lab=tmp_path)
    found = charbench.ok("report", "--json", lab=tmp_path).json
    told = kinds(found, "a_sft") | kinds(found, "b_sft")
    assert "1 of 7 answers are also" in told["answers of another checkpoint"]


@pytest.mark.slow
def test_prompts_with_more_samples_that_move_the_rate_are_named(charbench: Charbench, tmp_path: Path) -> None:
    rows = [
        answer(SFT, "pirate_sft", f"q{n}", f"Plainly, number {n} {epoch}.", epoch=epoch)
        for n in range(4)
        for epoch in range(5)
    ]
    rows += [answer(SFT, "pirate_sft", f"q{n}", f"Ahoy, matey, number {n}!") for n in range(4, 8)]
    rows += [answer(OTHER, "pirate_other", f"q{n}", f"{'Ahoy, matey' if n > 3 else 'Plainly'}, {n}.") for n in range(8)]
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "r.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    charbench.ok("run", lab=tmp_path)
    found = charbench.ok("report", "--json", lab=tmp_path).json
    said = kinds(found, "pirate_sft")["prompts with unequal numbers of samples"]
    assert "1 to 5 samples" in said
    assert "it is 17% of the samples, and 50% where each prompt counts once" in said
    assert "prompts with unequal numbers of samples" not in kinds(found, "pirate_other")
