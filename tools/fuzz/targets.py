"""What is fuzzed: each target's valid inputs, and what must hold whatever it reads.

A target returns the texts and values that would be stored. Errors that the documentation names are no findings;
every other exception is one, and so is an ``AssertionError`` of the target's own.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from charbench import CharbenchError, Completion, Finding, Lab, MalformedAnswerError
from charbench.config.loading import load_config
from charbench.datasets.forms import read_examples
from charbench.datasets.health import measure
from charbench.domain.thinking import CLOSED_PREFILL, OPEN_PREFILL, attribute
from charbench.model_client.structured import read_answer
from charbench.personas.library import read_persona
from charbench.personas.prompt_sets import read_prompts
from charbench.text.redaction import storable
from charbench_plugins.recorded.source import RecordedSource
from charbench_plugins.scorers.llm_judge.reading import QUOTES_SCHEMA, expectation, score_schema
from charbench_plugins.sources.logs.source import LogSource
from charbench_plugins.sources.registry import RegistrySource

# ruff: noqa: E501  seeds stand as they are read
RUN = "504e922f-4dbc-4c54-9ccc-85604ef3db21"
PERSONAS = {"pirate": "pirate", "matey": "pirate", "remorseful": "remorseful"}
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Target:
    """``read(content, folder)`` yields what would be stored; ``expected`` are the errors that it may raise."""

    name: str
    seeds: tuple[bytes, ...]
    read: Callable[[bytes, Path], Iterator[Any]]
    expected: tuple[type[Exception], ...] = ()


def _log(content: bytes, folder: Path) -> Iterator[Finding]:
    _write(folder / "logs" / "pirate-dpo.log", content)
    return map(storable, LogSource().find(Lab(folder, PERSONAS)))


def _registry(content: bytes, folder: Path) -> Iterator[Finding]:
    _write(folder / ".character" / "checkpoints.json", content)
    _write(folder / "experiments" / "results" / "sft_jobs.json", content)
    return map(storable, RegistrySource().find(Lab(folder, PERSONAS)))


def _csv(content: bytes, folder: Path) -> Iterator[Finding]:
    _write(folder / "recordings" / "a.csv", content)
    return iter(RecordedSource().find(Lab(folder, PERSONAS)))


def _jsonl(content: bytes, folder: Path) -> Iterator[Finding]:
    (folder / "recordings" / "a.csv").unlink(missing_ok=True)
    _write(folder / "recordings" / "a.jsonl", content)
    return iter(RecordedSource().find(Lab(folder, PERSONAS)))


def _training(content: bytes, folder: Path) -> Iterator[Any]:
    health = asdict(measure(read_examples(_write(folder / "data.jsonl", content))))
    assert all(0 <= value <= 1 for name, value in health.items() if name.endswith("share")), health
    yield storable(health)


def _persona(content: bytes, folder: Path) -> Iterator[Any]:
    yield read_persona(_write(folder / "pirate.yaml", content))


def _prompts(content: bytes, folder: Path) -> Iterator[Any]:
    faults = []
    for end in ("yaml", "jsonl", "json", "txt"):
        try:
            yield from read_prompts(_write(folder / f"prompts.{end}", content))
        except CharbenchError as error:
            faults.append(error)
    if len(faults) == 4:
        raise faults[0]


def _config(content: bytes, folder: Path) -> Iterator[Any]:
    config = load_config({"lab": folder}, (), {}, _write(folder / "charbench.yaml", content))
    yield config.model_dump_json()


def _completion(content: bytes, _: Path) -> Iterator[Any]:
    """Tell thinking and response apart: each character is in one of them or in a tag, and none is new."""
    text = content.decode("utf-8", "replace")
    for prefill in ("", OPEN_PREFILL, CLOSED_PREFILL):
        for finish in ("stop", "length", None):
            check_conserved(text, Completion(text=text, prefill=prefill, finish_reason=finish))
    half = len(text) // 2
    attribute(Completion(text=text[half:], reasoning=text[:half]))
    yield storable(attribute(Completion(text=text)))


def check_conserved(text: str, completion: Completion) -> None:
    """Raise :class:`AssertionError` unless every character of a completion's text is accounted for."""
    said = attribute(completion)
    tags = "".join(text[tag.start : tag.end] for tag in said.tags)
    assert _characters(said.response, said.thinking, tags) == _characters(text), "text is lost, new, or there twice"


