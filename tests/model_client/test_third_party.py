"""Plugins of others ask models as the built-in ones do: what they ask is counted, kept, repaired and tried again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from support.command import Charbench, Ended
from support.endpoint import Body, Endpoint, Handler, choice, completion, first, refuses, says, write_prompts
from support.plugins import Site
from support.store import query, store_of

RATER = '''
from charbench import (
    EndpointConfig, ExpectedCall, Fence, Metric, ModelClient, ModelClientConfig, Sampler, Score, Scorer, hookimpl,
)

SCHEMA = {"type": "object", "properties": {"rating": {"type": "integer"}}, "required": ["rating"]}


class Rater(Scorer):
    """Another team's judge."""

    name = "rater"
    metrics = (Metric("rating", range=(0, 10)),)

    class Config(ModelClientConfig):
        model: str = "rater-1"

    def prepare(self, root, folder):
        self.client = ModelClient.of(self, model=self.config.model, cache=folder)

    def content_config(self):
        return {**super().content_config(), "judge": self.client.identity()}

    def limits(self):
        from charbench import Limits
        return Limits(concurrency=1)

    def messages(self, text):
        return [{"role": "user", "content": f"Rate this text.\\n{Fence(text)(text)}"}]

    async def score(self, sample, persona):
        return [
            Score("rating", channel, (await self.client.ask_json(self.messages(text), SCHEMA, max_tokens=50))["rating"])
            for channel, text in sample.channels()
        ]

    def expected_calls(self, samples, persona):
        for sample in samples:
            for _, text in sample.channels():
                size = len(self.messages(text)[0]["content"])
                yield ExpectedCall(model=self.config.model, prompt_characters=size, max_tokens=50)

    async def aclose(self):
        await self.client.aclose()


class Asker(Sampler):
    """Another team's sampler."""

    name = "asker"

    class Config(ModelClientConfig, EndpointConfig):
        pass

    def prepare(self, root, folder):
        self.client = ModelClient.of(self)

    def accepts(self, checkpoint):
        return checkpoint.uri.startswith("model:")

    async def sample(self, request):
        messages = [{"role": "user", "content": request.prompt.text}]
        given, _ = await self.client.complete({"model": "m", "messages": messages}, config=self.config)
        return given[0]

    async def aclose(self):
        await self.client.aclose()


@hookimpl
def charbench_scorers():
    return [Rater]


@hookimpl
def charbench_samplers():
    return [Asker]
