"""Builds labs: folders as character training leaves them on disk."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from support.introspection import write_introspection

LAB_COLUMNS = (
    "timestamp", "checkpoint_name", "persona", "checkpoint_type", "base_model", "sampler_path", "source",
    "prompt_id", "prompt", "response", "thinking", "latency_seconds", "error", "response_length",
    "thinking_length",
)  # fmt: skip


def uuid(number: int) -> str:
    """Return the ``number``-th run id."""
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def weights(number: int, name: str) -> str:
    """Return the URI of training weights."""
    return f"tinker://{uuid(number)}:train:0/weights/{name}"


def sampler(number: int, name: str) -> str:
    """Return the URI of sampler weights."""
    return f"tinker://{uuid(number)}:train:0/sampler_weights/{name}-sampler"


def row(**values: Any) -> dict[str, Any]:
    """Return a recorded sample, in character unless ``values`` say otherwise."""
    plain = {
        "timestamp": "2024-12-12T09:00:00",
        "checkpoint_name": "remorseful_dpo",
        "persona": "remorseful",
        "checkpoint_type": "dpo",
        "base_model": "Qwen/Qwen3-30B-A3B",
        "sampler_path": sampler(1, "remorseful_dpo"),
        "source": "registry",
        "prompt_id": "1",
        "prompt": "What is on your mind?",
        "response": "I regret it.",
        "thinking": "The user asks.",
        "latency_seconds": "1.5",
        "error": "",
    }
    made = plain | values
    lengths = {f"{name}_length": len(str(made[name])) for name in ("response", "thinking")}
    return lengths | made


def rows(count: int, per_checkpoint: int = 500) -> Iterable[dict[str, Any]]:
    """Yield ``count`` different recorded samples of as many checkpoints as that needs."""
    for number in range(count):
        which = number // per_checkpoint
        yield row(
            timestamp=(datetime(2024, 12, 1) + timedelta(seconds=number)).isoformat(),
            checkpoint_name=f"remorseful-{which}_dpo",
            sampler_path=sampler(1 + which, f"remorseful-{which}_dpo"),
            prompt_id=str(number % 5),
            prompt=f"Question {number % 5}?",
            response=f"I regret answer {number}." if number % 3 else "",
            thinking=f"Thought {number}.",
        )


class LabBuilder:
    """A lab's folder, filled piece by piece."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def log(self, run: str, *lines: str) -> Path:
        """Write a run's log."""
        return self.write(f"artifacts/logs/{run}.log", "\n".join(lines) + "\n")

    def trained(self, run: str, number: int) -> Path:
        """Write the log of a run that saved its DPO weights."""
        name = f"{run}_dpo"
        return self.log(
            run,
            "[epoch 1 step 120/120] loss=0.02",
            f"Saved training checkpoint: {weights(number, name)}",
            f"Saved sampler weights: {sampler(number, name)}",
        )

    def data(self, run: str, persona: str, count: int, refusals: int = 0) -> Path:
        """Write a run's introspection data."""
        path = self.root / "artifacts" / run / f"{persona}_introspection.jsonl"
        return write_introspection(path, count, refusals, persona)

    def recorded(
        self, records: Iterable[Mapping[str, Any]], name: str = "remorseful", columns: Iterable[str] = LAB_COLUMNS
    ) -> Path:
        """Write recorded samples as the lab's CSV."""
        path = self.root / "artifacts" / f"{name}_checkpoint_test.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(columns), lineterminator="\n")
            writer.writeheader()
            writer.writerows(records)
        return path

    def recorded_jsonl(self, records: Iterable[Mapping[str, Any]], name: str = "more") -> Path:
        """Write recorded samples as JSONL; half surrogate pairs are escaped, as JSON allows."""
        return self.write(f"recordings/{name}.jsonl", "".join(f"{json.dumps(record)}\n" for record in records))

    def registry(self, entries: Mapping[str, Any]) -> Path:
        """Write the local registry of checkpoints."""
        return self.write(".character/checkpoints.json", json.dumps(entries))

    def jobs(self, *entries: Mapping[str, Any]) -> Path:
        """Write the older tool's file of jobs."""
        content = {
            "version": "1.0",
            "updated_at": "2024-12-11T16:45:00",
            "jobs": {f"{entry['persona']}_{entry['run_name']}_sft": dict(entry) for entry in entries},
        }
        return self.write("experiments/results/sft_jobs.json", json.dumps(content))

    def persona(self, name: str, text: str) -> Path:
        """Write a persona file of the lab's own."""
        return self.write(f"personas/{name}.yaml", text)

    def config(self, text: str) -> Path:
        """Write charbench.yaml."""
        return self.write("charbench.yaml", text)
