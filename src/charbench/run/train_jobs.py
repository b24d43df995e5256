"""Which training jobs a run takes up, and what it says of those that failed before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from charbench.domain.dataset import JobStatus, TrainingJob
from charbench.store.database import Database
from charbench.store.jobs import read_jobs
from charbench.text.enumeration import short_list


def failed_jobs(database: Database, personas: Sequence[str]) -> list[str]:
    """Return a line on the jobs that failed earlier, if there are any: only those that are named are tried again."""
    with database.read() as connection:
        failed = [job for job in read_jobs(connection) if job.status is JobStatus.FAILED]
    failed = [job for job in failed if not personas or job.persona in personas]
    if not failed:
        return []
    names = short_list([job.job_id for job in failed])
    count = f"{len(failed):,} training job{'' if len(failed) == 1 else 's'}"
    return [
        (
            f"{count} failed earlier and {'is' if len(failed) == 1 else 'are'} not retried: {names} "
            "(charbench status shows why; charbench reset all resets the failed ones)"
        )
    ]


def waiting_jobs(database: Database, wanted: Sequence[str] | None) -> list[TrainingJob]:
    """Return the jobs to train: those that are named (None: all that wait)."""
    with database.read() as connection:
        jobs = read_jobs(connection)
    if wanted is None:
        return [job for job in jobs if job.status in (JobStatus.PENDING, JobStatus.RUNNING)]
    # A job that is named is tried again even if it failed; it goes on from its last saved state.
    named = [job for job in jobs if job.job_id in wanted or job.run in wanted]
    return [job for job in named if job.status is not JobStatus.COMPLETE]


def short_names(database: Database, jobs: Sequence[TrainingJob]) -> dict[str, str]:
    """Return what names each job alone: its run, or its id where the run has several jobs."""
    with database.read() as connection:
        having = Counter(job.run for job in read_jobs(connection))
    return {job.job_id: job.run if having[job.run] == 1 else job.job_id for job in jobs}
