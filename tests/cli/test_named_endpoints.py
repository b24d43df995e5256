"""A server with a name stays itself at another address; answers of two servers are never taken for one's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from support.command import Charbench, Ended
from support.endpoint import Body, Endpoint, completion, serving, write_prompts
from support.judges import ScriptedJudge, judging
from support.lab import LabBuilder, row
from support.store import assert_totals_equal_recount, query, store_of

MODEL = ("-c", "model:m", "-p", "pirate", "--sampler", "thinking", "--scorer", "keyword")


@pytest.fixture
def second() -> Iterator[Endpoint]:
    with serving(Endpoint()) as endpoint:
        yield endpoint


def configure(lab: LabBuilder, **entries: Any) -> None:
    lab.write("charbench.yaml", json.dumps({"endpoints": entries}))


def evaluate(charbench: Charbench, lab: LabBuilder, *more: str, command: str = "eval") -> Ended:
    prompts = write_prompts(lab.root / "prompts.txt", 2)
    return charbench(command, *MODEL, "--prompts", prompts, *more, lab=lab.root)


def samples(lab: LabBuilder) -> int:
    return int(query(store_of(lab.root), "SELECT count(*) FROM samples")[0][0])


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "eval", "diagnose"])
def test_another_url_is_not_asked_before_the_user_says_what_it_is(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, second: Endpoint, command: str
) -> None:
    assert evaluate(charbench, lab, "--endpoint", endpoint.url).code == 0
    lab.write("charbench.yaml", json.dumps({"endpoint": second.url}))
    ended = evaluate(charbench, lab, command=command)
    assert (ended.code, second.count) == (2, 0)
    for line in (f"base_url: {second.url}", f"- {endpoint.url}", f"--endpoint {second.url}"):
        assert line in ended.err


@pytest.mark.slow
def test_the_lines_that_are_shown_keep_what_is_stored_current(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, second: Endpoint
) -> None:
    evaluate(charbench, lab, "--endpoint", endpoint.url)
    shown = evaluate(charbench, lab, "-o", f"sampler.thinking.base_url={second.url}").err.splitlines()
    begin = next(number for number, line in enumerate(shown) if line.strip() == "endpoints:")
    lines = [line[4:] for line in shown[begin : begin + 5]]
    lab.write("charbench.yaml", "\n".join(lines))
    for _ in range(2):
        assert evaluate(charbench, lab, "-o", f"sampler.thinking.base_url={second.url}").code == 0
    assert (second.count, samples(lab)) == (0, 2)
    assert_totals_equal_recount(store_of(lab.root))


@pytest.mark.slow
def test_a_name_that_is_given_later_takes_what_its_url_has_and_keeps_it_at_every_other_url(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, second: Endpoint
) -> None:
    evaluate(charbench, lab, "--endpoint", endpoint.url)
    for url in (endpoint.url, second.url, "http://127.0.0.1:9/v1"):
        configure(lab, local={"base_url": url})
        assert evaluate(charbench, lab, "--endpoint", "local").code == 0
    assert (endpoint.count, second.count, samples(lab)) == (2, 0, 2)
    [(name,)] = query(store_of(lab.root), "SELECT DISTINCT endpoint FROM provenances JOIN samples ON"
                      " samples.provenance_id = provenances.id")  # fmt: skip
    assert name == "local"


@pytest.mark.slow
def test_another_server_is_sampled_as_new_and_never_shares_a_row_with_the_first(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, second: Endpoint
) -> None:
    evaluate(charbench, lab, "--endpoint", endpoint.url)
    evaluate(charbench, lab, "--endpoint", second.url, "--json")
    told = evaluate(charbench, lab, "--endpoint", second.url, "--json").json
    assert (endpoint.count, second.count, samples(lab)) == (2, 2, 4)
    [told] = told["checkpoints"]
    assert told["samples"] == 2
    compared = charbench("compare", "model:m", "--across", "endpoint", lab=lab.root)
    assert compared.code == 0, compared.err
    assert second.url in compared.out.replace("\n", "")
    for url in (endpoint.url, second.url):  # both have samples now: neither is a surprise
        assert evaluate(charbench, lab, "-o", f"sampler.thinking.base_url={url}").code == 0
    assert (endpoint.count, second.count) == (2, 2)


def test_a_name_that_is_none_is_answered_with_those_that_there_are(charbench: Charbench, lab: LabBuilder) -> None:
    configure(lab, local={"base_url": "http://127.0.0.1:9/v1"})
    ended = evaluate(charbench, lab, "--endpoint", "lcal")
    assert ended.code == 2
    assert "no endpoint named 'lcal'; did you mean 'local'?" in ended.err


def test_an_endpoint_is_not_asked_for_models_that_it_is_said_not_to_serve(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    configure(lab, local={"base_url": endpoint.url, "models": ["other"]})
    ended = evaluate(charbench, lab, "--endpoint", "local")
    assert (ended.code, endpoint.count) == (2, 0)


def test_endpoint_and_an_option_that_name_different_servers_are_an_error(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, second: Endpoint
) -> None:
    ended = evaluate(charbench, lab, "--endpoint", endpoint.url, "-o", f"sampler.thinking.base_url={second.url}")
    assert (ended.code, endpoint.count + second.count) == (2, 0)
    assert "sampler thinking" in ended.err
    assert "sampler.thinking.base_url" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["openai", "tinker"])
def test_a_lab_gets_no_key_by_giving_its_endpoint_a_name(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "Openai-Env-Key-0001x")
    monkeypatch.setenv("TINKER_API_KEY", "tml-TinkerEnvKey0002")
    sent: list[str] = []

    async def listen(request: web.Request, body: Body) -> web.StreamResponse:
        sent.append(request.headers.get("Authorization", ""))
        return web.json_response(completion())

    with serving(Endpoint(listen)) as endpoint:
        for entry in (
            {"base_url": "http://evil.example/v1"},
            {"base_url": endpoint.url, "api_key_env": "TINKER_API_KEY"},
            {"base_url": endpoint.url, "api_key_env": "OPENAI_API_KEY"},
        ):
            configure(lab, **{name: entry})
            ended = evaluate(charbench, lab, "--endpoint", name)
            assert ended.code == 2
            assert "charbench.yaml:1:" in ended.err
            assert "--trusted-host" in ended.err
        configure(lab, **{name: {"base_url": endpoint.url}})
        assert evaluate(charbench, lab, "--endpoint", name).code == 0  # a server on this machine, without a key
        assert set(sent) == {"Bearer none"}
        configure(lab, **{name: {"base_url": endpoint.url, "api_key_env": "OPENAI_API_KEY"}})
        (host,) = endpoint.url.split("/")[2:3]
        assert evaluate(charbench, lab, "--endpoint", name, "--epochs", "2", "--trusted-host", host).code == 0
        assert "Bearer Openai-Env-Key-0001x" in sent


@pytest.mark.slow
def test_a_judge_with_a_name_judges_nothing_again_at_another_address_or_token_limit(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, second: Endpoint
) -> None:
    lab.recorded([row(prompt_id=str(n), response=f"I regret number {n}.", thinking="") for n in range(3)])
    words = judging(endpoint, ScriptedJudge())
    run = ("run", "--source", "recorded", *words)
    assert charbench(*run, lab=lab.root).code == 0
    judged = query(store_of(lab.root), "SELECT count(*) FROM scored")
    judging(second, ScriptedJudge())
    endpoint.forget()
    for url, limit in ((endpoint.url, 2048), (second.url, 2048), (second.url, 4096), (endpoint.url, 512)):
        configure(lab, judges={"base_url": url})
        named = [word.replace(f'base_url="{endpoint.url}"', 'endpoint="judges"') for word in run]
        ended = charbench(*named, "-o", f"scorer.llm-judge.max_tokens={limit}", lab=lab.root)
        assert ended.code == 0, ended.err
    assert (endpoint.count, second.count) == (0, 0)
    assert query(store_of(lab.root), "SELECT count(*) FROM scored") == judged
