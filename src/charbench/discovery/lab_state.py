"""What the store knows of a lab when jobs are planned: checkpoints, data and logs, by the runs' names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.engine import Connection

from charbench.discovery.runs import Runs, last_name, read_runs
from charbench.discovery.stand_ins import only_holds_data
from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.domain.dataset import RunState, TrainingJob, TrainingRun
from charbench.store import findings
from charbench.store import jobs as job_store
from charbench.store.findings import StoredDataset

_BEST = (RunState.UNFINISHED, RunState.FAILED, RunState.FINISHED)


@dataclass(frozen=True, slots=True)
class LabState:
    """What jobs are planned from. ``between`` maps data to the runs of one name that it may be for."""

    checkpoints: Sequence[Checkpoint]
    datasets: Sequence[StoredDataset]
    runs: Sequence[TrainingRun]
    known: Sequence[TrainingJob]
    between: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tried: Collection[str] = ()
    """Jobs that were run before, whatever their status is now."""


def read_lab_state(connection: Connection, checkpoints: Sequence[Checkpoint] | None = None) -> LabState:
    """Return what the store knows; ``checkpoints``: where they have been read already."""
    names = read_runs(connection)
    there = findings.read_checkpoints(connection) if checkpoints is None else checkpoints
    known = job_store.read_jobs(connection)
    datasets: list[StoredDataset] = []
    between: dict[str, Sequence[str]] = {}
    for item in findings.read_datasets(connection):
        runs = _runs_of(item, names, there, known)
        if len(runs) > 1:
            between[item.dataset.path] = runs
        run = runs[0] if len(runs) == 1 else None if runs else _named_by_folder(item.dataset.run)
        datasets.append(replace(item, dataset=replace(item.dataset, run=run)))
    logs = _one_of_each(findings.read_training_runs(connection), names)
    return LabState(there, datasets, logs, known, between, job_store.tried_jobs(connection))


def _runs_of(
    item: StoredDataset, names: Runs, checkpoints: Sequence[Checkpoint], known: Sequence[TrainingJob]
) -> list[str]:
    """Return the runs that data is for, by its own word or its folder: several where only their paths differ."""
    folder = item.dataset.path.rpartition("/")[0]
    if item.dataset.run is None:
        inside = names.inside(folder)
        runs = [inside] if inside else names.named(folder) if folder else []
    else:
        runs = names.named(item.dataset.run)
    if len(runs) < 2:
        return runs
    theirs = [c for c in checkpoints if c.run in runs]
    jobs = {job.checkpoint for job in known if job.dataset == item.dataset.path}
    mine = {c.run for c in theirs if c.uri in jobs} or {c.run for c in theirs if c.kind is Kind.DPO and c.trainable}
    return [run for run in runs if run in mine] or runs


def _named_by_folder(run: str | None) -> str | None:
    """Return the name of a run of which only data is known; None where its folder may hold any run's."""
    return None if not run or only_holds_data(run) else last_name(run)


def _one_of_each(runs: Sequence[TrainingRun], names: Runs) -> list[TrainingRun]:
    """Return the runs by the names that people see; of several logs of one run, the one that came furthest."""
    best: dict[str, TrainingRun] = {}
    for run in runs:
        called = replace(run, name=names.name(run.name))
        other = best.get(called.name)
        if other is None or _how_far(called) > _how_far(other):
            best[called.name] = called
    return list(best.values())


def _how_far(run: TrainingRun) -> tuple[int, int]:
    return _BEST.index(run.state), run.step or 0
