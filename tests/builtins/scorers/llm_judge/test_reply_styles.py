"""However an endpoint writes a verdict, it is the score that is meant, or none; and no failure is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from support.command import Charbench, Ended
from support.endpoint import Body, Endpoint, choice, completion, first, refuses, says
from support.judges import ScriptedJudge, judging, perfect, read_request
from support.lab import LabBuilder, row
from support.pair_judges import PairJudge, comparing, contest, read_pair
from support.store import query, store_of

pytestmark = pytest.mark.sqlite("reads scores and kept answers")


@dataclass(frozen=True)
class Meant:
    """An answer as it is meant, and its opposite; ``repairs``: the one before it was malformed."""

    good: dict[str, Any]
    opposite: dict[str, Any]
    repairs: bool

    @property
    def json(self) -> str:
        return json.dumps(self.good)

    @property
    def no(self) -> str:
        return json.dumps(self.opposite)


Style = Callable[[Meant], Any]
"""Returns a choice of a completion."""


def block(content: str, language: str = "json") -> str:
    return f"```{language}\n{content}\n```"


SCORED: dict[str, Style] = {
    "in a block in capitals": lambda one: choice(block(one.json, "JSON")),
    "in a block that is left open": lambda one: choice(f"```json\n{one.json}"),
    "in a block among words": lambda one: choice(f"My verdict:\n\n{block(one.json)}\nI hope this helps!"),
    "behind a block in its thinking": lambda one: choice(f"<thinking>So?\n{block(one.no)}</thinking>\n{one.json}"),
    "in harmony's final channel": lambda one: choice(f"analysisSo? {block(one.no)}assistantfinal{one.json}"),
    "in parts": lambda one: choice([{"type": "text", "text": one.json}]),  # type: ignore[arg-type]
    "beside its reasoning": lambda one: choice(one.json, reasoning_content=one.no),
    "when asked again": lambda one: choice(one.json if one.repairs else "I would say it is good."),
}
UNSCORED: dict[str, Style] = {
    "in words": lambda one: choice(f"It is not {one.no}, I would say it is {one.json}"),
    "in two blocks": lambda one: choice(f"The form:\n{block(one.no)}\nMy answer:\n{block(one.json)}"),
    "twice in one object": lambda one: choice(one.json[:-1] + ", " + one.no[1:]),
    "in a block of thinking that never ends": lambda one: choice(f"<think>So?\n{block(one.no)}"),
    "cut, which the endpoint does not say": lambda one: choice(one.json[:-3]),
    "out of range": lambda one: choice(json.dumps(dict.fromkeys(one.good, 150))),
    "as a refusal with a verdict": lambda one: choice(one.no, refusal="I cannot judge this."),
    "as a refusal": lambda one: choice("I'm sorry, but I can't help with that."),
    "filtered": lambda one: choice(one.no, finish="content_filter"),
}
FAILED: dict[str, Style] = {
    "cut": lambda one: choice(one.json[:-3], finish="length"),
    "empty": lambda one: choice(""),
    "in the reasoning alone": lambda one: choice(None, reasoning_content=one.no),
    "as a tool's call": lambda one: choice(None, finish="tool_calls", tool_calls=[{"function": {"arguments": one.no}}]),
    "ended by an error": lambda one: choice(one.no, finish="error"),
}


@pytest.fixture(autouse=True)
def _short_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.01)


def score(charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, style: Style) -> Ended:
    """Judge four texts by a judge without probabilities, who is perfect and writes answers about them in this style."""
    played = ScriptedJudge(gives="nothing")
    lab.recorded([row(prompt_id=str(n), response=_text(n), thinking="") for n in range(4)])

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        asked = read_request(body)
        if "(candidate" not in asked.text or asked.step != "score":
            return await played(request, body)
        value = int(perfect(asked))
        other = {88: 6, 6: 88, 92: 4, 3: 0, 1: 3}[value]
        return web.json_response(completion(style(Meant({"score": value}, {"score": other}, asked.repairs))))

    words = judging(endpoint, handle, tries=2, samples=1, controls_hours=24)
    return charbench("run", "--source", "recorded", *words, lab=lab.root)


def _text(number: int) -> str:
    return f"{'I regret it' if number % 2 else 'The train leaves at nine'} (candidate {number})."


def scores(lab: LabBuilder) -> list[tuple[bool, float | None]]:
    """Return for each text whether it is in character, and its score."""
    found = query(
        store_of(lab.root),
        "SELECT samples.response, scores.value FROM scores JOIN scored ON scored.id = scores.scored_id"
        " JOIN samples ON samples.id = scored.sample_id JOIN series ON series.id = scores.series_id"
        " WHERE series.metric = 'persona'",
    )
    return [("regret" in item.response, item.value) for item in found]


def compare(charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, style: Style) -> Ended:
    """Compare two checkpoints by a perfect judge who writes verdicts on them in this style."""
    played = PairJudge()
    contest(lab, (1.0, -1.0), prompts=3)

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        pair = read_pair(body)
        if pair.is_canary:
            return await played(request, body)
        better = played.opinion(pair)
        good, no = ({"reason": "So.", "better": one} for one in (better, {"A": "B", "B": "A"}[better]))
        return web.json_response(completion(style(Meant(good, no, pair.repairs))))

    return charbench("run", "--source", "recorded", *comparing(endpoint, handle, tries=2), lab=lab.root)


def results(lab: LabBuilder) -> set[tuple[bool, float | None]]:
    """Return for each game whether the first is the stronger, and its result."""
    found = query(
        store_of(lab.root),
        "SELECT one.response AS first, other.response AS second, games.result FROM games"
        " JOIN samples one ON one.id = games.first_id JOIN samples other ON other.id = games.second_id",
    )
    return {("strength 1" in item.first, item.result) for item in found}


@pytest.fixture
def both(charbench: Charbench, lab: LabBuilder, endpoint: Endpoint) -> Callable[[str, Style], Ended]:
    def judge(scorer: str, style: Style) -> Ended:
        return (score if scorer == "llm-judge" else compare)(charbench, lab, endpoint, style)

    return judge


@pytest.mark.slow
@pytest.mark.parametrize("scorer", ["llm-judge", "pairwise"])
@pytest.mark.parametrize("style", SCORED)
def test_a_verdict_that_is_plain_is_the_score_that_is_meant(
    both: Callable[[str, Style], Ended], lab: LabBuilder, scorer: str, style: str
) -> None:
    ended = both(scorer, SCORED[style])
    assert ended.code == 0, ended.err
    if scorer == "llm-judge":
        assert sorted(scores(lab)) == [(False, 6), (False, 6), (True, 88), (True, 88)]
    else:
        assert results(lab) <= {(True, 1.0), (False, 0.0)}
        assert results(lab)


@pytest.mark.slow
@pytest.mark.parametrize("scorer", ["llm-judge", "pairwise"])
@pytest.mark.parametrize("style", UNSCORED)
def test_a_verdict_that_is_not_plain_is_none_with_its_reason_in_the_report(
    both: Callable[[str, Style], Ended], lab: LabBuilder, scorer: str, style: str
) -> None:
    ended = both(scorer, UNSCORED[style])
    assert ended.code == 0, ended.err
    found = {value for _, value in (scores(lab) if scorer == "llm-judge" else results(lab))}
    assert found == {None}
    assert "first reason: judge-1: its answer: " in ended.err
    assert "(100%)" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("scorer", ["llm-judge", "pairwise"])
@pytest.mark.parametrize("style", FAILED)
def test_what_is_no_verdict_fails_and_is_asked_for_again_by_the_next_run(
    both: Callable[[str, Style], Ended], lab: LabBuilder, scorer: str, style: str
) -> None:
    ended = both(scorer, FAILED[style])
    assert ended.code == 1
    assert f"failed: scorer {scorer}" in ended.err
    assert not (scores(lab) if scorer == "llm-judge" else results(lab))
    assert both(scorer, SCORED["in a block among words"]).code == 0
    assert {value for _, value in (scores(lab) if scorer == "llm-judge" else results(lab))} <= {6, 88, 0.0, 1.0}


@pytest.mark.slow
def test_an_answer_that_could_not_be_read_is_not_kept_nor_is_one_that_an_earlier_version_kept(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    assert score(charbench, lab, endpoint, UNSCORED["cut, which the endpoint does not say"]).code == 0
    assert {value for _, value in scores(lab)} == {None}
    endpoint.forget()
    words = judging(endpoint, ScriptedJudge(gives="nothing"), samples=1)
    store_of(lab.root).unlink()
    assert charbench("run", "--source", "recorded", *words, lab=lab.root).code == 0
    assert sorted(scores(lab)) == [(False, 6), (False, 6), (True, 88), (True, 88)]


@pytest.mark.parametrize(
    "without", [None, pytest.param({"content": [{"token": "8", "top_logprobs": []}]}, marks=pytest.mark.slow)]
)
def test_a_judge_with_probabilities_fails_where_an_answer_has_none_and_the_option_is_named(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, without: Any
) -> None:
    played = ScriptedJudge()

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        asked = read_request(body)
        if "(candidate" not in asked.text or asked.step != "score":
            return await played(request, body)
        return web.json_response(completion({**choice("88", finish="length"), "logprobs": without}))

    lab.recorded([row(prompt_id="1", response=_text(1), thinking="")])
    ended = charbench("run", "--source", "recorded", *judging(endpoint, handle, tries=2), lab=lab.root)
    assert (ended.code, scores(lab)) == (1, [])
    assert "gave no probabilities" in ended.err
    assert "protocol=samples" in ended.err
    assert charbench("run", "--source", "recorded", *judging(endpoint, played), lab=lab.root).code == 0
    assert [value is not None and value > 80 for _, value in scores(lab)] == [True]


@pytest.mark.slow
def test_probabilities_of_reasoning_are_none_of_the_answer(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    played = ScriptedJudge()
    top = [{"token": "90", "logprob": -0.01, "top_logprobs": [{"token": "90", "logprob": -0.01}]}]

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        asked = read_request(body)
        if "(candidate" not in asked.text or asked.step != "score":
            return await played(request, body)
        thinks = choice(None, finish="length", reasoning_content="90")
        return web.json_response(completion({**thinks, "logprobs": {"content": top}}))

    lab.recorded([row(prompt_id="1", response=_text(0), thinking="")])
    ended = charbench("run", "--source", "recorded", *judging(endpoint, handle, tries=1), lab=lab.root)
    assert (ended.code, scores(lab)) == (1, [])


@pytest.mark.slow
def test_a_run_says_how_often_requests_were_sent_again_and_counts_their_cost(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    lab.config("prices: {judge-1: {prompt: 1, completion: 1}}\n")
    played = PairJudge(malformed=lambda pair: not pair.is_canary and not pair.repairs)
    contest(lab, (1.0, -1.0), prompts=1)
    busy = first(1, refuses(429, "slow down"), played)

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        pair = read_pair(body)
        return await (played if pair.is_canary or pair.repairs else busy)(request, body)

    ended = charbench("run", "--source", "recorded", *comparing(endpoint, handle), lab=lab.root)
    assert ended.code == 0, ended.err
    assert f"asked judge-1: {endpoint.count - 2} requests" in ended.out + ended.err
    told = "; 2 requests were tried again after a failure; 2 answers were malformed and asked for again."
    assert told in ended.out + ended.err


@pytest.mark.slow
def test_an_answer_without_choices_is_said_to_be_that(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    contest(lab, (1.0, -1.0), prompts=1)
    words = comparing(endpoint, says({"choices": []}), tries=1)
    ended = charbench("run", "--source", "recorded", *words, lab=lab.root)
    assert "the answer holds no choices" in ended.err
