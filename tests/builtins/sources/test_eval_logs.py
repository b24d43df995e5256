"""Samples in the logs of other evaluation tools: Inspect and lm-evaluation-harness."""

from __future__ import annotations

import csv
import io
import json
import struct
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import Lab, RecordedSample
from charbench_plugins.sources.inspect_logs.source import InspectSource
from charbench_plugins.sources.lm_eval import LmEvalSource
from support.command import Charbench
from support.lab import LabBuilder

HEADER = {
    "version": 2,
    "status": "success",
    "eval": {
        "run_id": "r1", "task_id": "t1", "task": "character", "created": "2026-01-02T03:04:05+00:00",
        "model": "vllm/pirate-8b", "model_generate_config": {"max_tokens": 512},
    },
}  # fmt: skip
ASKED = [{"role": "system", "content": "Stay yourself."}, {"role": "user", "content": "Who are you?"}]


def sample(number: int = 1, epoch: int = 1, **more: Any) -> dict[str, Any]:
    parts = [{"type": "reasoning", "reasoning": "They ask."}, {"type": "text", "text": f"Arr {number}."}]
    answer = {"role": "assistant", "content": parts, "source": "generate"}
    return {
        "id": f"q{number}", "epoch": epoch, "input": "Who are you?", "target": "", "messages": [*ASKED, answer],
        "output": {
            "model": "pirate-8b", "choices": [{"message": answer, "stop_reason": "stop"}], "time": 1.5,
            "usage": {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30, "reasoning_tokens": 5},
        },
        "scores": {"match": {"value": "C"}}, **more,
    }  # fmt: skip


FAILED: dict[str, Any] = sample(3) | {
    "messages": ASKED, "output": {"model": "", "choices": []}, "error": {"message": "timeout", "traceback": "..."},
}  # fmt: skip
SAMPLES = [sample(1), sample(1, epoch=2), sample(2), FAILED]


