"""Training jobs and their states."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.dataset import JobStatus, TrainingJob
from charbench.store.dialect import insert
from charbench.store.runs import utc_now
from charbench.store.tables import claims, jobs
from charbench.store.training import forget_states
from charbench.text.redaction import redact

STAGE = "train"
_ENDED = (JobStatus.COMPLETE, JobStatus.FAILED)


def save_planned_jobs(connection: Connection, planned: Sequence[TrainingJob]) -> None:
    """Make the store's waiting jobs those planned: new ones are added, others that never started go.

    A job that has been started, or has ended, keeps its state.
    """
    wanted = {job.job_id for job in planned}
    waiting = (jobs.c.status == JobStatus.PENDING.value) & (jobs.c.attempts == 0)
    for job_id in connection.scalars(sa.select(jobs.c.job_id).where(waiting)).all():
        if job_id not in wanted:
            connection.execute(sa.delete(jobs).where(jobs.c.job_id == job_id))
    for job in planned:
        connection.execute(insert(connection, jobs).on_conflict_do_nothing(index_elements=["job_id"]), [_row(job)])
        fresh = {name: _row(job)[name] for name in ("checkpoint", "sampler", "dataset", "examples")}
        connection.execute(sa.update(jobs).where((jobs.c.job_id == job.job_id) & waiting).values(**fresh))


def import_job(connection: Connection, job: TrainingJob) -> None:
    """Take over a job from another tool's registry: a finished or failed one replaces one that waits."""
    statement = insert(connection, jobs).on_conflict_do_nothing(index_elements=["job_id"])
    connection.execute(statement, [_row(job)])
    if job.status in _ENDED:
        waiting = (jobs.c.status == JobStatus.PENDING.value) & (jobs.c.attempts == 0)
        row = {name: value for name, value in _row(job).items() if name != "job_id"}
        connection.execute(sa.update(jobs).where((jobs.c.job_id == job.job_id) & waiting).values(**row))


def read_jobs(connection: Connection) -> list[TrainingJob]:
    """Return all jobs by persona and run."""
    return [_job(row) for row in connection.execute(sa.select(jobs).order_by(jobs.c.persona, jobs.c.run))]


def tried_jobs(connection: Connection) -> set[str]:
    """Return the ids of jobs that were run before, here or by another tool."""
    return set(connection.scalars(sa.select(jobs.c.job_id).where(jobs.c.attempts > 0)))


def update_job(connection: Connection, job_id: str, **values: Any) -> None:
    """Change columns of one job."""
    connection.execute(sa.update(jobs).where(jobs.c.job_id == job_id).values(updated_at=utc_now(), **values))


def reset_jobs(connection: Connection, job_ids: Sequence[str]) -> int:
    """Make jobs wait again, from their beginning; return how many."""
    values = {
        "status": JobStatus.PENDING.value,
        "result": None,
        "result_sampler": None,
        "error": None,
        "step": None,
        "loss": None,
        "updated_at": utc_now(),
    }
    forget_states(connection, list(job_ids))
    connection.execute(sa.delete(claims).where(claims.c.stage == STAGE, claims.c.item.in_(job_ids)))
    return connection.execute(sa.update(jobs).where(jobs.c.job_id.in_(job_ids)).values(**values)).rowcount


def ended_jobs(connection: Connection, job_ids: Sequence[str], failed_before: Collection[str] = ()) -> set[str]:
    """Return which of these jobs are complete, or have failed and are not among those that had ``failed_before``."""
    ended = [status.value for status in _ENDED]
    query = sa.select(jobs.c.job_id, jobs.c.status).where(jobs.c.job_id.in_(job_ids), jobs.c.status.in_(ended))
    found = {row.job_id: row.status for row in connection.execute(query)}
    return {job for job, status in found.items() if status == JobStatus.COMPLETE.value or job not in failed_before}


def _row(job: TrainingJob) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "persona": job.persona,
        "run": job.run,
        "checkpoint": job.checkpoint,
        "sampler": job.sampler,
        "dataset": job.dataset,
        "examples": job.examples,
        "status": job.status.value,
        "result": job.result,
        "result_sampler": job.result_sampler,
        "error": redact(job.error) if job.error else None,
        "recipe": job.recipe,
        "attempts": int(job.status in _ENDED),  # another tool's try counts: a job that is reset stays reset
        "updated_at": utc_now(),
    }


def _job(row: Any) -> TrainingJob:
    return TrainingJob(
        persona=row.persona,
        run=row.run,
        checkpoint=row.checkpoint,
        sampler=row.sampler,
        dataset=row.dataset,
        examples=row.examples,
        status=JobStatus(row.status),
        result=row.result,
        result_sampler=row.result_sampler,
        error=row.error,
        recipe=row.recipe,
    )