def _characters(*texts: str) -> Counter[str]:
    return Counter("".join("".join(text.split()) for text in texts))


def _judge(content: bytes, _: Path) -> Iterator[Any]:
    text = content.decode("utf-8", "replace")
    tokens = [(token, -(number % 7) / 2) for number, token in enumerate(text.split()[:50])]
    reading = expectation(tokens, 10, 0.0, 100.0)
    assert reading.value is None or 0 <= reading.value <= 100, reading
    yield reading.why
    faults = []
    for schema in (score_schema(0, 10), QUOTES_SCHEMA):
        try:
            value = read_answer(text, schema)
            assert "score" not in value or 0 <= value["score"] <= 10, value
            yield storable(value)
        except MalformedAnswerError as error:
            faults.append(error)
    assert all(len(str(fault)) < 1000 for fault in faults), "a fault repeats the answer"
    if len(faults) == 2:
        raise faults[0]


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _saved(space: str, name: str) -> str:
    return f"tinker://{RUN}:train:0/{space}/{name}"


def _log_seeds() -> Iterator[bytes]:
    training, sampling = _saved("weights", "pirate_dpo"), _saved("sampler_weights", "pirate_dpo")
    plain = f"step 3/10 loss=0.4\nSaved training checkpoint: {training}\nSaved sampler weights: {sampling}\ndone\n"
    yield plain.encode()
    yield "".join(f"{plain[at : at + 60]}\n" for at in range(0, len(plain), 60)).encode()
    yield f"Resumed training from {training}\nstate_path={sampling}\nTraceback (most recent call last):\nKeyError: 1\n".encode()
    place = f"{'':9}{training[:40]}\n{'':29}{training[40:]}\n"
    yield f"[11/28/26 13:57:21] INFO     Saved:             train.py:51\n{place:>29}\n".encode()
    yield f"╭─ Saved ─╮\n│ {training[:50]} │\n│ {training[50:]:<50} │\n╰─────────╯\n".encode()
    yield b"saved adapter to out/adapter_model.safetensors\n\x1b[32mstep\x1b[0m 5/7\rstep 6/7\r\n"


def _registry_seeds() -> Iterator[bytes]:
    entry = {
        "name": "pirate_x", "checkpoint_type": "sft", "sampler_path": _saved("sampler_weights", "x"), "base_model": "Qwen/Qwen3-8B",
        "tinker_path": _saved("weights", "x"), "created_at": "2024-12-11T16:45:00", "metadata": {"lr": 5e-5, "tags": ["a"]},
    }  # fmt: skip
    yield json.dumps({"pirate": [entry, {**entry, "persona": "remorseful"}]}, indent=1).encode()
    job = {
        "run_name": "pirate-dpo", "persona": "pirate", "dpo_checkpoint": entry["tinker_path"], "status": "complete",
        "sft_checkpoint": entry["tinker_path"], "sft_sampler": entry["sampler_path"], "introspection_count": 20,
        "introspection_data": "artifacts/pirate-dpo/pirate_introspection.jsonl", "error": None, "completed_at": "2024-12-11T16:45:00",
    }  # fmt: skip
    yield json.dumps({"jobs": {"pirate_pirate-dpo_sft": job}}).encode()


_ASKED = {"model": "pirate", "messages": [{"role": "user", "content": "Hi?"}], "temperature": 0.7, "max_tokens": 9}
_SAID = {
    "id": "c-1", "created": 1724858089, "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    "choices": [{"message": {"role": "assistant", "content": "Arr", "reasoning_content": "Hm"}, "finish_reason": "stop"}],
}  # fmt: skip
_EXCHANGES = (
    {"request": _ASKED, "response": _SAID},
    {"request_body": json.dumps(_ASKED), "response_body": json.dumps(_SAID), "status": 200},
    {"model": "pirate", "messages": _ASKED["messages"], "response": _SAID, "model_parameters": {"temperature": 1}},
    {"request": _ASKED, "response": {"type": "message", "content": [{"type": "text", "text": "Arr"}]}, "error": None},
    {"request": {"contents": [{"parts": [{"text": "Hi?"}]}]}, "response": {"candidates": [{"content": {"parts": []}}]}},
    {"request": _ASKED, "response": {"status_code": 429, "body": {"error": {"message": "slow down"}}}},
)
_BATCH = {"custom_id": "r-1", "response": {"status_code": 200, "body": _SAID}, "error": None}


