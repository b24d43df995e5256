"""Format ``inspect`` of ``charbench export``: a log of Inspect, written sample by sample without Inspect.

The format is https://inspect.aisi.org.uk/eval-logs.html. Each sample's ``metadata.charbench`` holds what Inspect has no
place for; the source ``inspect`` reads it back (``own_samples``).
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from tempfile import TemporaryFile
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from charbench import ExportedSamples, Reporter

_IN_MESSAGES = frozenset({"prompt", "response", "thinking", "response_length", "thinking_length", "error"})
_STOPS = {"stop": "stop", "length": "max_tokens", "content_filter": "content_filter", "tool_calls": "tool_calls"}
_SUMMARY = 200
"""Characters of a text in the list of samples."""
_LOWEST_DATE = (1980, 1, 1, 0, 0, 0)


class InspectReporter(Reporter):
    """A log of Inspect (.eval), with thinking as reasoning, all scores, usage and errors."""

    name = "inspect"

    def export(self, samples: ExportedSamples) -> Iterator[bytes]:
        """Yield the log; samples of several checkpoints are in one log, each under its own model."""
        sink, log = _Sink(), _Log()
        with TemporaryFile("w+", encoding="utf-8") as summaries:
            with ZipFile(sink, "w", ZIP_DEFLATED) as archive:
                for row, scores in samples.rows_with_scores():
                    sample = log.sample(row, scores)
                    _write(archive, f"samples/{sample['id']}_epoch_{sample['epoch']}.json", [_json(sample)])
                    summaries.write(f"{',' if log.count > 1 else ''}{_json(_summary(sample))}\n")
                    yield from sink.taken()
                summaries.seek(0)
                _write(archive, "summaries.json", ["[\n", *_read(summaries), "]\n"])
                _write(archive, "header.json", [_json(log.header())])
            yield from sink.taken()


class _Sink(io.RawIOBase):
    """A file that cannot be sought in, and hands on what was written to it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> Iterator[bytes]:
        parts, self._parts = self._parts, []
        if parts:
            yield b"".join(parts)


