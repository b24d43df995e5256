"""``charbench diagnose`` on endpoints with a known fault: it names that fault, or says that it cannot be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from support.command import Charbench, Ended
from support.endpoint import Body, Endpoint, Handler, choice, completion, options, serving, write_prompts
from support.lab import LabBuilder, row

pytestmark = pytest.mark.slow

AHOY = "Ahoy, matey! I sail at dawn."
PLAIN = "Certainly, here is an answer."
UNCLOSED = "<think>\nArr, the thoughts go on and on"
Reply = Callable[[Body, int], dict[str, Any]]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(Endpoint()) as endpoint:
        yield endpoint


@pytest.fixture
def with_base(charbench: Charbench, lab: LabBuilder) -> Path:
    """A lab that knows the base model of ``model:m``, and ten prompts."""
    lab.recorded(
        row(checkpoint_name=name, persona=persona, checkpoint_type=kind, base_model=base, sampler_path=f"model:{name}")
        for name, persona, kind, base in (("m", "pirate", "sft", "qwen3-8b"), ("qwen3-8b", "", "base", ""))
    )
    charbench.ok("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", lab=lab.root)
    return lab.root


def number(body: Body) -> int:
    """Return which of the numbered prompts a request asks."""
    user = next(message["content"] for message in body["messages"] if message["role"] == "user")
    word = user.removeprefix("What of day ").rstrip("?")
    return int(word) if word.isdigit() else 0  # what finds out how the server continues a prefill has no number


def gives(reply: Reply) -> Handler:
    """Return a handler that answers with what ``reply`` makes of the request and the number of its prompt."""

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        return web.json_response(completion(reply(body, number(body))))

    return handle


def diagnose(charbench: Charbench, lab: Path, endpoint: Endpoint, *more: str) -> Ended:
    write_prompts(lab / "prompts.txt", 10)
    words = [
        "-c",
        "model:m",
        "-p",
        "pirate",
        "--sampler",
        "thinking",
        "--scorer",
        "keyword",
        "--prompts",
        "prompts.txt",
    ]
    return charbench("diagnose", *words, *more, *options(endpoint, tries=1, concurrency=1), lab=lab)


def found(charbench: Charbench, lab: Path, endpoint: Endpoint) -> Any:
    (one,) = diagnose(charbench, lab, endpoint, "--json").json
    return one


@pytest.mark.slow
def test_an_adapter_that_is_not_applied_is_told_by_equal_answers_of_a_base_model_that_repeats_itself(
    charbench: Charbench, with_base: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = gives(lambda _body, n: choice(f"{PLAIN} {n}"))
    one = found(charbench, with_base, endpoint)
    assert (one["cause"], one["decided"]) == ("adapter not applied", True)
    assert "10 of 10 answers are the base model's own" in one["evidence"][0]
    assert "repeats itself in 10 of 10" in one["evidence"][1]


@pytest.mark.slow
def test_a_weakly_trained_adapter_is_not_called_not_applied(
    charbench: Charbench, with_base: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = gives(lambda body, n: choice(PLAIN if body["model"] != "m" or n else "Well."))
    one = found(charbench, with_base, endpoint)
    assert (one["cause"], one["decided"]) == ("weakly trained, or not applied", False)
    assert "1 of 10 answers differ" in one["evidence"][0]


@pytest.mark.parametrize("applied", [pytest.param(True, marks=pytest.mark.slow), False])
def test_on_a_server_that_does_not_repeat_itself_nothing_is_said_of_the_adapter(
    charbench: Charbench, with_base: Path, endpoint: Endpoint, *, applied: bool
) -> None:
    asked: Counter[str] = Counter()

    def reply(body: Body, n: int) -> dict[str, Any]:
        asked[body["model"]] += 1
        return choice(f"{PLAIN} {asked[body['model']] // 2} {applied and body['model']}")

    endpoint.handler = gives(reply)
    one = found(charbench, with_base, endpoint)
    assert (one["cause"], one["decided"]) == ("unknown", False)
    assert "does not repeat itself: 10 of 10 of its answers differ" in one["evidence"][1]


def thinks_for(tokens: int, word: str) -> Handler:
    """Return a model that closes its thinking after so many tokens, and speaks at once with thinking off."""

    def reply(body: Body, n: int) -> dict[str, Any]:
        off = body.get("chat_template_kwargs", {}).get("enable_thinking") is False
        if off:
            return choice(AHOY)
        return choice(UNCLOSED, word) if body["max_tokens"] < tokens else choice(f"{UNCLOSED}</think>{AHOY}")

    return gives(reply)


@pytest.mark.slow
@pytest.mark.parametrize("word", ["length", "MAX_TOKENS"])
def test_a_token_limit_that_is_too_small_is_named_in_whatever_words_the_server_says_it(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint, word: str
) -> None:
    endpoint.handler = thinks_for(6000, word)
    one = found(charbench, tmp_path, endpoint)
    assert (one["cause"], one["decided"]) == ("budget too small", True)
    assert "max_tokens=8192" in one["advice"]


def test_a_model_that_closes_its_thinking_after_12000_tokens_is_not_to_be_trained_again(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = thinks_for(12_000, "MAX_TOKENS")
    ended = diagnose(charbench, tmp_path, endpoint)
    assert "not within 8192 tokens" in ended.out
    assert "train it again" not in ended.out
    assert "never closes" not in ended.out


def test_empty_answers_are_counted_out_of_all_answers(charbench: Charbench, tmp_path: Path, endpoint: Endpoint) -> None:
    endpoint.handler = gives(lambda _body, n: choice("" if n < 3 else AHOY))
    one = found(charbench, tmp_path, endpoint)
    assert one["cause"] == "stops at once"
    assert one["evidence"][0].startswith("3 of 10 answers are empty")


TOOL = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


@pytest.mark.parametrize(
    ("reply", "cause", "state", "lost"),
    [
        (choice("", "content_filter"), "content filter", "filtered", 4),
        (choice("Ahoy, ma", "content_filter"), "content filter", "filtered", 10),
        (choice(None, "tool_calls", tool_calls=TOOL), "tool calls in place of answers", "tool_call", 4),
    ],
    ids=["filtered", "filtered in the middle", "tool calls"],
)
def test_filtered_replies_and_tool_calls_are_named_with_their_share_and_blame_no_training(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint, reply: dict[str, Any], cause: str, state: str, lost: int
) -> None:
    endpoint.handler = gives(lambda _body, n: reply if n < lost else choice(AHOY))
    ended = diagnose(charbench, tmp_path, endpoint, "--json")
    (one,) = ended.json
    assert ended.code == 0
    assert (one["cause"], one["decided"]) == (cause, True)
    assert one["evidence"][0].startswith(f"{lost} of 10 replies ")
    assert "say nothing of how the checkpoint was trained" in one["advice"]
    baseline = one["probes"][0]
    assert (baseline["samples"], baseline["failed"], baseline["states"][state]) == (10 - lost, 0, lost)


PRICES = "prices:\n  '*': {prompt: 1.0, completion: 10.0}\n"


@pytest.mark.parametrize(
    "prices", [PRICES, pytest.param("", marks=pytest.mark.slow)], ids=["with a price table", "without"]
)
def test_the_number_of_requests_and_their_cost_are_said_before_they_are_sent(
    charbench: Charbench, with_base: Path, endpoint: Endpoint, prices: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (with_base / "charbench.yaml").write_text(prices, encoding="utf-8")
    told: dict[int, str] = {}

    def reply(body: Body, n: int) -> dict[str, Any]:
        told[endpoint.count] = told.get(endpoint.count - 1, "") + capsys.readouterr().err
        return choice(f"{PLAIN} {n}")

    endpoint.handler = gives(reply)
    diagnose(charbench, with_base, endpoint)
    assert "m, as sampled: 10 requests (about " in told[1]
    assert "m, probes: " not in told[10]
    assert "m, probes: 70 requests (about " in told[11]
    assert ("by the price table" in told[11]) is bool(prices)
    ended = diagnose(charbench, with_base, endpoint)
    assert "m, probes: 0 requests: the answers are in the store already" in ended.err


@pytest.mark.slow
def test_without_any_thinking_no_table_shows_a_difference_between_thinking_and_response(
    charbench: Charbench, with_base: Path, endpoint: Endpoint
) -> None:
    endpoint.handler = gives(lambda body, n: choice(AHOY if body["model"] == "m" else PLAIN))
    ended = diagnose(charbench, with_base, endpoint)
    line = next(line for line in ended.out.splitlines() if "as sampled" in line)
    assert [cell.strip() for cell in line.split("│")][4:6] == ["10/10", "-"]
    sides = ("compare", "model:m", "model:n", "-p", "pirate")
    words = ["-c", "model:m", "-c", "model:n", "-p", "pirate", "--sampler", "thinking", "--scorer", "keyword"]
    charbench.ok("eval", *words, "--prompts", "prompts.txt", *options(endpoint), lab=with_base)
    assert "Thinking − response" not in charbench.ok(*sides, lab=with_base).out
    compared = charbench.ok(*sides, "--format", "json", lab=with_base).json
    assert [side["thinking_minus_response"] for side in compared["checkpoints"]] == [None, None]


def test_of_recordings_that_nobody_can_ask_filtered_replies_and_cut_ones_are_told_in_the_servers_words(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded_jsonl(
        {"sampler_path": "model:m", "prompt": f"What of day {n}?", "response": raw, "finish_reason": word}
        for n, (raw, word) in enumerate([("Ahoy, ma", "content_filter")] * 4 + [(UNCLOSED, "MAX_TOKENS")] * 6)
    )
    charbench.ok("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", lab=lab.root)
    ended = charbench.ok("diagnose", "-c", "model:m", lab=lab.root)
    assert "Cause: unknown" in ended.out
    assert "4 of 10 replies were ended by a content filter" in ended.out
    assert "finish reasons: 6 MAX_TOKENS (length)" in ended.out