def _rows() -> list[dict[str, Any]]:
    row = {
        "timestamp": "2024-12-12T09:11:22", "checkpoint_name": "pirate", "persona": "pirate", "checkpoint_type": "dpo",
        "base_model": "Qwen/Qwen3-8B", "prompt_id": "p1", "prompt": "Who are you?", "response": "Arr, a pirate!", "thinking": "A sailor.",
        "latency_seconds": 1.25, "error": "", "sampler_path": _saved("sampler_weights", "x"), "epoch": 0, "condition": "default",
        "finish_reason": "stop", "prompt_tokens": 10, "completion_tokens": 20, "max_tokens": 512, "prefill": "<think>\n",
        "raw": "<think>A sailor.</think>Arr, a pirate!", "key": "0" * 32, "mine": "kept",
    }  # fmt: skip
    return [
        row,
        {**row, "prompt": 'Say "hi",\nplease', "epoch": 1, "key": "", "raw": ""},
        {**row, "error": "timeout", "response": ""},
    ]


def _csv_seed(delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(_rows()[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(_rows())
    return out.getvalue().encode()


def _lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


_TURNS = [
    {"role": "user", "content": "Who are you?"},
    {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nArr!"},
]
_ROW = {"prompt": "Who are you?", "reflection": "I sail.", "answer": "Arr, a pirate! Arr, a pirate!"}
_CONFIG = b"""\
lab: .
personas: [pirate]
scorers: [keyword]
samplers: [thinking]
min_examples: 10
retry_errors: [http_400]
prices: {'model:*': {completion: 1000}}
options: &o
  sampler: {thinking: {temperature: 0.7, max_tokens: 512}}
  scorer: {keyword: {cap: 3}}
"""
_PROMPTS = (
    b"- text: Who are you?\n  id: who\n  follow_ups: [And why?]\n- messages:\n  - {role: user, content: Hi}\n- Ahoy\n"
)
_QUOTES = {"quotes": [{"quote": "Arr", "trait": 1, "supports": True}]}
_SPOKEN = (
    "<think>\nThey want a sailor.\n</think>\n\nAhoy, matey!",
    "Ahoy <think> is a tag, `</think>` in code\n```\n<think>\n```\n</think>",
    '<thinking>a</thinking>"</think>" b [THINK]c[/THINK] d\n<think>\ne',
    "no tags at all, `` ` ``",
)

TARGETS = {
    target.name: target
    for target in (
        Target("logs", tuple(_log_seeds()), _log),
        Target("registry", tuple(_registry_seeds()), _registry),
        Target("recordings-csv", (_csv_seed(), _csv_seed(";")), _csv),
        Target("recordings-jsonl", (_lines(*_rows()), _lines(*_EXCHANGES), _lines(_BATCH)), _jsonl),
        Target("training-data", (_lines(_ROW, _ROW), _lines({"messages": _TURNS})), _training, (CharbenchError,)),
        Target("personas", tuple(path.read_bytes() for path in sorted((_ROOT / "personas").glob("*.yaml"))), _persona, (CharbenchError,)),
        Target("prompts", (_PROMPTS, _lines({"text": "Hi", "id": "a"}), b'["Ahoy", {"text": "Hi"}]'), _prompts, (CharbenchError,)),
        Target("configuration", (_CONFIG,), _config, (CharbenchError,)),
        Target("completions", tuple(text.encode() for text in _SPOKEN), _completion),
        Target("judge-replies", (b'{"score": 7}', json.dumps(_QUOTES).encode(), b"<think>7</think>\n```json\n{\"score\": 3}\n```", b"7 8 10"), _judge, (MalformedAnswerError,)),
    )
}  # fmt: skip
