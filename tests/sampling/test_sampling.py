"""Sampling from an endpoint, in its common course: what is asked, how much at once, and what is stored."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from aiohttp import web

from charbench.run import runner
from support.command import Charbench, Ended
from support.endpoint import Body, Endpoint, choice, completion, options, says, write_prompts
from support.store import assert_each_exactly_once, assert_totals_equal_recount, query, store_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_prompts(tmp_path / "prompts.txt", 40)
    return tmp_path


def evaluate(charbench: Charbench, folder: Path, endpoint: Endpoint, *more: str, **values: object) -> Ended:
    words = [
        "eval",
        "-c",
        "model:m",
        "-p",
        "pirate",
        "--scorer",
        "keyword",
        "--prompts",
        "prompts.txt",
        "--json",
        *more,
    ]
    return charbench(*words, *options(endpoint, **values), lab=folder)


def test_every_prompt_is_asked_once_and_stored_with_all_that_the_server_said(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    ended = evaluate(charbench, folder, endpoint)
    assert ended.code == 0, ended.err
    assert set(endpoint.asked.values()) == {1}
    assert_each_exactly_once(store_of(folder), 40)
    assert_totals_equal_recount(store_of(folder))
    (row,) = query(store_of(folder), "SELECT * FROM samples LIMIT 1")
    assert (row.response, row.thinking) == ("Ahoy, matey! I sail at dawn.", "They want a sailor.")
    assert (row.state, row.finish_reason, row.attempt) == ("closed", "stop", 1)
    assert (row.prompt_tokens, row.completion_tokens, row.max_tokens) == (10, 20, 2048)
    assert row.raw.startswith("<think>")
    assert row.tags == "[[0, 7, false], [28, 36, true]]"
    assert row.latency > 0
    assert row.sampled_at
    (shown,) = ended.json["checkpoints"]
    assert shown["trait_rate"] == 1.0


def test_a_second_run_asks_nothing(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    evaluate(charbench, folder, endpoint)
    endpoint.forget()
    again = evaluate(charbench, folder, endpoint)
    assert (again.code, endpoint.count) == (0, 0)


@pytest.mark.slow
def test_epochs_are_asked_with_a_seed_each_and_more_of_them_ask_only_for_the_rest(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    evaluate(charbench, folder, endpoint, "--epochs", "2", seed=7)
    assert (endpoint.count, {body["seed"] for body in endpoint.requests}) == (80, {7, 8})
    endpoint.forget()
    evaluate(charbench, folder, endpoint, "--epochs", "3", seed=7)
    assert (endpoint.count, {body["seed"] for body in endpoint.requests}) == (40, {9})
    assert_each_exactly_once(store_of(folder), 120)


def test_no_more_are_in_flight_than_concurrency_allows(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    evaluate(charbench, folder, endpoint, concurrency=3)
    assert 1 <= endpoint.most_at_once <= 3


def test_options_that_change_no_answer_sample_nothing_again(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    evaluate(charbench, folder, endpoint)
    endpoint.forget()
    evaluate(charbench, folder, endpoint, concurrency=2, tries=2, delay=0.001, deadline=77)
    assert endpoint.count == 0
    evaluate(charbench, folder, endpoint, temperature=0.1)
    assert endpoint.count == 40


def test_the_request_says_what_the_options_say(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    extra = {"lora": [{"id": 0, "scale": 1}]}
    evaluate(
        charbench, folder, endpoint, temperature=0.2, top_p=0.9, max_tokens=99, stop=["X"], extra_body=extra,
        max_thinking_tokens=50, thinking="off",
    )  # fmt: skip
    body = endpoint.requests[0]
    assert body["model"] == "m"
    assert (body["temperature"], body["top_p"], body["max_tokens"], body["stop"]) == (0.2, 0.9, 99, ["X"])
    assert (body["lora"], body["thinking_budget"]) == (extra["lora"], 50)
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert set(endpoint.paths) == {"/v1/chat/completions"}


async def continues(request: web.Request, body: Body) -> web.StreamResponse:
    """Answer as a server does that continues the assistant's message."""
    begun = body["messages"][-1]["content"] if "messages" in body else ""
    return await says(completion(choice("ee, four" if begun.endswith("thr") else "Hm.\n</think>\n\nAhoy!")))(
        request, body
    )


