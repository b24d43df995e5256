"""Keeps a line for the start and the end of each run in ``runs.jsonl``, and for each training step in
``training.jsonl``, beside the lab's store.

The journal outlives the store: it tells what was run, when, and what came of it, to anyone with ``tail``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from charbench import hookimpl, open_private, private_folder


@hookimpl
def charbench_run_started(run_id: int, command: str, started_at: datetime, folder: Path) -> None:
    """Note the start."""
    entry = {"run": run_id, "event": "started", "at": started_at.isoformat(), "command": command}
    _append(folder, "runs.jsonl", entry)


@hookimpl
def charbench_training_step(
    run_id: int, job_id: str, step: int, total_steps: int, loss: float, learning_rate: float, tokens: int, folder: Path
) -> None:
    """Note a step's figures, for whoever plots them."""
    figures = {"step": step, "of": total_steps, "loss": loss, "learning_rate": learning_rate, "tokens": tokens}
    _append(folder, "training.jsonl", {"run": run_id, "job": job_id, **figures})


@hookimpl
def charbench_run_finished(run_id: int, status: str, counts: dict[str, int], folder: Path) -> None:
    """Note the end, and what the run added."""
    at = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    entry = {"run": run_id, "event": "finished", "at": at, "status": status, "added": counts}
    _append(folder, "runs.jsonl", entry)


def _append(folder: Path, name: str, entry: dict[str, Any]) -> None:
    with open_private(private_folder(folder) / name, "a") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")