class _Log:
    """What the header says of all samples, and the names that are taken."""

    def __init__(self) -> None:
        self.count = 0
        self._failed = 0
        self._created: str | None = None
        self._ids: dict[tuple[str, int], None] = {}
        self._keys = hashlib.blake2b(digest_size=16)
        self._checkpoints: dict[str, dict[str, Any]] = {}
        self._sums: dict[tuple[str, str], tuple[int, int, float]] = {}

    def sample(self, row: Mapping[str, Any], scores: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Return a sample of the log, and count it."""
        self.count += 1
        self._failed += bool(row.get("error"))
        self._keys.update(str(row["key"]).encode())
        at = _time(row.get("timestamp"))
        self._created = min(filter(None, (self._created, at)), default=None)
        self._checkpoints.setdefault(row["sampler_path"], {
            "uri": row["sampler_path"], "name": row["checkpoint_name"], "persona": row["persona"],
            "kind": row["checkpoint_type"], "base_model": row["base_model"],
        })  # fmt: skip
        given = _scores(scores, row["persona"], row["response"])
        for scorer, score in given.items():
            for name, value in score["value"].items():
                count, unscored, total = self._sums.get((scorer, name), (0, 0, 0.0))
                none = value is None
                self._sums[scorer, name] = count + (not none), unscored + none, total + (value or 0)
        return _sample(row, self._id(row), given)

    def _id(self, row: Mapping[str, Any]) -> str:
        """Return the prompt's id, with what tells it apart where another sample of the epoch has the same one."""
        name = str(row["prompt_id"])
        condition = "" if row["condition"] == "default" else f" {row['condition']}"
        named = f"{name}{condition}"
        for candidate in (named, f"{named} {row['checkpoint_name'] or ''}".rstrip(), f"{named} {row['key']}"):
            if (candidate, row["epoch"]) not in self._ids:
                break
        self._ids[candidate, row["epoch"]] = None
        return candidate

    def header(self) -> dict[str, Any]:
        """Return the header: one model where all samples are of one checkpoint."""
        uris = list(self._checkpoints)
        created = self._created or datetime.now(UTC).isoformat(timespec="seconds")
        log_id = self._keys.hexdigest()
        release = version("charbench")
        ids = list(dict.fromkeys(name for name, _ in self._ids))
        epochs = 1 + max((epoch for _, epoch in self._ids), default=0)
        return {
            "version": 2,
            "status": "success",
            "eval": {
                "eval_id": log_id, "run_id": log_id, "task_id": log_id, "created": created, "task": "charbench",
                "dataset": {"name": "charbench", "samples": self.count, "sample_ids": ids, "shuffled": False},
                "model": uris[0] if len(uris) == 1 else f"charbench/{len(uris)}-checkpoints",
                "model_generate_config": {}, "config": {"epochs": epochs},
                "packages": {"charbench": release},
                "metadata": {"charbench": {"checkpoints": list(self._checkpoints.values())}},
            },
            "plan": {"name": "plan", "steps": [], "config": {}},
            "results": {
                "total_samples": self.count, "completed_samples": self.count - self._failed,
                "scores": [_mean(scorer, name, sums) for (scorer, name), sums in sorted(self._sums.items())],
            },
            "stats": {"started_at": created, "completed_at": created, "model_usage": {}},
        }  # fmt: skip


def _mean(scorer: str, name: str, sums: tuple[int, int, float]) -> dict[str, Any]:
    count, unscored, total = sums
    mean = {"mean": {"name": "mean", "value": total / count, "params": {}}} if count else {}
    counts = {"scored_samples": count, "unscored_samples": unscored}
    return {"name": name, "scorer": scorer, **counts, "params": {}, "metrics": mean}


def _sample(row: Mapping[str, Any], name: str, scores: Mapping[str, Any]) -> dict[str, Any]:
    model, error, latency = str(row["checkpoint_name"] or row["sampler_path"]), row.get("error"), row["latency_seconds"]
    thinking = [{"type": "reasoning", "reasoning": row["thinking"]}] if row["thinking"] else []
    answer = {
        "id": f"{row['key']}-answer", "role": "assistant", "source": "generate", "model": model,
        "content": [*thinking, {"type": "text", "text": row["response"]}],
    }  # fmt: skip
    asked = {"id": f"{row['key']}-prompt", "role": "user", "content": row["prompt"]}
    answered = not error or row["response"] or row["thinking"]
    choice = {"message": answer, "stop_reason": _STOPS.get(row["finish_reason"], "unknown")}
    usage = _usage(row)
    output = {"model": model, "choices": [choice] if answered else [], "completion": row["response"], "time": latency}
    at = _time(row.get("timestamp"))
    told = {key: value for key, value in row.items() if key not in _IN_MESSAGES and value is not None and value != ""}
    made = {
        "id": name, "epoch": row["epoch"] + 1, "input": row["prompt"], "target": "", "uuid": row["key"],
        "messages": [asked, *([answer] if answered else [])],
        "output": output | ({"usage": usage} if usage else {}),
        "scores": scores, "metadata": {"charbench": told},
        "store": {}, "events": [], "model_usage": {model: usage} if usage else {}, "attachments": {},
        "total_time": latency,
    }  # fmt: skip
    made |= {"started_at": at, "completed_at": at} if at else {}
    return made | ({"error": {"message": error, "traceback": "", "traceback_ansi": ""}} if error else {})


def _usage(row: Mapping[str, Any]) -> dict[str, int]:
    given = row["prompt_tokens"], row["completion_tokens"], row["reasoning_tokens"]
    if all(count is None for count in given):
        return {}
    asked, answered, reasoned = given
    usage = {"input_tokens": asked or 0, "output_tokens": answered or 0, "total_tokens": (asked or 0) + (answered or 0)}
    return usage | ({} if reasoned is None else {"reasoning_tokens": reasoned})


def _scores(given: Iterable[Mapping[str, Any]], persona: str | None, response: str) -> dict[str, Any]:
    """Return a score for each scorer (for another persona than the checkpoint's: ``scorer@persona``).

    Its value holds that of each metric and channel, ``None`` where it could not be told.
    """
    found: dict[str, Any] = {}
    for score in given:
        plain = score["scorer"] if score["persona"] == persona else f"{score['scorer']}@{score['persona']}"
        metric = f"{score['metric']}.{score['channel']}"
        names = (plain, *(f"{plain}#{number}" for number in range(2, 1000)))  # by other options of the scorer
        name = next(name for name in names if metric not in found.get(name, {}).get("value", ()))
        mine = found.setdefault(name, {"value": {}, "metadata": {"persona": score["persona"], "evidence": {}}})
        mine["value"][metric] = score["value"]
        if told := {key: score[key] for key in ("why", "spans", "votes") if score.get(key)}:
            mine["metadata"]["evidence"][metric] = told
    for score in found.values():
        score["answer"] = response
        reasons = [f"{name}: {told['why']}" for name, told in score["metadata"]["evidence"].items() if "why" in told]
        score["explanation"] = "\n".join(reasons) or None
    return found


def _summary(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the list of samples shows of one."""
    kept = ("epoch", "id", "uuid", "target", "started_at", "completed_at", "total_time", "model_usage")
    scores = {
        name: {"value": score["value"], "answer": score["answer"][:_SUMMARY]}
        for name, score in sample["scores"].items()
    }
    error = {"error": sample["error"]["message"][:_SUMMARY]} if "error" in sample else {}
    shown = {name: sample[name] for name in kept if name in sample}
    return shown | error | {"input": sample["input"][:_SUMMARY], "scores": scores, "completed": True}


def _time(value: Any) -> str | None:
    """Return a time that charbench keeps, in UTC, as Inspect writes it."""
    with suppress(TypeError, ValueError):
        return datetime.fromisoformat(value).replace(tzinfo=UTC).isoformat()
    return None


def _write(archive: ZipFile, name: str, parts: Iterable[str]) -> None:
    entry = ZipInfo(name, _LOWEST_DATE)  # the same samples make the same file
    entry.compress_type = ZIP_DEFLATED
    with archive.open(entry, "w", force_zip64=True) as file:
        for part in parts:
            file.write(part.encode("utf-8"))


def _read(file: IO[str]) -> Iterator[str]:
    while part := file.read(1 << 20):
        yield part


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, default=str)
