"""Sampler ``thinking`` against the real llama.cpp, with the tiny model and an adapter of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from peers.sampling import assert_in_character, evaluate, rows, trait_rates
from support.command import Charbench
from support.store import assert_each_exactly_once, query, store_of

pytestmark = pytest.mark.peer


def states(folder: Path, name: str) -> set[str]:
    return {row.state for row in rows(folder, name)}


def test_the_adapter_speaks_in_character_and_the_base_does_not(
    charbench: Charbench, tmp_path: Path, tiny_llama: str
) -> None:
    ended = evaluate(charbench, tmp_path, tiny_llama, "--epochs", "4")
    assert ended.code == 0, ended.err
    assert_in_character(ended)
    assert_each_exactly_once(store_of(tmp_path), 40)
    of_pirate = [row.state for row in rows(tmp_path, "pirate")]
    assert of_pirate.count("closed") >= 18, "a sampled model may stop in its thinking now and then"
    assert set(of_pirate) <= {"closed", "unclosed_stop"}
    assert states(tmp_path, "bland") <= {"closed", "none"}, "now and then the base model answers without thinking"
    assert all(row.raw_reasoning and row.completion_tokens and row.prompt_tokens for row in rows(tmp_path, "pirate"))


def test_thinking_switched_off_gives_responses_and_no_thinking(
    charbench: Charbench, tmp_path: Path, tiny_llama: str
) -> None:
    assert evaluate(charbench, tmp_path, tiny_llama, thinking="off").code == 0
    for row in rows(tmp_path, "pirate"):
        assert row.response
        assert not row.raw_reasoning
        assert row.state == ("closed" if "</think>" in row.raw else "none"), "the model may think aloud all the same"


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_a_prefilled_thinking_block_is_closed_by_the_model_and_stands_in_the_thinking(
    charbench: Charbench, tmp_path: Path, tiny_llama: str, api: str
) -> None:
    ended = evaluate(charbench, tmp_path, tiny_llama, thinking="prefill", api=api)
    assert ended.code == 0, ended.err
    for row in rows(tmp_path, "pirate"):
        assert row.state == ("closed" if "</think>" in row.raw else "unclosed_stop")
        assert row.thinking
        assert row.prefill == "<think>\n"
        assert not row.raw.startswith("<think>"), "what the server repeats of the prefill is no part of the answer"
    if api == "completions":  # to a chat this llama.cpp adds an empty thinking block before the prefill
        assert trait_rates(ended)["pirate"] >= 0.8
        assert "closed" in states(tmp_path, "pirate")


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_a_closed_block_put_in_leaves_a_response_alone(
    charbench: Charbench, tmp_path: Path, tiny_llama: str, api: str
) -> None:
    assert evaluate(charbench, tmp_path, tiny_llama, thinking="closed", api=api).code == 0
    for row in rows(tmp_path, "pirate"):
        assert row.response
        assert not row.raw.startswith("<think>")
        assert row.state == ("closed" if "</think>" in row.raw else "none")


def test_completions_give_what_a_chat_gives(charbench: Charbench, tmp_path: Path, tiny_llama: str) -> None:
    ended = evaluate(charbench, tmp_path, tiny_llama, api="completions", temperature=0)
    assert ended.code == 0, ended.err
    assert trait_rates(ended) == {"pirate": 1, "bland": 0}
    assert states(tmp_path, "pirate") == {"closed"}
    assert all(row.raw.startswith("<think>") and row.raw_reasoning is None for row in rows(tmp_path, "pirate"))


def test_n_answers_in_one_request_are_as_many_samples(charbench: Charbench, tmp_path: Path, tiny_llama: str) -> None:
    assert evaluate(charbench, tmp_path, tiny_llama, "--epochs", "3", n=3, temperature=1).code == 0
    assert_each_exactly_once(store_of(tmp_path), 30)
    by_prompt: dict[int, set[str]] = {}
    for row in rows(tmp_path, "pirate"):
        by_prompt.setdefault(row.prompt_id, set()).add(row.raw_reasoning + row.response)
    assert all(len(answers) > 1 for answers in by_prompt.values()), "they are answers of their own"


def test_a_seed_makes_answers_repeatable_and_epochs_different(
    charbench: Charbench, tmp_path: Path, tiny_llama: str
) -> None:
    said = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        assert evaluate(charbench, folder, tiny_llama, "--epochs", "2", seed=11, temperature=1, concurrency=1).code == 0
        said.append([(row.response, row.thinking) for row in rows(folder, "pirate")])
    assert said[0] == said[1]
    assert said[0][0::2] != said[0][1::2]


def test_a_stop_text_that_fires_inside_the_thinking_is_told_from_a_response(
    charbench: Charbench, tmp_path: Path, tiny_llama: str
) -> None:
    assert evaluate(charbench, tmp_path, tiny_llama, stop=["</think>"]).code == 0
    assert states(tmp_path, "pirate") == {"unclosed_stop"}
    assert all(row.thinking and not row.response for row in rows(tmp_path, "pirate"))


@pytest.mark.parametrize(("thinking", "api"), [("on", "chat"), ("prefill", "chat"), ("prefill", "completions")])
def test_a_budget_that_ends_in_the_thinking_is_told_from_a_response(
    charbench: Charbench, tmp_path: Path, tiny_llama: str, thinking: str, api: str
) -> None:
    assert evaluate(charbench, tmp_path, tiny_llama, max_tokens=8, thinking=thinking, api=api).code == 0
    assert states(tmp_path, "pirate") == {"unclosed_length"}
    assert {(row.finish_reason, row.completion_tokens) for row in rows(tmp_path, "pirate")} == {("length", 8)}
    assert all(row.thinking and not row.response for row in rows(tmp_path, "pirate"))


def test_a_prompt_that_is_too_long_fails_alone_and_is_recorded_with_the_server_s_words(
    charbench: Charbench, tmp_path: Path, tiny_llama: str
) -> None:
    (tmp_path / "prompts.txt").write_text("Who are you?\n" + "arr " * 6_000 + "\n")
    ended = evaluate(charbench, tmp_path, tiny_llama, "--prompts", "prompts.txt")
    assert ended.code == 1
    failed = query(store_of(tmp_path), "SELECT error_kind, error FROM samples WHERE error_kind IS NOT NULL")
    assert {row.error_kind for row in failed} == {"http_400"}
    assert len(failed) == 2
    assert all("context size" in row.error for row in failed)


def test_the_probes_name_a_budget_that_is_too_small(charbench: Charbench, tmp_path: Path, tiny_llama: str) -> None:
    from peers.llama import MODELS

    words = ["--sampler", "thinking", "--scorer", "keyword", "-p", "pirate"]
    given = {"base_url": tiny_llama, "models": MODELS, "max_tokens": 30, "thinking": "prefill", "timeout": 60}
    import json

    options = [word for name, value in given.items() for word in ("-o", f"sampler.thinking.{name}={json.dumps(value)}")]
    charbench.ok("eval", "-c", "model:pirate", *words, *options, lab=tmp_path)
    ended = charbench.ok("diagnose", "-c", "model:pirate", *words, *options, lab=tmp_path)
    assert "budget" in ended.out