def test_a_prefill_is_the_assistants_turn_in_a_chat_and_the_prompts_end_in_completions(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = continues
    evaluate(charbench, folder, endpoint, thinking="prefill")
    assert endpoint.requests[-1]["messages"][-1] == {"role": "assistant", "content": "<think>\n"}
    endpoint.forget()
    evaluate(charbench, folder, endpoint, thinking="prefill", api="completions")
    assert set(endpoint.paths) == {"/v1/completions"}
    assert endpoint.requests[0]["prompt"].endswith("<|im_start|>assistant\n<think>\n")


def test_several_answers_of_one_request_serve_several_epochs(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = says(completion(choice("one"), choice("two"), choice("three")))
    evaluate(charbench, folder, endpoint, "--epochs", "3", n=3)
    assert endpoint.count == 40
    assert {body["n"] for body in endpoint.requests} == {3}
    store = store_of(folder)
    assert_each_exactly_once(store, 120)
    said = defaultdict(list)
    for row in query(store, "SELECT prompt_id, response FROM samples"):
        said[row.prompt_id].append(row.response)
    assert all(sorted(three) == ["one", "three", "two"] for three in said.values())
    (tokens,) = query(store, "SELECT sum(prompt_tokens), sum(completion_tokens) FROM samples")
    assert tuple(tokens) == (400, 800)


def test_epochs_that_one_request_can_serve_are_not_asked_for_at_the_same_time(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    write_prompts(folder / "prompts.txt", 2)
    endpoint.handler = says(completion(choice("one"), choice("two"), choice("three")))
    evaluate(charbench, folder, endpoint, "--epochs", "6", n=3)
    assert endpoint.count == 4
    assert_each_exactly_once(store_of(folder), 12)


def test_a_server_that_ignores_n_is_asked_once_for_each_epoch(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    evaluate(charbench, folder, endpoint, "--epochs", "3", n=3)
    assert endpoint.count == 120
    assert_each_exactly_once(store_of(folder), 120)


def test_follow_ups_are_asked_after_the_answers_response(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    (folder / "prompts.yaml").write_text("- text: Who are you?\n  follow_ups: [And now?]\n")
    charbench.ok(
        "eval",
        "-c",
        "model:m",
        "-p",
        "pirate",
        "--scorer",
        "keyword",
        "--prompts",
        "prompts.yaml",
        *options(endpoint),
        lab=folder,
    )
    assert [message["content"] for message in endpoint.requests[-1]["messages"]] == [
        "Who are you?",
        "Ahoy, matey! I sail at dawn.",
        "And now?",
    ]
    assert (endpoint.count, len(query(store_of(folder), "SELECT * FROM samples"))) == (2, 1)


def test_the_dry_run_asks_nothing_and_says_how_much_a_run_would_ask(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    words = ["run", "-c", "model:m", "-p", "pirate", "--prompts", "prompts.txt", "--sampler", "thinking"]
    ended = charbench.ok(*words, "--dry-run", *options(endpoint, max_tokens=100), lab=folder)
    assert endpoint.count == 0
    assert "40" in ended.out
    assert "4,000" in ended.out


def test_max_cost_stops_a_run_and_the_next_one_goes_on_in_the_same_setting(
    charbench: Charbench, folder: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "BATCH", 5)  # so that the first run is stopped before it has planned everything
    (folder / "charbench.yaml").write_text("prices: {'model:*': {prompt: 0, completion: 1000}}\n")
    ended = evaluate(charbench, folder, endpoint, "--max-cost", "0.2", concurrency=2)
    assert ended.code == 1
    assert "stopped: --max-cost 0.2 is reached" in ended.err
    assert 10 <= endpoint.count <= 12
    assert len(query(store_of(folder), "SELECT * FROM samples")) == endpoint.count
    rest = evaluate(charbench, folder, endpoint)
    assert rest.code == 0
    assert set(endpoint.asked.values()) == {1}
    reported = charbench.ok("report", "--json", lab=folder).json
    assert (len(reported["settings"]), reported["other_settings"]) == (1, [])
    assert [len(run["settings"]) for run in charbench.ok("history", "--json", lab=folder).json] == [1, 1]


def test_a_served_models_name_is_sent_as_it_is(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    charbench.ok("eval", "-c", "model:org/name:latest", "-p", "pirate", *options(endpoint), lab=folder)
    assert {body["model"] for body in endpoint.requests} == {"org/name:latest"}


def test_sample_shows_one_answer_and_counts_it_nowhere(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    shown = charbench.ok("sample", "-c", "model:m", "--prompt", "Who goes?", *options(endpoint), lab=folder)
    assert "They want a sailor." in shown.out
    assert "Ahoy, matey!" in shown.out
    report = charbench.ok("report", "--json", lab=folder)
    assert report.json["checkpoints"] == []


def test_a_key_that_an_answer_repeats_is_not_stored(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    key = "sk-proj-0123456789abcdef"
    endpoint.handler = says(completion(choice(f"My key is {key}.", reasoning_content=f"tml-{key[3:]}? No.")))
    assert evaluate(charbench, folder, endpoint).code == 0
    (row,) = query(store_of(folder), "SELECT * FROM samples LIMIT 1")
    assert (row.response, row.thinking) == ("My key is sk-[redacted].", "tml-[redacted]? No.")
    assert all(key[8:] not in str(value) for value in row)


def test_what_no_store_can_hold_is_stored_all_the_same(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    usage = {"prompt_tokens": 10**30, "completion_tokens": -5}
    endpoint.handler = says(completion(choice("Ahoy \ud800 \x00!", finish="x" * 90), usage=usage))
    ended = evaluate(charbench, folder, endpoint)
    assert ended.code == 0, ended.err
    assert_each_exactly_once(store_of(folder), 40)
    (row,) = query(store_of(folder), "SELECT * FROM samples LIMIT 1")
    assert (row.response, row.prompt_tokens, row.completion_tokens) == ("Ahoy \ufffd \ufffd!", None, None)
    assert row.finish_reason == "x" * 40


def test_a_judge_without_a_model_is_told_before_anything_is_asked(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    ended = evaluate(charbench, folder, endpoint, "--scorer", "llm-judge")
    assert (ended.code, endpoint.count) == (2, 0)
    assert "llm-judge" in ended.err
