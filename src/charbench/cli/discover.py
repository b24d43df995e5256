"""``charbench discover``: which checkpoints exist, and which can be trained."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output


@click.command("discover")
@options.where
@options.components
@options.endpoints
@options.job_policy
@click.option("--explain", is_flag=True, help="Show why other runs have no job, and where checkpoints were found.")
@options.as_json
def command(explain: bool, json_output: bool, **given: Any) -> int:
    """Find checkpoints and data, save them in the store, and show the resulting training jobs."""
    from charbench.discovery.expiry import expiry_warnings
    from charbench.discovery.stage import discover
    from charbench.run.data_findings import data_findings

    session = options.open_session(**given)
    found = discover(
        session.database, session.sources(), session.lab, session.policy,
        lifecycle=session.lifecycle, by_name=session.sources_by_name,
    )  # fmt: skip
    expiring = expiry_warnings(session.database, found.checkpoints)
    unwritten = _unwritten(found, session)
    output.warn([*session.personas.faults, *found.problems, *found.gone_lines(), *unwritten, *expiring])
    of_data = data_findings(session, found.plan)
    output.warn(of_data.warnings, limit=50 if explain else 10)
    if json_output:
        output.print_json({**_as_dict(found), "expiring": expiring, "data_warnings": of_data.warnings})
    else:
        _tables(found, session, explain=explain)
    for failure in found.failures:
        output.say(f"failed: {failure}")
    return 1 if found.failures else 0


def _unwritten(found: Any, session: Any) -> list[str]:
    """Return a line on each persona of checkpoints that has no file."""
    named = {checkpoint.persona for checkpoint in found.there if checkpoint.persona}
    lacking = sorted(named - set(session.personas.all))
    return [f"persona {name!r} has no file; write one with: charbench personas new {_new(name)}" for name in lacking]


def _new(name: str) -> str:
    """Return what follows 'personas new' for a name that checkpoints use."""
    from re import match

    from charbench.personas.schema import SLUG

    return name if match(SLUG, name) else f"NAME (a lower-case slug), and list {name!r} among its aliases"


def _tables(found: Any, session: Any, *, explain: bool) -> None:
    from charbench.datasets.health import findings
    from charbench.domain.table import Table
    from charbench.report.render.terminal import print_table

    jobs = found.plan.jobs
    rows = tuple((job.run, job.persona, f"{job.examples:,}", job.status.value) for job in jobs)
    if jobs:
        title = f"Discovered {output.plural(len(jobs), 'SFT job')}"
        print_table(
            Table(title, ("Run", "Persona", "Examples", "Status"), rows, frozenset({"Run", "Persona", "Status"}))
        )
    else:
        click.echo("No SFT jobs.")
    if explain:
        known = [(job, found.plan.data[job.job_id]) for job in jobs if job.job_id in found.plan.data]
        data = tuple((job.run, job.dataset, one.why, _counts(findings(one.health))) for job, one in known)
        if data:
            headings = ("Run", "Data", "Why it is the run's", "Health check")
            print_table(Table("Data of the jobs", headings, data, frozenset(headings)))
        left = tuple((item.run, item.persona or "–", item.reason) for item in found.plan.left_out)
        if left:
            print_table(Table("Left out", ("Run", "Persona", "Reason"), left, frozenset({"Run", "Persona", "Reason"})))
        output.warn((f"contradiction: {item}" for item in found.contradictions), limit=50)
        for path, reason in found.looked_at.unused.items():
            output.say(f"not used: {path}: {reason}")
        for name, lack in found.idle.items():
            output.say(f"source {name} was skipped: {lack}")
    elif found.plan.left_out:
        output.say(f"{output.plural(len(found.plan.left_out), 'run')} left out; --explain shows why.")
    if not found.checkpoints and not found.failures:
        names = ", ".join(source.name for source in session.sources() if source.name not in found.idle)
        output.say(
            f"No checkpoints in {session.config.lab.resolve()} (searched by: {names}). "
            "Is this the lab's folder? --lab DIR"
        )
    else:
        output.say(f"{_counted(found)}, {output.plural(found.recorded, 'recorded sample')}.")
    for line in [*found.looked_at.lines(), *(() if explain else found.looked_at.undecided())]:
        output.say(line)


def _counted(found: Any) -> str:
    """Return how many saves there are, and beside them URIs: a save has one to train from, one to sample, or both."""
    uris, saves, gone = len(found.there), found.saves, len(found.checkpoints) - len(found.there)
    beside = [f"{uris:,} URIs"] if uris != saves else []
    beside += [f"{found.new_checkpoints:,} new", *([f"{gone:,} more are missing"] if gone else [])]
    return f"{output.plural(saves, 'checkpoint')} ({', '.join(beside)})"


def _data_of(data: Any) -> dict[str, Any]:
    from charbench.datasets.health import findings

    return {"data_why": data.why if data else None, "data_findings": findings(data.health) if data else None}


def _counts(findings: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {title}" for title, count in findings.items()) or "nothing found"


def _as_dict(found: Any) -> dict[str, Any]:
    return {
        "jobs": [
            {
                "job_id": job.job_id,
                "run": job.run,
                "persona": job.persona,
                "examples": job.examples,
                "status": job.status.value,
                "checkpoint": job.checkpoint,
                "sampler": job.sampler,
                "dataset": job.dataset,
                **_data_of(found.plan.data.get(job.job_id)),
            }
            for job in found.plan.jobs
        ],
        "left_out": [{"run": i.run, "persona": i.persona, "reason": i.reason} for i in found.plan.left_out],
        "checkpoints": len(found.there),
        "saves": found.saves,
        "gone_checkpoints": len(found.checkpoints) - len(found.there),
        "new_checkpoints": found.new_checkpoints,
        "recorded_samples": found.recorded,
        "contradictions": [str(item) for item in found.contradictions],
        "problems": found.problems,
        "idle_sources": found.idle,
        "looked_at": {
            "files": found.looked_at.files,
            "seconds": found.looked_at.seconds,
            **{f"files_with_{what}": sorted(paths) for what, paths in found.looked_at.held.items()},
            "unused": found.looked_at.unused,
            "limits": found.looked_at.limits,
            "promising": found.looked_at.promising,
        },
        "failures": found.failures,
    }
