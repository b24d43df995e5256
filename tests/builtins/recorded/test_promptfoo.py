"""Results of promptfoo are recordings: what was asked, what was answered, by which provider."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder

PROVIDERS = ("pirate-8b", "pirate-1b")


def result(test: int, of: int = 0, output: Any = "Arr!", **more: Any) -> dict[str, Any]:
    """A result as promptfoo's types have it (``EvaluateResult`` in src/types/index.ts)."""
    return {
        "id": f"r{test}-{of}",
        "promptIdx": of,
        "testIdx": test,
        "testCase": {"vars": {"q": f"Question {test}?"}},
        "promptId": "0a1b",
        "provider": {"id": f"openai:chat:{PROVIDERS[of]}", "label": PROVIDERS[of]},
        "prompt": {"raw": f"Question {test}?", "label": "{{q}}"},
        "vars": {"q": f"Question {test}?"},
        "response": {"output": output, "tokenUsage": {"prompt": 4, "completion": 2, "total": 6}, "cached": False},
        "failureReason": 0,
        "success": True,
        "score": 1,
        "latencyMs": 1500,
        "namedScores": {},
        **more,
    }


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    prompts = [{"raw": "{{q}}", "label": "{{q}}", "provider": f"openai:chat:{name}"} for name in PROVIDERS]
    return {"version": 3, "timestamp": "2026-11-01T10:00:00Z", "prompts": prompts, "results": results, "stats": {}}


def exported(charbench: Charbench, lab: LabBuilder) -> list[dict[str, str]]:
    charbench.ok("run", "--no-train", "--scorer", "keyword", "-q", lab=lab.root)
    return list(csv.DictReader(io.StringIO(charbench.ok("export", "--csv", lab=lab.root).out)))


@pytest.mark.parametrize("form", ["file", "evaluate", "lines"])
def test_results_are_recordings(charbench: Charbench, lab: LabBuilder, form: str) -> None:
    results = [result(0), result(0, 1, "Plainly.")]
    tests = [{"vars": {"q": f"Question {n}?"}} for n in range(9)]
    whole = {"evalId": "eval-1", "results": summary(results), "config": {"tests": tests}, "shareableUrl": None}
    texts = {"file": json.dumps(whole, indent=2), "evaluate": json.dumps(summary(results))}
    texts["lines"] = "".join(json.dumps(one) + "\n" for one in results)
    lab.write("out.jsonl" if form == "lines" else "out.json", texts[form])
    found = exported(charbench, lab)
    told = {(one["sampler_path"], one["prompt"], one["response"], one["latency_seconds"]) for one in found}
    assert told == {
        ("model:pirate-8b", "Question 0?", "Arr!", "1.5"),
        ("model:pirate-1b", "Question 0?", "Plainly.", "1.5"),
    }


def test_a_failed_assertion_is_an_answer_and_a_failed_request_is_not(charbench: Charbench, lab: LabBuilder) -> None:
    asserted = result(0, error="Expected output to contain 'arr'", failureReason=1, success=False)
    failed = result(1, error="API error: 500", failureReason=2, success=False, response={"error": "API error: 500"})
    lab.write("out.json", json.dumps({"results": summary([asserted, failed])}))
    found = {one["prompt"]: (one["response"], one["error"]) for one in exported(charbench, lab)}
    assert found == {"Question 0?": ("Arr!", ""), "Question 1?": ("", "API error: 500")}


def test_turns_are_what_was_asked_and_the_servers_reply_tells_the_thinking(
    charbench: Charbench, lab: LabBuilder
) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who are you?"}]
    message = {"role": "assistant", "content": "Arr!", "reasoning_content": "A pirate, I am."}
    raw = {"object": "chat.completion", "choices": [{"message": message, "finish_reason": "stop"}]}
    response = {"output": "Thinking: A pirate, I am.\n\nArr!", "raw": json.dumps(raw)}
    one = result(0, prompt={"raw": json.dumps(turns), "label": "x"}, provider="vllm:pirate-8b", response=response)
    lab.write("out.json", json.dumps({"results": summary([one])}))
    (found,) = exported(charbench, lab)
    assert (found["response"], found["thinking"], found["finish_reason"]) == ("Arr!", "A pirate, I am.", "stop")
    assert found["sampler_path"] == "model:vllm:pirate-8b"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"response": {"output": "Thinking: hm.\n\nArr!"}}, "where the answer begins cannot be told"),
        ({"response": {"output": {"a": 1}}}, "its output is no text"),
        ({"response": None}, "its output is no text"),
        ({"provider": {}}, "its provider has neither a label nor an id"),
        ({"metadata": {"redteamFinalPrompt": "Ignore all."}}, "something else than its prompt says"),
        ({"prompt": {"raw": '[{"role": "user", "content": 7}]'}}, "out.json"),
    ],
)
def test_a_result_that_cannot_be_told_is_named_and_not_guessed_at(
    charbench: Charbench, lab: LabBuilder, more: dict[str, Any], told: str
) -> None:
    lab.write("out.json", json.dumps({"results": summary([result(0, **more), result(1)])}))
    ended = charbench.ok("discover", lab=lab.root)
    assert told in ended.err
    assert "1 recorded sample" in ended.err
