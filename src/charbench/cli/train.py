"""``charbench train``: run training jobs."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output
from charbench.cli.finish import finish
from charbench.errors import UsageError


@click.command("train")
@options.where
@options.components
@click.option("-c", "--checkpoint", "runs", multiple=True, metavar="RUN", help="Job or run to train.")
@click.option("--all", "everything", is_flag=True, help="Train every pending job.")
@click.option("--recipe", metavar="NAME", help="Recipe of the trainer. [default: the trainer's first]")
@click.option("--quick", "shorthand", flag_value="quick", help="Short for --recipe quick.")
@click.option("--paper", "shorthand", flag_value="paper", help="Short for --recipe paper.")
@click.option("--parallel", type=click.IntRange(1, 64), help="Parallel jobs. [default: 1]")
@click.option("--force", is_flag=True, default=None, help="Train on data that fails the health check.")
@click.option("--trainer", "trainers", multiple=True, metavar="NAME", help="Trainer. [default: all installed]")
@options.quiet
@options.as_json
def command(
    runs: tuple[str, ...],
    everything: bool,
    recipe: str | None,
    shorthand: str | None,
    json_output: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Train the checkpoints whose introspection data is available.

    A job resumes from its last saved state. If it fails, 'charbench status' shows why, and the other jobs
    continue.
    """
    from charbench.concurrency.interrupt import stop_on_interrupt
    from charbench.run.result import Stage
    from charbench.run.runner import Runner
    from charbench.store.jobs import read_jobs
    from charbench.training.left_out import make_jobs

    if bool(runs) == everything:
        raise UsageError("say which jobs: -c RUN (repeatable), or --all")
    if recipe and shorthand:
        raise UsageError(f"--recipe names the recipe already; leave out --{shorthand}")
    session = options.open_session(**given, recipe=recipe or shorthand).with_all_trainers()
    make_jobs(session.database, runs, session.policy, session.personas.aliases, force=session.config.force)
    with session.database.read() as connection:
        jobs = read_jobs(connection)
    if not jobs:
        output.say("No training jobs; charbench discover finds them.", quiet=quiet)
        if json_output:
            output.print_json({"id": None, "status": "done", "added": {}, "failures": []})
        return 0
    with stop_on_interrupt(session.config.stop_grace) as stop:
        runner = Runner(session, output.this_command(), stop, quiet or json_output, output.train_command)
        result = runner.run([Stage.TRAIN], list(runs) if runs else None)
    idle = "Nothing to train: no job is pending."
    return finish(session, result, json_output=json_output, quiet=quiet, report=False, idle=idle)
