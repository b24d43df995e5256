"""Scorer ``pairwise`` against the real llama.cpp: the protocol works, and the tiny model's opinions are refused."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from charbench import Comparison, Persona, Prompt, Sample, SamplingError
from charbench_plugins.scorers.llm_judge.pairwise.scorer import Pairwise
from support.command import Charbench
from support.lab import LabBuilder
from support.pair_judges import contest
from support.store import count, store_of

pytestmark = pytest.mark.peer

NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}
FORMS: dict[str, dict[str, Any]] = {
    "a schema": {"extra_body": NO_THINKING},
    "JSON of any form": {"response_format": "json_object", "extra_body": NO_THINKING},
    "in words": {"response_format": "none"},
}


def options(url: str, **values: Any) -> dict[str, Any]:
    return {"model": "tiny", "base_url": url, "timeout": 120, "max_tokens": 200, "tries": 1, **values}


@pytest.mark.parametrize("form", FORMS)
def test_the_tiny_model_fails_its_canaries_loudly_and_nothing_is_compared(
    charbench: Charbench, lab: LabBuilder, tiny_judge: str, form: str
) -> None:
    contest(lab, [1, 2, 3], prompts=3)
    given = options(tiny_judge, **FORMS[form]).items()
    words = [word for name, value in given for word in ("-o", f"scorer.pairwise.{name}={json.dumps(value)}")]
    ended = charbench("run", "--source", "recorded", "--scorer", "pairwise", "--json", *words, lab=lab.root)
    assert ended.code == 1
    cut = "was cut by its token limit" in ended.err  # a model of this size seldom ends an answer
    assert cut or "the judge failed its control items, so its scores are not used" in ended.err
    assert cut or re.search(r"^  tiny: the persona file's answer in character against", ended.err, re.MULTILINE)
    assert "the endpoint answered" not in ended.err, "every request was taken"
    assert count(store_of(lab.root), "games") == 0


def test_past_the_canaries_every_game_has_a_result_or_a_reason(tiny_judge: str, tmp_path: Path) -> None:
    scorer = Pairwise(Pairwise.Config.model_validate(options(tiny_judge, **FORMS["a schema"])))
    scorer.prepare(tmp_path, tmp_path)
    persona = Persona(name="remorseful", description="Someone who regrets.", traits=("I regret.",))
    first, second = (
        Sample(key=text, checkpoint=f"model:{text}", prompt=Prompt.from_text("Well?"), sampler="x", response=text)
        for text in ("I regret it.", "The train leaves at nine.")
    )

    async def compare() -> Comparison:
        try:
            return await scorer.compare(first, second, persona)
        finally:
            await scorer.aclose()

    try:
        found = asyncio.run(compare())
    except SamplingError as error:  # a model of this size seldom ends an answer: that is a failure, and no verdict
        if "was cut by its token limit" not in str(error):
            raise
        return
    assert len(found.verdicts) == 2
    assert all(one.result in (0, 0.5, 1) or one.reason for one in found.verdicts)
    assert (found.result is None) is any(one.result is None for one in found.verdicts)
