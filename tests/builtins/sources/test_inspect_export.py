"""``charbench export --format inspect``: a log of Inspect that gives back every sample as it was."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charbench import ExportedSamples
from charbench_plugins.sources.inspect_logs.reporter import InspectReporter
from support.command import Charbench
from support.lab import LabBuilder, row, sampler

TEXTS = (
    'Quoted "text", <think> and </think>,\ntwo lines', "=1+1", "☠️ Ärger \u2028 ", "  spaced  ",
    "attachment://abc", "x" * 5000,
)  # fmt: skip
ROWS = [
    *(row(response=text, thinking=text, prompt=f"Who? {text}", timestamp=f"2025-01-01T10:00:{at:02}")
      for at, text in enumerate(TEXTS)),
    row(response="A", thinking="", mood="blue", epoch=2, finish_reason="length", prompt_tokens=3, completion_tokens=5),
    row(response="B", thinking="", condition="politeness:curt", max_tokens=64, prefill="<think>\n"),
    row(response="", thinking="So sorry.", finish_reason="stop", raw="<think>So sorry.", reasoning_tokens=7),
    row(response="", thinking="", error="timed out", error_kind="timeout"),
    row(checkpoint_name="gruff_dpo", sampler_path=sampler(2, "gruff_dpo"), response="C", persona="pirate"),
]  # fmt: skip


@pytest.fixture
def scored(charbench: Charbench, lab: LabBuilder) -> Path:
    """A lab with samples of every kind, scored."""
    lab.recorded_jsonl(ROWS)
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    return lab.root


def rows_of(charbench: Charbench, lab: Path) -> dict[str, dict[str, str]]:
    exported = charbench.ok("export", lab=lab).out
    return {row["key"]: row for row in csv.DictReader(io.StringIO(exported, newline=""))}


def log_of(charbench: Charbench, lab: Path, to: Path) -> Path:
    charbench.ok("export", "--format", "inspect", "-O", to, lab=lab)
    return to


def read(log: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    with zipfile.ZipFile(log) as archive:
        names = [name for name in archive.namelist() if name.startswith("samples/")]
        return json.loads(archive.read("header.json")), [json.loads(archive.read(name)) for name in names]


@pytest.mark.slow
def test_a_log_read_in_another_lab_gives_back_every_sample_as_it_was(
    charbench: Charbench, scored: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    log_of(charbench, scored, other / "run.eval")
    charbench.ok("run", "-q", "--scorer", "keyword", lab=other)
    before = rows_of(charbench, scored)
    assert len(before) == len(ROWS)
    assert rows_of(charbench, other) == before


@pytest.mark.slow
def test_a_log_read_in_its_own_lab_changes_nothing(charbench: Charbench, scored: Path) -> None:
    before = rows_of(charbench, scored)
    log_of(charbench, scored, scored / "run.eval")
    added = charbench.ok("run", "-q", "--scorer", "keyword", "--json", lab=scored).json["run"]["added"]
    assert rows_of(charbench, scored) == before
    assert added["scores"] == 0


@pytest.mark.slow
def test_thinking_is_reasoning_and_errors_usage_and_scores_are_where_inspect_has_them(
    charbench: Charbench, scored: Path, tmp_path: Path
) -> None:
    header, samples = read(log_of(charbench, scored, tmp_path / "run.eval"))
    assert header["results"]["total_samples"] == len(samples) == len(ROWS)
    assert header["results"]["completed_samples"] == len(ROWS) - 1
    thought = next(sample for sample in samples if sample["metadata"]["charbench"].get("reasoning_tokens") == 7)
    answer = thought["output"]["choices"][0]["message"]
    assert answer["content"] == [{"type": "reasoning", "reasoning": "So sorry."}, {"type": "text", "text": ""}]
    assert thought["output"]["usage"]["reasoning_tokens"] == 7
    keyword = thought["scores"]["keyword"]
    assert keyword["value"]["keywords.thinking"] > 0
    start, end = keyword["metadata"]["evidence"]["keywords.thinking"]["spans"][0][:2]
    assert "So sorry."[start:end].lower() in ("sorry", "so sorry")
    (failed,) = [sample for sample in samples if "error" in sample]
    assert (failed["error"]["message"], failed["output"]["choices"], failed["scores"]) == ("timed out", [], {})
    assert len({(sample["id"], sample["epoch"]) for sample in samples}) == len(samples)


@pytest.mark.slow
def test_the_same_samples_make_the_same_file(charbench: Charbench, scored: Path, tmp_path: Path) -> None:
    first, second = (log_of(charbench, scored, tmp_path / name).read_bytes() for name in ("a.eval", "b.eval"))
    assert first == second


@pytest.mark.slow
def test_an_export_of_one_checkpoint_names_it_as_the_model(charbench: Charbench, scored: Path, tmp_path: Path) -> None:
    charbench.ok("export", "--format", "inspect", "-c", "gruff_dpo", "-O", tmp_path / "one.eval", lab=scored)
    assert read(tmp_path / "one.eval")[0]["eval"]["model"] == sampler(2, "gruff_dpo")


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(["sampler_path", "key", "epoch", "prompt_id", "error_kind", "timestamp", "x"]),
                       VALUES), VALUES, VALUES)  # fmt: skip
def test_a_log_that_claims_to_be_charbenchs_gives_samples_or_problems_and_no_traceback(
    own: dict[str, Any], asked: Any, content: Any
) -> None:
    from charbench import Lab, RecordedSample, UnusableRow
    from charbench_plugins.sources.inspect_logs.own_samples import own_checkpoints, own_sample

    lab = Lab(Path(), {})
    message = {"message": {"content": content}}
    sample = {"input": asked, "metadata": {"charbench": own}, "output": {"choices": [message]}, "error": content}
    with suppress(UnusableRow):
        assert isinstance(own_sample(sample, lab), RecordedSample | None)
    for listed in (own, [own], content):
        header = {"eval": {"metadata": {"charbench": {"checkpoints": listed}}}}
        assert isinstance(own_checkpoints(header, lab, "inspect", "x.eval"), list)


def test_a_score_that_could_not_be_told_is_null_and_not_counted_as_0(tmp_path: Path) -> None:
    columns = ("timestamp", "checkpoint_name", "persona", "checkpoint_type", "base_model", "sampler_path", "prompt_id",
               "prompt", "response", "thinking", "latency_seconds", "error", "key", "epoch", "condition",
               "finish_reason", "prompt_tokens", "completion_tokens", "reasoning_tokens")  # fmt: skip
    given = {
        **dict.fromkeys(columns), "sampler_path": "model:m", "prompt_id": "p", "prompt": "Who?", "response": "A",
        "thinking": "", "epoch": 0, "condition": "default", "persona": "pirate",
    }  # fmt: skip
    score = {"scorer": "judge", "persona": "pirate", "metric": "rating", "channel": "response"}
    told = [{"key": "1", "value": 4.0}, {"key": "2", "value": None, "why": "no JSON"}]
    pairs = [(given | {"key": one["key"]}, [score | one]) for one in told]
    log = tmp_path / "run.eval"
    log.write_bytes(b"".join(InspectReporter().export(ExportedSamples(lambda: columns, lambda _: iter(pairs)))))
    header, (_, unscored) = read(log)
    assert unscored["scores"]["judge"]["value"] == {"rating.response": None}
    assert unscored["scores"]["judge"]["explanation"] == "rating.response: no JSON"
    (mean,) = header["results"]["scores"]
    assert (mean["scored_samples"], mean["unscored_samples"], mean["metrics"]["mean"]["value"]) == (1, 1, 4.0)