def packed(samples: list[dict[str, Any]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("_journal/start.json", json.dumps(HEADER))
        for item in samples:
            archive.writestr(f"samples/{item['id']}_epoch_{item['epoch']}.json", json.dumps(item))
        archive.writestr("summaries.json", "[]")
        archive.writestr("header.json", json.dumps(HEADER))
    return out.getvalue()


def zstd_packed(samples: list[dict[str, Any]]) -> bytes:
    """Return a log packed with zstd, as Inspect packs it: stored entries of zstd frames whose method says so."""
    zstandard = pytest.importorskip("zstandard")
    out = io.BytesIO()
    contents = {"header.json": json.dumps(HEADER)}
    contents |= {f"samples/{item['id']}_epoch_{item['epoch']}.json": json.dumps(item) for item in samples}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, text in contents.items():
            archive.writestr(name, zstandard.ZstdCompressor().compress(text.encode()))
        for entry in archive.infolist():
            entry.compress_type = 93
            entry.file_size = len(contents[entry.filename])
    raw = bytearray(out.getvalue())
    for entry in zipfile.ZipFile(io.BytesIO(bytes(raw))).infolist():
        struct.pack_into("<H", raw, entry.header_offset + 8, 93)
    return bytes(raw)


LOGS = {
    "deflated.eval": packed(SAMPLES),
    "stored.eval": packed(SAMPLES, zipfile.ZIP_STORED),
    "zstd.eval": zstd_packed(SAMPLES),
    "log.json": json.dumps({**HEADER, "samples": SAMPLES}, indent=2).encode(),
}


def exported(charbench: Charbench, lab: LabBuilder) -> list[dict[str, str]]:
    charbench.ok("run", lab=lab.root)
    return list(csv.DictReader(io.StringIO(charbench.ok("export", lab=lab.root).out, newline="")))


@pytest.mark.slow
@pytest.mark.parametrize("name", LOGS)
def test_an_inspect_log_gives_its_samples_with_their_reasoning_and_its_errors_are_failed_samples(
    charbench: Charbench, lab: LabBuilder, name: str
) -> None:
    lab.write(f"logs/{name}", LOGS[name])
    found = exported(charbench, lab)
    assert [(row["prompt_id"], row["epoch"], row["response"], row["error"]) for row in found] == [
        ("q1", "0", "Arr 1.", ""), ("q1", "1", "Arr 1.", ""), ("q2", "0", "Arr 2.", ""), ("q3", "0", "", "timeout"),
    ]  # fmt: skip
    first = found[0]
    assert (first["sampler_path"], first["persona"], first["thinking"]) == ("model:pirate-8b", "pirate", "They ask.")
    assert (first["prompt"], first["finish_reason"], first["completion_tokens"]) == ("Who are you?", "stop", "20")
    assert (first["max_tokens"], first["latency_seconds"]) == ("512", "1.5")
    charbench.ok("run", lab=lab.root)
    assert len(exported(charbench, lab)) == 4  # again: nothing new


def test_texts_that_inspect_keeps_apart_are_put_back(charbench: Charbench, lab: LabBuilder) -> None:
    said = [*ASKED, {"role": "assistant", "content": "attachment://abc"}]
    item = sample(1) | {"messages": said, "attachments": {"abc": "Arr, a long tale."}}
    lab.write("logs/a.eval", packed([item]))
    assert [row["response"] for row in exported(charbench, lab)] == ["Arr, a long tale."]


BROKEN: dict[str, tuple[bytes, str]] = {
    "cut.eval": (packed(SAMPLES)[:400], "is no .eval file"),
    "tool.eval": (
        packed([sample(1), sample(2) | {"messages": [*ASKED, {"role": "tool", "content": "x"}, ASKED[0]]}]),
        "a turn of 'messages' calls a tool or gives its result (1 sample not used)",
    ),
}


@pytest.mark.parametrize("name", ["cut.eval", "tool.eval"])
def test_what_cannot_be_read_of_a_log_is_told(charbench: Charbench, lab: LabBuilder, name: str) -> None:
    content, message = BROKEN[name]
    lab.write(f"logs/{name}", content)
    assert message in str(charbench.ok("discover", "--json", lab=lab.root).json["problems"])


GENERATED = {
    "doc_id": 0, "doc": {"q": "?"}, "target": "", "arguments": {"gen_args_0": {"arg_0": "Who are you?", "arg_1": {}}},
    "resps": [["Arr."]], "filtered_resps": ["Arr."], "exact_match": 0.0,
}  # fmt: skip
CHAT = GENERATED | {"doc_id": 1, "arguments": [[json.dumps(ASKED), {"until": []}]], "resps": [["Arr 1.", "Arr 2."]]}
CHOICE = GENERATED | {"doc_id": 2, "resps": [[[-1.5, False]], [[-2.0, True]]]}


@pytest.mark.slow
def test_lm_evals_samples_are_read_with_the_model_that_its_results_name(charbench: Charbench, lab: LabBuilder) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in (GENERATED, CHAT, CHOICE))
    lab.write("results/org__pirate-8b/samples_persona_2026-01-02T03-04-05.000006.jsonl", lines)
    lab.write("outputs/pirate/adapter_config.json", "{}")
    uris = {row["sampler_path"] for row in exported(charbench, lab)}
    assert uris == {"model:org/pirate-8b"}
    results = {"model_name": "Qwen/Qwen3-8B", "config": {"model_args": "pretrained=Qwen/Qwen3-8B,peft=outputs/pirate"}}
    lab.write("results/org__pirate-8b/results_2026-01-02T03-04-05.000006.json", json.dumps(results))
    found = [row for row in exported(charbench, lab) if row["sampler_path"] == "file:outputs/pirate"]
    assert [(row["prompt_id"], row["epoch"], row["response"]) for row in found] == [
        ("persona_0", "0", "Arr."), ("persona_1", "0", "Arr 1."), ("persona_1", "1", "Arr 2."),
    ]  # fmt: skip
    problems = str(charbench.ok("discover", "--json", lab=lab.root).json["problems"])
    assert ":3: its 'resps' hold likelihoods, not text: the model generated nothing (1 row not used)" in problems


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "epoch", "messages", "output", "choices", "error", "input", "role", "content", "resps"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from([*GENERATED, *sample(), "attachments", "error"]), JSON))
def test_one_bad_sample_costs_one_sample(tmp_path_factory: pytest.TempPathFactory, row: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("logs")
    odd = {"id": "x", "epoch": 1} | row
    log = {**HEADER, "samples": [sample(1), odd, sample(2)]}
    (folder / "log.json").write_text(json.dumps(log))
    lines = (json.dumps(item) for item in (GENERATED, row, CHAT))
    (folder / "samples_a.jsonl").write_text("\n".join(lines))
    for kind, files, least in ((InspectSource, "log.json", 2), (LmEvalSource, "samples_a.jsonl", 3)):
        found = kind(kind.Config(files=[files])).find(Lab(folder, {}))
        recorded = [one for one in found if isinstance(one, RecordedSample)]
        assert len(recorded) >= least


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader_of_eval_files(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("logs")
    whole = packed([sample(1)])
    (folder / "a.eval").write_bytes(b"PK" + content)
    (folder / "b.eval").write_bytes(whole[:60] + content + whole[60 + len(content) :])
    list(InspectSource(InspectSource.Config(files=["*.eval"])).find(Lab(folder, {})))


@pytest.mark.slow
def test_a_sample_that_is_taken_out_of_an_inspect_log_leaves_reports_and_is_back_with_it(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.write("logs/a.eval", packed([sample(1), sample(2)]))
    assert len(exported(charbench, lab)) == 2
    lab.write("logs/a.eval", packed([sample(2)]))
    told = charbench.ok("run", lab=lab.root)
    assert "logs/a.eval was edited" in told.out + told.err
    assert [row["prompt_id"] for row in exported(charbench, lab)] == ["q2"]
    lab.write("logs/a.eval", packed([sample(1), sample(2)]))
    assert len(exported(charbench, lab)) == 2


@pytest.mark.slow
def test_a_row_that_is_edited_in_the_log_of_lm_eval_takes_the_earlier_ones_place(
    charbench: Charbench, lab: LabBuilder
) -> None:
    name = "out/pirate-8b/samples_chat_2026-01-02T03-04-05.000000.jsonl"
    for answer in ("Arr.", "Ahoy."):
        row = {"doc_id": 1, "arguments": [["Who are you?", {}]], "resps": [[answer]]}
        lab.write(name, json.dumps(row) + "\n")
        assert [row["response"] for row in exported(charbench, lab)] == [answer]


@pytest.mark.slow
def test_a_log_that_cannot_be_used_whole_takes_nothing_away(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("logs/a.eval", packed([sample(1), sample(2)]))
    exported(charbench, lab)
    lab.write("logs/a.eval", packed([sample(2), sample(3, input="", messages=[])]))
    assert len(exported(charbench, lab)) == 2


def conditions(charbench: Charbench, lab: LabBuilder) -> set[tuple[str, str]]:
    return {(row["prompt_id"], row["condition"]) for row in exported(charbench, lab)}


def test_inspect_logs_of_one_model_at_two_temperatures_are_two_conditions(
    charbench: Charbench, lab: LabBuilder
) -> None:
    for name, temperature in (("a", 1.0), ("b", 0.0)):
        header = {
            **HEADER,
            "eval": {**HEADER["eval"], "run_id": name, "model_generate_config": {"temperature": temperature}},
        }  # type: ignore[dict-item]
        lab.write(f"logs/{name}.json", json.dumps({**header, "samples": [sample(1)]}))
    assert conditions(charbench, lab) == {("q1", "default"), ("q1", "temperature 1")}


def test_lm_eval_samples_of_one_model_at_two_temperatures_are_two_conditions(
    charbench: Charbench, lab: LabBuilder
) -> None:
    for date, temperature in (("2026-01-02T03-04-05.1", 1.0), ("2026-01-03T03-04-05.1", 0.0)):
        row = {"doc_id": 1, "arguments": [["Who are you?", {"temperature": temperature}]], "resps": [["Arr."]]}
        lab.write(f"evals/pirate-8b/samples_who_{date}.jsonl", json.dumps(row) + "\n")
    assert conditions(charbench, lab) == {("who_1", "default"), ("who_1", "temperature 1")}
