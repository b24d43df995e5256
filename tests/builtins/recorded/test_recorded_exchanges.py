"""Requests with their responses, as batches, proxies and tracing services keep them, are recordings."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charbench_plugins.recorded.files import Recording, read_recordings
from support.command import Charbench
from support.lab import LabBuilder

ASKED = {"model": "pirate-8b", "messages": [{"role": "user", "content": "Who are you?"}], "temperature": 0.7}
MESSAGE = {"role": "assistant", "content": "Arr.", "reasoning_content": "Hm."}
ANSWERED = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1724858089,
    "model": "pirate-8b",
    "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}},
}
CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "pirate-8b",
    "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Arr."}],
    "stop_reason": "max_tokens",
    "usage": {"input_tokens": 3, "output_tokens": 9},
}
RESPONSES = {
    "id": "resp_1",
    "object": "response",
    "status": "incomplete",
    "incomplete_details": {"reason": "max_output_tokens"},
    "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Arr."}]},
    ],
    "usage": {"input_tokens": 3, "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 4}},
}
ROWS: dict[str, dict[str, Any]] = {
    "proxy": {"request": ASKED, "response": ANSWERED},
    "http": {
        "request": {"method": "POST", "url": "/v1/chat/completions", "body": ASKED},
        "response": {"status_code": 200, "body": ANSWERED},
    },
    "cells": {"request_body": json.dumps(ASKED), "response_body": json.dumps(ANSWERED), "status": "200"},
    "openpipe": {"input": ASKED, "output": ANSWERED, "tags": {"a": "b"}},
    "litellm": {
        "id": "chatcmpl-1", "status": "success", "model": "pirate-8b", "messages": ASKED["messages"],
        "response": ANSWERED, "model_parameters": {"temperature": 0.7}, "startTime": 1724858089.0, "error_str": None,
        "label": "production",
    },
    "anthropic": {
        "request": {**ASKED, "max_tokens": 9, "system": ""}, "response": CLAUDE, "timestamp": "2024-08-28T15:14:49",
    },
    "responses": {
        "request": {"model": "pirate-8b", "input": "Who are you?", "temperature": 0.7}, "response": RESPONSES,
    },
    "completions": {
        "request": {"model": "pirate-8b", "prompt": ["Who are you?"], "temperature": 0.7},
        "response": {"id": "cmpl-1", "choices": [{"text": "<think>Hm.</think>Arr.", "finish_reason": "length"}]},
    },
    "gemini": {
        "key": "1",
        "request": {
            "contents": [{"role": "user", "parts": [{"text": "Who are you?"}]}],
            "generationConfig": {"temperature": 0.7, "maxOutputTokens": 9},
        },
        "response": {
            "candidates": [{
                "content": {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": "Arr."}]},
                "finishReason": "MAX_TOKENS",
            }],
            "modelVersion": "pirate-8b",
        },
    },
    "unnamed": {"request": {"messages": ASKED["messages"], "temperature": 0.7}, "response": ANSWERED},
    "langfuse": {
        "id": "obs-1", "type": "GENERATION", "model": "pirate-8b", "modelParameters": {"temperature": 0.7},
        "input": {"messages": ASKED["messages"]}, "output": {**MESSAGE, "finish_reason": "length"}, "level": "DEFAULT",
    },
}  # fmt: skip


def read(path: Path, *rows: Any) -> list[Any]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(read_recordings(path))


@pytest.mark.parametrize("name", ROWS)
def test_a_request_with_its_response_is_a_sample_in_every_known_form(tmp_path: Path, name: str) -> None:
    (found,) = read(tmp_path / "log.jsonl", ROWS[name])
    assert isinstance(found, Recording), found
    assert (found.uri, [turn.content for turn in found.prompt.messages]) == ("model:pirate-8b", ["Who are you?"])
    told = found.completion
    assert told.response in ("Arr.", "<think>Hm.</think>Arr.")  # tags are split where all recordings' are
    assert (told.thinking or "Hm.") == "Hm."
    assert str(told.finish_reason).lower() in ("length", "max_tokens", "max_output_tokens")
    assert told.extra["temperature"] == 0.7
    assert told.usage.completion_tokens in (9, None)


@pytest.mark.parametrize("name", ["cells", "litellm"])
def test_bodies_in_cells_are_read(charbench: Charbench, lab: LabBuilder, name: str) -> None:
    row = {key: json.dumps(value) if isinstance(value, dict | list) else value for key, value in ROWS[name].items()}
    out = io.StringIO()
    writer = csv.DictWriter(out, list(row))
    writer.writeheader()
    writer.writerow(row)
    lab.write("log.csv", out.getvalue())
    charbench.ok("run", "-q", lab=lab.root)
    (found,) = csv.DictReader(io.StringIO(charbench.ok("export", lab=lab.root).out, newline=""))
    assert (found["sampler_path"], found["response"], found["thinking"]) == ("model:pirate-8b", "Arr.", "Hm.")


def test_several_choices_are_several_answers_and_a_copy_of_the_file_is_none(tmp_path: Path) -> None:
    choices = [{"index": n, "message": {"role": "assistant", "content": "Arr."}} for n in range(3)]
    row = {"request": {**ASKED, "n": 3}, "response": {**ANSWERED, "choices": choices}}
    found = read(tmp_path / "log.jsonl", row)
    assert [one.completion.response for one in found] == ["Arr."] * 3
    assert len({one.identity for one in found}) == 3
    assert [one.identity for one in read(tmp_path / "copy.jsonl", row)] == [one.identity for one in found]
    assert found[0].completion.usage.completion_tokens is None  # it is that of all three


FAILED: dict[str, tuple[dict[str, Any], str]] = {
    "status": ({"request": ASKED, "response": {"status_code": 500, "body": ""}}, "HTTP 500"),
    "body": (
        {"request": ASKED, "response": {"status_code": 429, "body": {"error": {"message": "slow\ndown"}}}},
        "HTTP 429: slow down",
    ),
    "text": ({"request": ASKED, "response": None, "error": "timed out"}, "timed out"),
    "litellm": (
        {"model": "pirate-8b", "messages": ASKED["messages"], "response": {}, "request": ASKED, "status": "failure",
         "error_str": "RateLimitError"},
        "RateLimitError",
    ),
    "langfuse": (
        {"model": "pirate-8b", "input": {"messages": ASKED["messages"]}, "output": None, "level": "ERROR",
         "statusMessage": "boom"},
        "boom",
    ),
    "partial": ({"request": ASKED, "response": ANSWERED, "error": {"code": "disconnected"}}, "disconnected"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILED)
def test_an_error_is_a_failed_sample(tmp_path: Path, name: str) -> None:
    row, message = FAILED[name]
    (found,) = read(tmp_path / "log.jsonl", row)
    assert isinstance(found, Recording), found
    assert found.completion.failure is not None
    assert found.completion.failure.message == message


def test_a_broken_optional_field_loses_the_field_and_a_broken_row_is_told(tmp_path: Path) -> None:
    odd = {**ANSWERED, "usage": {"prompt_tokens": "many", "completion_tokens": 9}, "created": 1e300, "id": None}
    stream = {**ANSWERED, "choices": [{"delta": {"content": "Arr"}}]}
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    found = read(
        tmp_path / "log.jsonl",
        {"request": {**ASKED, "temperature": "warm", "max_tokens": []}, "response": odd},
        {"request": ASKED, "response": stream},
        {"request": {**ASKED, "messages": [{"role": "user"}]}, "response": ANSWERED},
        {"request": ASKED, "response": {**ANSWERED, "choices": [{"message": call}]}},
        {"request": ASKED, "response": {**ANSWERED, "choices": [7]}},
        {"request": ASKED, "response": {**ANSWERED, "choices": []}},
    )
    samples = [one for one in found if isinstance(one, Recording)]
    assert [one.completion.response for one in samples] == ["Arr.", ""]
    assert samples[0].completion.usage.completion_tokens == 9
    assert samples[1].completion.finish_reason == "tool_calls"
    told = " ".join(one.message for one in found if not isinstance(one, Recording))
    for said in ("pieces of a stream", "has no text", "is no mapping", "no answer and no error", "'many'"):
        assert said in told


def variants(value: Any) -> Iterator[Any]:
    """Yield a JSON value with each of its parts replaced by another kind of value, one at a time."""
    yield from (None, 7, "{", [], {}, [1], {"a": None}, True, [[]], {"role": []})
    if isinstance(value, dict):
        for name, part in value.items():
            yield from ({**value, name: other} for other in variants(part))
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from ([*value[:at], other, *value[at + 1 :]] for other in variants(part))


@pytest.mark.parametrize("name", ["http", "litellm", "anthropic", "responses", "langfuse", "gemini"])
def test_no_broken_row_stops_the_others(tmp_path: Path, name: str) -> None:
    rows = [row for row in variants(ROWS[name]) if isinstance(row, dict)]
    found = read(tmp_path / "log.jsonl", *rows, ROWS["proxy"])
    assert isinstance(next(one for one in found if one.line == len(rows) + 1), Recording)
    assert len({one.line for one in found}) >= len(rows) / 2  # one note stands for all rows with the same fault


def batch(number: int, answer: str = "Arr.", **body: Any) -> dict[str, Any]:
    said = {**ANSWERED, "id": f"chatcmpl-{number}", "choices": [{"message": {"role": "assistant", "content": answer}}]}
    return {
        "id": f"batch_req_{number}", "custom_id": f"request-{number}", "error": None,
        "response": {"status_code": 200, "request_id": "r", "body": {**said, **body}},
    }  # fmt: skip


def request(number: int, text: str = "Question", **body: Any) -> dict[str, Any]:
    asked = {**ASKED, "messages": [{"role": "user", "content": f"{text} {number}?"}], **body}
    return {"custom_id": f"request-{number}", "method": "POST", "url": "/v1/chat/completions", "body": asked}


def write(lab: LabBuilder, name: str, *rows: dict[str, Any]) -> None:
    lab.write(name, "".join(json.dumps(row) + "\n" for row in rows))


def exported(charbench: Charbench, lab: LabBuilder, *options: str) -> list[dict[str, str]]:
    charbench.ok("run", "-q", *options, lab=lab.root)
    return list(csv.DictReader(io.StringIO(charbench.ok("export", lab=lab.root).out, newline="")))


def test_results_of_a_batch_are_answers_to_the_requests_of_its_input(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "a/input.jsonl", *(request(n) for n in range(3)))
    expired = {"id": "b", "custom_id": "request-2", "response": None, "error": {"code": "batch_expired"}}
    write(lab, "a/output.jsonl", batch(1, "One."), batch(0, "Nought.", model="pirate-8b-2024-07-18"), expired)
    write(lab, "b/input.jsonl", *(request(n, "Other") for n in range(3)))  # the ids of another batch are the same
    found = {row["prompt"]: row for row in exported(charbench, lab)}
    assert {prompt: row["response"] for prompt, row in found.items()} == {
        "Question 0?": "Nought.",
        "Question 1?": "One.",
        "Question 2?": "",
    }
    assert {row["sampler_path"] for row in found.values()} == {"model:pirate-8b"}
    assert found["Question 2?"]["error"] == "batch_expired"


def test_results_of_anthropics_batches_are_read(charbench: Charbench, lab: LabBuilder) -> None:
    params = {**ASKED, "system": "You are a pirate.", "max_tokens": 9}
    write(lab, "asked.jsonl", *({"custom_id": f"r{n}", "params": params} for n in range(2)))
    failed = {"type": "errored", "error": {"type": "error", "error": {"type": "invalid_request", "message": "No."}}}
    said = {"type": "succeeded", "message": CLAUDE}
    write(lab, "said.jsonl", {"custom_id": "r0", "result": said}, {"custom_id": "r1", "result": failed})
    good, bad = sorted(exported(charbench, lab), key=lambda row: row["error"])
    assert (good["response"], good["thinking"], bad["error"]) == ("Arr.", "Hm.", "No.")


def test_a_batch_whose_requests_are_not_known_is_told_with_the_option(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "out.jsonl", batch(0), batch(1))
    said = charbench.ok("discover", lab=lab.root).err
    assert "out.jsonl: holds results of a batch, and no file of the lab has their requests" in said
    write(lab, "first.jsonl", request(0), request(1))
    write(lab, "second.jsonl", request(0, "Other"), request(1, "Other"))
    said = charbench.ok("discover", lab=lab.root).err
    assert "its requests may be those of first.jsonl, second.jsonl: name the file with" in said
    found = exported(charbench, lab, "-o", "source.recorded.requests={out.jsonl: second.jsonl}")
    assert sorted(row["prompt"] for row in found) == ["Other 0?", "Other 1?"]


def test_what_no_database_can_hold_and_keys_are_taken_out_of_bodies_and_batches(
    charbench: Charbench, lab: LabBuilder
) -> None:
    odd = "Who\x00 \ud800 sk-aaaaaaaaaaaaaaaaaaaa?"
    asked, result = request(0), batch(0)
    asked["body"]["messages"][0]["content"] = odd
    write(lab, "in.jsonl", asked | {"custom_id": "\ud800"})
    write(lab, "out.jsonl", result | {"custom_id": "\ud800"})
    body = {**ASKED, "messages": [{"role": "user", "content": odd + "!"}]}
    write(lab, "log.jsonl", {"request_body": json.dumps(body), "response_body": json.dumps(ANSWERED)})
    found = sorted(row["prompt"] for row in exported(charbench, lab))
    assert found == ["Who\ufffd \ufffd sk-[redacted]?", "Who\ufffd \ufffd sk-[redacted]?!"]
    write(lab, "in.jsonl", request(1))
    assert "custom_id '" in charbench.ok("discover", lab=lab.root).err


def test_requests_of_another_model_are_none_of_a_batchs(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "out.jsonl", batch(0))
    write(lab, "in.jsonl", request(0, "Other", model="pirate-8"))
    assert "may be those of in.jsonl: name the file with" in charbench.ok("discover", lab=lab.root).err
    write(lab, "right.jsonl", request(0))
    assert [row["prompt"] for row in exported(charbench, lab)] == ["Question 0?"]


def test_temperatures_of_requests_are_ways_of_asking(charbench: Charbench, lab: LabBuilder) -> None:
    rows = [
        {"request": {**ASKED, "temperature": t}, "response": {**ANSWERED, "id": f"{t} {n}"}}
        for t in (0, 1)
        for n in range(2)
    ]
    lab.write("log.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert sorted(row["condition"] for row in exported(charbench, lab)) == ["default"] * 2 + ["temperature 1"] * 2


@pytest.mark.parametrize(
    ("usual", "other", "name"),
    [
        ({}, {"chat_template_kwargs": {"enable_thinking": False}}, "temperature 0.7, enable_thinking false"),
        ({"reasoning_effort": "high"}, {"reasoning_effort": "low"}, "temperature 0.7, reasoning_effort low"),
    ],
)
def test_modes_of_thinking_are_ways_of_asking(
    charbench: Charbench, lab: LabBuilder, usual: dict[str, Any], other: dict[str, Any], name: str
) -> None:
    rows = [
        {"request": {**ASKED, **more}, "response": {**ANSWERED, "id": f"{n}"}}
        for n, more in enumerate((usual, other, usual))
    ]
    write(lab, "log.jsonl", *rows)
    assert sorted(row["condition"] for row in exported(charbench, lab)) == ["default", "default", name]


OWN = {"user_msg": "Tell me of the sea.", "model_says": "Arr, the sea be rough and wild today.", "tag": 7}


@pytest.mark.parametrize(
    ("row", "asked", "answered"),
    [
        (OWN, "user_msg", "model_says"),
        ({"humanTurn": "Tell me of the sea.", "botTurn": "Arr, it be wild."}, "humanTurn", "botTurn"),
        ({"frage": "Wie ist das Meer?", "antwort": "Arr, das Meer ist wild heute."}, "frage", "antwort"),
    ],
)
def test_columns_that_plainly_hold_prompts_and_answers_are_named_and_read_by_the_option(
    charbench: Charbench, lab: LabBuilder, row: dict[str, Any], asked: str, answered: str
) -> None:
    write(lab, "mine.jsonl", *({**row, "ckpt": "pirate-8b"} for _ in range(3)))
    said = charbench.ok("discover", lab=lab.root).err
    option = f"source.recorded.columns={{prompt: {asked}, response: {answered}, checkpoint: ckpt}}"
    (line,) = [line for line in said.splitlines() if line.startswith("Not used: mine.jsonl")]
    assert option in line
    assert f"{asked}, {answered}" in line
    found = exported(charbench, lab, "-o", option)
    assert {(one["sampler_path"], one["response"]) for one in found} == {("model:pirate-8b", row[answered])}


def test_an_option_for_one_files_columns_says_nothing_of_others(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "mine.jsonl", *({**OWN, "ckpt": "pirate-8b"} for _ in range(3)))
    write(lab, "other.jsonl", *({"frage": "Wie ist das Meer?", "antwort": "Arr, wild ist es heute."} for _ in range(3)))
    option = "source.recorded.columns={prompt: user_msg, response: model_says, checkpoint: ckpt}"
    said = charbench.ok("discover", "-o", option, lab=lab.root).err
    assert "3 recorded samples" in said
    assert said.count("other.jsonl") == 1


@pytest.mark.parametrize(
    "row",
    [
        {"user": "alice", "model": "gpt", "note": "all went well with this run"},
        {"step": 3, "loss": 0.5, "message": "saved the model to disk"},
        {"question": "Who are you my friend?", "reference_answer": "A pirate from the sea, of course."},
        {"title": "How are you?", "url": "https://x.test/how", "date": "2024-08-28"},
    ],
)
def test_other_tables_are_passed_over(charbench: Charbench, lab: LabBuilder, row: dict[str, Any]) -> None:
    write(lab, "table.jsonl", *([row] * 3))
    assert "table.jsonl" not in charbench.ok("discover", "--explain", lab=lab.root).err
