"""``charbench eval-complete``: every result of a training job."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output
from charbench.cli.finish import finish
from charbench.domain.dataset import JobStatus


@click.command("eval-complete")
@options.where
@options.components
@options.endpoint
@click.option(
    "--sampler", "samplers", multiple=True, metavar="NAME", help="Sampler. [default: the first that accepts it]"
)
@click.option(
    "--scorer", "scorers", multiple=True, metavar="NAME", help="Scorer. [default: those marked in plugins list]"
)
@click.option("-p", "--persona", "personas", multiple=True, metavar="NAME", help="Only this persona.")
@options.asking
@options.quiet
@options.as_json
def command(json_output: bool, quiet: bool, **given: Any) -> int:
    """Sample and score the results of all complete training jobs, and report."""
    from charbench.concurrency.interrupt import stop_on_interrupt
    from charbench.run.evaluate import evaluate
    from charbench.run.result import Stage
    from charbench.run.runner import Runner
    from charbench.store.jobs import read_jobs

    session = options.open_session(**given)
    with session.existing_database().read() as connection:
        jobs = [job for job in read_jobs(connection) if job.status is JobStatus.COMPLETE]
    uris = [uri for job in jobs if (uri := job.result_sampler or job.result)]
    if not uris:
        output.say("No complete training jobs; charbench train --all trains the pending ones.", quiet=quiet)
        if json_output:
            output.print_json({"metric": None, "samples": 0, "errors": 0, "personas": [], "checkpoints": []})
        return 0
    session = session.with_checkpoints(uris)
    with stop_on_interrupt(session.config.stop_grace) as stop:
        runner = Runner(session, output.this_command(), stop, quiet=quiet or json_output)
        result = evaluate(runner, [Stage.SAMPLE, Stage.SCORE])
    return finish(session, result, json_output=json_output, quiet=quiet, checkpoints=uris)
