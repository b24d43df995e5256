"""Runs that have no training job and are to be trained all the same: why not, and with ``--force`` their jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from charbench.discovery.job_planning import JobPolicy, plan_lab
from charbench.discovery.lab_state import read_lab_state
from charbench.domain.dataset import TrainingJob
from charbench.errors import UnknownNameError, UsageError
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
        state = read_lab_state(connection)
        reasons = {item.run: item.reason for item in plan_lab(state, policy, personas).left_out}
        jobs = plan_lab(state, replace(policy, include_buggy=True), personas).jobs
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
