"""Keeps a line for the start and the end of each run in ``runs.jsonl``, beside the lab's store.

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
    _append(folder, {"run": run_id, "event": "started", "at": started_at.isoformat(), "command": command})


@hookimpl
def charbench_run_finished(run_id: int, status: str, counts: dict[str, int], folder: Path) -> None:
    """Note the end, and what the run added."""
    at = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    _append(folder, {"run": run_id, "event": "finished", "at": at, "status": status, "added": counts})


def _append(folder: Path, entry: dict[str, Any]) -> None:
    with open_private(private_folder(folder) / "runs.jsonl", "a") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")