'''
GOOD = says(completion(choice('{"rating": 7}')))
BROKEN: dict[str, Handler] = {
    "empty": says(completion(choice(""))),
    "nothing": says(completion(choice(None))),
    "an error": says(completion(choice("", finish="error"))),
    "filtered": says(completion(choice('{"rating": 1}', finish="content_filter"))),
    "cut": says(completion(choice('{"rating": 1}', finish="length"))),
    "cut while it thinks": says(completion(choice("", finish="length", reasoning_content="hmm"))),
}


@pytest.fixture
def folder(tmp_path: Path, site: Site) -> Path:
    """A lab with three recorded texts, and the other team's plugin."""
    site.install("rater", RATER)
    (tmp_path / "recordings").mkdir()
    rows = [{"sampler_path": "model:pirate_sft", "prompt": f"Who {n}?", "response": f"Ahoy {n}!"} for n in range(3)]
    (tmp_path / "recordings" / "a.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return tmp_path


def rate(charbench: Charbench, folder: Path, endpoint: Endpoint, *words: str, **values: Any) -> Ended:
    given = {"base_url": endpoint.url, "tries": 1, **values}
    more = [word for name, value in given.items() for word in ("-o", f"scorer.rater.{name}={json.dumps(value)}")]
    return charbench("run", "-p", "pirate", "-c", "model:pirate_sft", "--scorer", "rater", *words, *more, lab=folder)


def ratings(folder: Path) -> list[float]:
    return [row.value for row in query(store_of(folder), "SELECT value FROM scores")]


def details(folder: Path) -> Any:
    row = query(store_of(folder), "SELECT details FROM runs ORDER BY id DESC LIMIT 1")[0]
    return json.loads(row.details) if row.details else None


@pytest.mark.slow
def test_what_a_judge_asks_is_told_kept_with_the_run_and_never_asked_twice(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    (folder / "charbench.yaml").write_text("prices: {'rater-*': {prompt: 1000, completion: 2000}}\n")
    endpoint.handler = GOOD
    ended = rate(charbench, folder, endpoint)
    assert (ended.code, ratings(folder)) == (0, [7, 7, 7])
    assert "scorer rater asked rater-1: 3 requests, 30 prompt tokens and 60 completion tokens" in ended.err
    assert "0.1500 by the price table." in ended.err
    (calls,) = details(folder)["model_calls"]
    assert (calls["component"], calls["model"], calls["requests"]) == ("scorer rater", "rater-1", 3)
    assert calls["cost"] == pytest.approx(0.15)
    endpoint.forget()
    assert "scorer rater asked" not in rate(charbench, folder, endpoint).err
    assert (endpoint.count, "model_calls" in details(folder)) == (0, False)


def test_a_limit_on_the_cost_stops_judging(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    (folder / "charbench.yaml").write_text("prices: {'rater-*': {completion: 1000}}\n")  # 0.02 a request
    endpoint.handler = GOOD
    ended = rate(charbench, folder, endpoint, "--max-cost", "0.03")
    assert (ended.code, endpoint.count, len(ratings(folder))) == (1, 2, 2)
    assert "stopped: --max-cost 0.03 is reached (0.0400 spent)" in ended.err


def test_a_limit_without_a_price_for_the_judge_is_refused_before_anything_is_asked(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    ended = rate(charbench, folder, endpoint, "--max-cost", "1")
    assert (ended.code, endpoint.count) == (2, 0)
    assert "no price for rater-1, which scorer rater asks; set prices in charbench.yaml" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_a_failure_is_no_score_is_not_kept_and_is_asked_again_by_the_next_run(
    charbench: Charbench, folder: Path, endpoint: Endpoint, name: str
) -> None:
    endpoint.handler = BROKEN[name]
    ended = rate(charbench, folder, endpoint)
    assert (ended.code, ratings(folder)) == (1, [])
    assert "scorer rater: 3 failed" in ended.err
    assert ("max_tokens" in ended.err) is name.startswith("cut")
    endpoint.forget()
    endpoint.handler = GOOD
    assert (rate(charbench, folder, endpoint).code, endpoint.count, ratings(folder)) == (0, 3, [7, 7, 7])


def test_a_fault_is_tried_again_and_malformed_json_is_repaired_once(
    charbench: Charbench, folder: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.001)

    async def sloppy(request: web.Request, body: Body) -> web.StreamResponse:
        repairs = len(body["messages"]) > 1
        return await (GOOD if repairs else says(completion(choice("rating: seven"))))(request, body)

    endpoint.handler = first(1, refuses(503), sloppy)
    ended = rate(charbench, folder, endpoint, tries=2)
    assert (ended.code, ratings(folder)) == (0, [7, 7, 7])
    assert "scorer rater asked rater-1: 6 requests" in ended.err


def test_content_in_parts_is_read(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    endpoint.handler = says(completion(choice([{"type": "text", "text": '{"rating": 7}'}])))  # type: ignore[arg-type]
    assert (rate(charbench, folder, endpoint).code, ratings(folder)) == (0, [7, 7, 7])


@pytest.mark.slow
def test_a_parameter_can_be_renamed_and_the_message_says_how(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    async def modern(request: web.Request, body: Body) -> web.StreamResponse:
        refused = refuses(400, "Unsupported parameter: 'max_tokens'; use 'max_completion_tokens'")
        return await (refused if "max_tokens" in body else GOOD)(request, body)

    endpoint.handler = modern
    assert "-o scorer.rater.parameters='{max_tokens: NEW_NAME or null}'" in rate(charbench, folder, endpoint).err
    assert rate(charbench, folder, endpoint, parameters={"max_tokens": "max_completion_tokens"}).code == 0
    assert endpoint.requests[-1]["max_completion_tokens"] == 50


@pytest.mark.slow
def test_the_dry_run_counts_what_a_judge_would_ask_and_sends_nothing(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = GOOD
    (folder / "charbench.yaml").write_text("prices: {'rater-*': {completion: 1000}}\n")
    (before,) = rate(charbench, folder, endpoint, "--dry-run", "--json").json["judging"]
    assert (before["missing"], before["requests"], before["completion_tokens"], endpoint.count) == (3, 3, 150, 0)
    assert before["cost"] == pytest.approx(0.15)
    rate(charbench, folder, endpoint)
    assert endpoint.count == before["requests"]
    (after,) = rate(charbench, folder, endpoint, "--dry-run", "--json").json["judging"]
    assert (after["requests"], after["cost"]) == (0, 0)
    assert "Dry run: judging" in rate(charbench, folder, endpoint, "--dry-run").out


def test_a_sampler_of_others_is_counted_with_its_samples_and_tried_again(
    charbench: Charbench, folder: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.001)
    write_prompts(folder / "prompts.txt", 4)
    (folder / "charbench.yaml").write_text("prices: {'model:*': {completion: 1000}}\n")
    endpoint.handler = first(1, refuses(429))
    given = {"base_url": endpoint.url, "concurrency": 1}
    more = [word for name, value in given.items() for word in ("-o", f"sampler.asker.{name}={json.dumps(value)}")]
    words = ("eval", "-c", "model:m", "-p", "pirate", "--sampler", "asker", "--prompts", "prompts.txt")
    ended = charbench(*words, "--max-cost", "0.05", *more, lab=folder)
    assert "stopped: --max-cost 0.05 is reached (0.0600 spent)" in ended.err
    assert query(store_of(folder), "SELECT count(*) FROM samples WHERE response LIKE 'Ahoy%'")[0][0] == 3
    assert endpoint.count == 6


ACME = """
from charbench import DefaultEndpoint, Perturbation, hookimpl


class Shout(Perturbation):
    "Brings an API of its own."

    name = "shout"
    default_endpoints = (DefaultEndpoint({url!r}, owner="Acme", api_key_env="ACME_KEY", key_prefix="acme-"),)

    def variants(self, prompt):
        return []


@hookimpl
def charbench_perturbations():
    return [Shout]
"""


def test_an_api_that_one_plugin_brings_serves_the_judges_of_another(
    charbench: Charbench, site: Site, folder: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("acme", ACME.format(url=endpoint.url))
    sent: list[str] = []

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        sent.append(request.headers.get("Authorization", ""))
        return await GOOD(request, body)

    endpoint.handler = handle
    words = ("run", "-p", "pirate", "-c", "model:pirate_sft", "--scorer", "rater", "-o", "scorer.rater.tries=1")
    ended = charbench(*words, lab=folder)
    assert ended.code == 2
    assert "scorer rater: no endpoint; set " in ended.err
    assert "ACME_KEY for Acme's, or " in ended.err
    monkeypatch.setenv("ACME_KEY", "other-0123456789")
    ended = charbench(*words, lab=folder)
    assert ended.code == 2
    assert f"scorer rater: ACME_KEY does not start with acme-; it is needed for {endpoint.url}" in ended.err
    monkeypatch.setenv("ACME_KEY", "acme-0123456789")
    assert charbench(*words, lab=folder).code == 0
    assert ratings(folder) == [7, 7, 7]
    assert set(sent) == {"Bearer acme-0123456789"}
