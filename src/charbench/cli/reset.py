"""``charbench reset``: set jobs back to pending."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output
from charbench.domain.dataset import JobStatus
from charbench.errors import UnknownNameError, UsageError


@click.command("reset")
@click.argument("job")
@options.where
@click.option("--include-complete", is_flag=True, help="With 'all': the complete ones too.")
@options.as_json
def command(job: str, include_complete: bool, json_output: bool, **given: Any) -> None:
    """Reset JOB to pending, or with 'all' every failed job.

    The files and checkpoints of the job are kept; only its state is reset.
    """
    from charbench.store.jobs import read_jobs, reset_jobs
    from charbench.store.runs import end_dead_runs

    session = options.open_session(**given)
    database = session.existing_database()
    with database.write() as connection:
        end_dead_runs(connection)  # what a killed run was training runs no more
        jobs = {item.job_id: item for item in read_jobs(connection)}
        if job == "all":
            which = {JobStatus.FAILED, *({JobStatus.COMPLETE} if include_complete else set())}
            chosen = [name for name, item in jobs.items() if item.status in which]
        elif job in jobs:
            chosen = [job]
        else:
            raise UnknownNameError("job", job, [*jobs, "all"])
        running = [name for name in chosen if jobs[name].status is JobStatus.RUNNING]
        if running:
            raise UsageError(f"job {running[0]} is running; stop that run first")
        count = reset_jobs(connection, chosen)
    if json_output:
        output.print_json({"reset": chosen})
    else:
        click.echo(f"Reset {output.plural(count, 'job')}." if count else "No failed jobs to reset.")
