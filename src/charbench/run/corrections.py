"""Samples of recordings go by what their files say now."""

from __future__ import annotations

from typing import Any

from charbench.run.result import RunResult
from charbench.sampling.stage import SampleStage
from charbench.store.database import Database
from charbench.store.edited_recordings import ReadFile, find_edited, take_out
from charbench.store.runs import live_runs


def correct_recordings(
    database: Database, stage: SampleStage, requests: Any, result: RunResult, *, stopping: bool
) -> bool:
    """Let samples of recordings go by what their files say now; return whether rows are to be read in again."""
    plan = getattr(requests, "plan", None)
    files = getattr(plan.recorded, "files", {}) if plan else {}
    if plan is None or not files or stopping:
        return False
    read = [
        ReadFile(path, stage.recorded_rows.get(path, {}), file.whole, stage.recorded_also.get(path, {}))
        for path, file in files.items()
    ]
    with database.read() as connection:
        edited = find_edited(connection, stage.sampler.name, [one.uri for one in plan.checkpoints], read)
        others = [run for run in live_runs(connection) if run != result.run_id]
    if edited.is_any and others:
        result.warnings.append(
            f"recordings were edited, and run {others[0]} is at work: the next run takes the edits into reports"
        )
        return False
    if edited.is_any or edited.noted:
        with database.write() as connection:
            take_out(connection, edited)
    result.notes += edited.lines()
    result.warnings += edited.kept_lines()
    return edited.again
