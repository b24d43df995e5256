"""Runs that have no training job and are to be trained all the same: why not, and with ``--force`` their jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from charbench.discovery.job_planning import JobPolicy, plan_jobs
from charbench.domain.dataset import TrainingJob
from charbench.errors import UnknownNameError, UsageError
from charbench.store import findings
from charbench.store.database import Database
from charbench.store.jobs import read_jobs, save_planned_jobs

_HINT = "\n  charbench discover finds jobs"


def make_jobs(
    database: Database, names: Sequence[str], policy: JobPolicy, personas: Mapping[str, str], *, force: bool
) -> None:
    """Put jobs for these runs (or job ids) into the store where they have none; ``force`` takes bad data too.

    Raises :class:`UsageError` with the reason for which a run was left out, :class:`UnknownNameError` for a name
    that no run has.
    """
    with database.write() as connection:
        known = read_jobs(connection)
        wanting = [name for name in names if not _of(known, name)]
        if not wanting:
            return
        found = (
            findings.read_checkpoints(connection),
            findings.read_datasets(connection),
            findings.read_training_runs(connection),
            known,
        )
        reasons = {item.run: item.reason for item in plan_jobs(*found, policy, personas).left_out}
        jobs = plan_jobs(*found, replace(policy, include_buggy=True), personas).jobs
        for name in wanting:
            can_be_forced = bool(_of(jobs, name))
            run = next((job.run for job in _of(jobs, name)), name)
            if not can_be_forced and run not in reasons:
                raise UnknownNameError("job", name, {*(job.run for job in jobs), *reasons}, _HINT)
            if not (force and can_be_forced):
                advice = "; fix the data, or train anyway with --force" if can_be_forced else ""
                raise UsageError(f"run {run!r} has no training job: {reasons.get(run, 'not discovered yet')}{advice}")
        save_planned_jobs(connection, [*known, *(job for name in wanting for job in _of(jobs, name))])


def _of(jobs: Sequence[TrainingJob], name: str) -> list[TrainingJob]:
    return [job for job in jobs if name in (job.run, job.job_id)]
