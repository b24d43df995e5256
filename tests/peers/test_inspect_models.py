"""Checkpoints and scorers of charbench inside the real Inspect (``pip install 'charbench[inspect]'``)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from charbench.testing import ScriptedEndpoint
from support.command import clean_environment
from support.following import follow

# It is not imported here: Inspect changes the process that it is in (how zip files are read, for one).
installed = pytest.mark.skipif(find_spec("inspect_ai") is None, reason="inspect-ai is not installed")
pytestmark = [pytest.mark.peer, installed]

TINY = {"asked": ["What is a good life?"], "model": "charbench/tiny:base", "scorer": "keyword", "persona": "pirate"}
EVALUATE = """
import json, sys
from inspect_ai import Task, eval
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser
from inspect_ai.solver import generate
from charbench import CharbenchError
from charbench.inspect import scorer

def evaluate(given):
    asked = [Sample(input=[ChatMessageSystem(content="Be brief."), ChatMessageUser(content=text)],
                    metadata={"persona": given.get("metadata")}) for text in given["asked"]]
    judge = scorer(given["scorer"], given.get("persona"), **given.get("options", {}))
    (log,) = eval(Task(dataset=asked, solver=generate(), scorer=judge), model=given["model"], display="none",
                  model_args=given.get("args", {}), log_dir="logs", **given.get("config", {}))
    scores = log.results.scores if log.results else []
    return {
        "status": log.status, "error": log.error.message if log.error else None,
        "metrics": {one.name: {name: value.value for name, value in one.metrics.items()} for one in scores},
        "samples": [json.loads(one.model_dump_json()) for one in log.samples or []],
    }

for given in json.loads(sys.argv[1]):
    try:
        found = evaluate(given)
    except (CharbenchError, PrerequisiteError) as error:
        found = {"status": "refused", "error": str(getattr(error, "message", error))}
    print("found:" + json.dumps(found))
"""


def evaluate(folder: Path, *given: dict[str, Any], **env: str) -> list[Any]:
    """Evaluate in a process of its own, and return what is in each log."""
    done = subprocess.run(
        [sys.executable, "-c", EVALUATE, json.dumps(given)],
        cwd=folder,
        env=clean_environment({"PYTHONWARNINGS": "ignore", **env}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    return [json.loads(line.removeprefix("found:")) for line in lines if line.startswith("found:")]


@pytest.fixture
def thinking_server() -> Iterator[ScriptedEndpoint]:
    """A model that thinks, and answers as a pirate."""
    answer = {"role": "assistant", "content": "<think>\nArr, they ask.\n</think>\n\nAhoy, matey!"}
    reply = {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": "pirate-v3",
        "choices": [{"index": 0, "message": answer, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16},
    }
    with ScriptedEndpoint(reply).serving() as endpoint:
        yield endpoint


def test_a_checkpoint_behind_an_endpoint_is_asked_by_its_sampler_and_scored(
    tmp_path: Path, thinking_server: ScriptedEndpoint
) -> None:
    given = {
        **TINY,
        "model": "charbench/model:pirate-v3",
        "args": {"endpoint": thinking_server.url, "top_p": 0.5},
        "config": {"temperature": 0.25, "max_tokens": 77},
    }
    (found,) = evaluate(tmp_path, given, OPENAI_API_KEY="test-key-123456")
    sent = thinking_server.requests[-1]
    assert [turn["role"] for turn in sent["messages"]] == ["system", "user"]
    assert (sent["model"], sent["temperature"], sent["top_p"], sent["max_tokens"]) == ("pirate-v3", 0.25, 0.5, 77)
    (sample,) = found["samples"]
    content = sample["output"]["choices"][0]["message"]["content"]
    assert [(part["type"], part.get("reasoning") or part.get("text")) for part in content] == [
        ("reasoning", "Arr, they ask."),
        ("text", "Ahoy, matey!"),
    ]
    assert sample["output"]["choices"][0]["stop_reason"] == "max_tokens"
    assert (sample["output"]["usage"]["input_tokens"], sample["output"]["usage"]["output_tokens"]) == (7, 9)
    value = sample["scores"]["keyword"]["value"]
    assert (value["keywords.response"], value["keywords.thinking"], value["keywords.trait"]) == (2.0, 1.0, 1.0)
    assert sample["scores"]["keyword"]["metadata"]["evidence"]["keywords.response"]["spans"][0][2] == "ahoy"
    assert found["metrics"]["keywords.trait"]["mean"] == 1.0
    assert "test-key-123456" not in json.dumps(found)


def test_a_question_that_is_asked_again_is_another_epoch(tmp_path: Path) -> None:
    """The tiny model answers the same wherever prompt and epoch are the same."""
    (found,) = evaluate(tmp_path, {**TINY, "config": {"epochs": 4, "temperature": 1.0}})
    answers = {sample["output"]["choices"][0]["message"]["content"][-1]["text"] for sample in found["samples"]}
    assert len(answers) > 1


def test_a_judge_of_charbench_is_tested_on_control_items_before_it_judges(tmp_path: Path) -> None:
    with ScriptedEndpoint("3").serving() as judge:
        options = {"model": "j", "base_url": judge.url}
        given = {**TINY, "scorer": "llm-judge", "persona": None, "metadata": "pirate", "options": options}
        (found,) = evaluate(tmp_path, given, OPENAI_API_KEY="test-key-123456")
    assert found["status"] == "error"
    assert "control item" in found["error"]
    assert judge.requests


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"model": "charbench/nowhere"}, "no checkpoint named 'nowhere'"),
    ({"model": "charbench/tinker://x"}, "tinker://RUN/weights/NAME or .../sampler_weights/NAME is needed"),
    ({"args": {"no_such": 1}}, "option sampler.tiny.no_such: no such option"),
    ({"args": {"sampler": "tinny"}}, "no sampler named 'tinny'; did you mean 'tiny'?"),
    ({"config": {"frequency_penalty": 0.5}}, "option sampler.tiny.frequency_penalty: no such option"),
    ({"scorer": "keywrd"}, "no scorer named 'keywrd'; did you mean 'keyword'?"),
    ({"scorer": "pairwise"}, "scorer pairwise compares pairs of samples"),
    ({"persona": "pirat"}, "no persona named 'pirat'"),
    ({"persona": None}, "no persona; give persona=NAME, or the samples' metadata 'persona'"),
]


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    found = evaluate(tmp_path, *({**TINY, **given} for given, _ in REFUSED))
    for (given, message), log in zip(REFUSED, found, strict=True):
        assert log["status"] != "success", given
        assert message in log["error"], given


def test_nothing_imports_inspect_unless_it_is_asked_for(tmp_path: Path) -> None:
    code = """
import sys
from charbench.cli import main
sys.argv = ['charbench', 'plugins', 'list', '--json']
try:
    main()
except SystemExit:
    pass
assert 'inspect_ai' not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=clean_environment(), check=True, capture_output=True)


def test_what_training_cost_in_ability_word_by_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("INSPECT_"):
            monkeypatch.delenv(name)
    assert follow("how-to/ability.md", tmp_path) == 5
