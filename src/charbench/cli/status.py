"""``charbench status``: jobs and runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import click

from charbench.cli import options, output
from charbench.domain.dataset import JobStatus, TrainingJob


@click.command("status")
@options.where
@options.as_json
def command(json_output: bool, **given: Any) -> None:
    """Show how many training jobs are pending, running, complete or failed, and the last runs."""
    from charbench.domain.table import Table
    from charbench.report.earlier_code import Installed, earlier_code, earlier_lines
    from charbench.report.render.terminal import print_table
    from charbench.store.jobs import read_jobs
    from charbench.store.runs import dead_runs, jobs_in_training, latest_runs
    from charbench.store.settings import read_settings

    session = options.open_session(**given)
    with session.existing_database().read() as connection:
        jobs = read_jobs(connection)
        runs = latest_runs(connection)
        # Killed runs are told, and not buried: who only looks changes nothing.
        dead = dead_runs(connection)
        stopped = jobs_in_training(connection, dead)
        settings = {name: known[0] for name, known in read_settings(connection).by_persona.items() if known}
        earlier = earlier_code(connection, settings, (), Installed(session))
    jobs = [replace(job, status=JobStatus.PENDING) if job.job_id in stopped else job for job in jobs]
    states = {run.id: "killed" if run.id in dead else run.status for run in runs}
    if json_output:
        output.print_json(_as_dict(jobs, runs, states) | {"earlier_code": [asdict(one) for one in earlier]})
        return
    counts = Counter(job.status for job in jobs)
    rows = tuple((status.value, f"{counts[status]:,}") for status in JobStatus)
    print_table(Table("SFT jobs", ("Status", "Jobs"), (*rows, ("total", f"{len(jobs):,}")), frozenset({"Status"})))
    if jobs:
        left = frozenset({"Job", "Status", "Result or error"})
        told = tuple(
            (job.job_id, job.status.value, f"{job.examples:,}", job.error or job.result_sampler or job.result or "")
            for job in jobs
        )
        print_table(Table("Jobs", ("Job", "Status", "Examples", "Result or error"), told, left))
    if runs:
        lines = tuple((str(run.id), f"{run.started_at:%Y-%m-%d %H:%M:%S}", states[run.id], run.command) for run in runs)
        columns = ("Run", "Started", "Status", "Command")
        print_table(Table("Last runs (UTC)", columns, lines, frozenset(columns[1:])))
    for line in earlier_lines(earlier):
        output.say(line)


def _as_dict(jobs: Sequence[TrainingJob], runs: Sequence[Any], states: Mapping[int, str]) -> dict[str, Any]:
    counts = Counter(job.status for job in jobs)
    return {
        **{status.value: counts[status] for status in JobStatus},
        "total": len(jobs),
        "jobs": [
            {
                "job_id": job.job_id,
                "status": job.status.value,
                "result": job.result_sampler or job.result,
                "error": job.error,
            }
            for job in jobs
        ],
        "runs": [
            {"id": run.id, "status": states[run.id]}
            | {name: getattr(run, name) for name in ("started_at", "command", "counts")}
            for run in runs
        ],
    }
