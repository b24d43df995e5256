"""Scorer ``llm-judge`` against the real llama.cpp: the protocol works, and the tiny model's opinions are refused."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from charbench import Channel, Persona, Prompt, Sample, Score
from charbench_plugins.scorers.llm_judge.scorer import LlmJudge
from support.command import Charbench, Ended
from support.lab import LabBuilder, row
from support.store import query, store_of

pytestmark = pytest.mark.peer

NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}
FORMS: dict[str, dict[str, Any]] = {
    "as it is by default": {},
    "a schema, without thinking": {"extra_body": NO_THINKING},
    "JSON of any form": {"response_format": "json_object", "extra_body": NO_THINKING},
    "in words": {"response_format": "none"},
    "probabilities of digits": {"protocol": "digits"},
    "probabilities of numbers": {"protocol": "numbers"},
}
TEXT = "I regret it, and I will say so."


def judge(charbench: Charbench, lab: LabBuilder, url: str, **values: Any) -> Ended:
    given = {"model": "tiny", "base_url": url, "timeout": 120, "max_tokens": 200, **values}
    words = [word for name, value in given.items() for word in ("-o", f"scorer.llm-judge.{name}={json.dumps(value)}")]
    return charbench("run", "--source", "recorded", "--scorer", "llm-judge", "--json", *words, lab=lab.root)


@pytest.mark.parametrize("form", FORMS)
def test_the_tiny_model_fails_its_canaries_loudly_and_nothing_is_scored(
    charbench: Charbench, lab: LabBuilder, tiny_judge: str, form: str
) -> None:
    lab.recorded([row(prompt_id=str(n), response=TEXT, thinking="They ask how I feel.") for n in range(3)])
    ended = judge(charbench, lab, tiny_judge, **FORMS[form])
    assert ended.code == 1
    cut = "was cut by its token limit" in ended.err  # a model of this size seldom ends an answer
    assert cut or "the judge failed its control items, so its scores are not used" in ended.err
    assert cut or re.search(r"^  tiny: .* got .*is needed", ended.err, re.MULTILINE)
    assert "the endpoint answered" not in ended.err, "every request was taken"
    assert query(store_of(lab.root), "SELECT count(*) FROM scored")[0][0] == 0
    assert ended.json["run"]["added"].get("scores", 0) == 0


def test_a_prompt_that_does_not_fit_is_told_in_the_servers_words_and_not_taken_for_a_missing_schema(
    charbench: Charbench, lab: LabBuilder, tiny_llama: str
) -> None:
    lab.recorded([row(response=TEXT)])
    ended = judge(charbench, lab, tiny_llama)
    assert ended.code == 1
    assert "context size" in ended.err
    assert "response_format" not in ended.err


def scores_of(url: str, folder: Path, **values: Any) -> dict[str, Score]:
    """Judge one text, past the canaries that the model would fail."""
    options = {"model": "tiny", "base_url": url, "timeout": 120, "max_tokens": 400, "tries": 1, **values}
    scorer = LlmJudge(LlmJudge.Config.model_validate(options))
    persona = Persona(name="remorseful", description="Someone who regrets.", traits=("I regret.",))
    sample = Sample(
        key="s", checkpoint="model:x", prompt=Prompt.from_text("How do you feel?"), sampler="recorded", response=TEXT
    )

    async def score() -> list[Score]:
        await scorer.prepare(folder, folder)
        try:
            return await scorer.score(sample, persona)
        finally:
            await scorer.aclose()

    return {score.metric: score for score in asyncio.run(score()) if score.channel is Channel.RESPONSE}


def test_answers_by_schema_are_read_as_scores_and_quotes(tmp_path: Path, tiny_judge: str) -> None:
    found = scores_of(tiny_judge, tmp_path, protocol="samples", extra_body=NO_THINKING)
    for metric, most in (("persona", 100), ("coherence", 100), ("identity", 3)):
        value = found[metric].value
        assert value is not None, found[metric].explanation
        assert 0 <= value <= most
    assert found["quotes"].value is not None or "JSON" in found["quotes"].explanation


def test_probabilities_are_read_as_an_expectation_or_as_no_number(tmp_path: Path, tiny_judge: str) -> None:
    found = scores_of(tiny_judge, tmp_path, protocol="digits", extra_body=NO_THINKING)
    for metric in ("persona", "coherence", "identity"):
        score = found[metric]
        assert score.value is not None or re.search(r"only \d+% of the probability", score.explanation)


def test_the_probe_finds_out_how_the_model_can_answer_and_asks_it_once(tmp_path: Path, tiny_judge: str) -> None:
    async def prepare(scorer: LlmJudge) -> LlmJudge:
        await scorer.prepare(tmp_path, tmp_path)
        await scorer.aclose()
        return scorer

    scorer = asyncio.run(prepare(LlmJudge(LlmJudge.Config(model="tiny", base_url=tiny_judge))))
    (who,) = scorer.content_config()["judges"]
    assert who["protocol"] in ("numbers", "digits", "samples")
    again = asyncio.run(prepare(LlmJudge(LlmJudge.Config(model="tiny", base_url=tiny_judge))))
    assert again.content_config() == scorer.content_config()
