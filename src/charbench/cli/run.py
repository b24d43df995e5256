"""``charbench run``: the product."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output
from charbench.cli.dry_run import show_dry_run
from charbench.cli.finish import finish
from charbench.errors import UsageError


@click.command("run")
@options.where
@options.components
@options.endpoints
@click.option(
    "--trainer", "trainers", multiple=True, metavar="NAME", help="Trainer. [default: none; jobs stay pending]"
)
@click.option(
    "--sampler", "samplers", multiple=True, metavar="NAME", help="Sampler. [default: those marked in plugins list]"
)
@click.option(
    "--scorer", "scorers", multiple=True, metavar="NAME", help="Scorer. [default: those marked in plugins list]"
)
@options.selection
@options.job_policy
@options.asking
@options.steps
@click.option(
    "--base/--no-base",
    "base",
    default=None,
    help="Sample base models on the same prompts, or leave them out. [default: beside checkpoints that have samples "
    "to take]",
)
@options.workers
@click.option("--no-train", is_flag=True, help="Do not train; leave the jobs pending.")
@click.option("--fresh", is_flag=True, help="Start with an empty store; the old one is kept as a backup beside it.")
@click.option("--dry-run", is_flag=True, help="Discover, and show what would be trained and sampled; send no requests.")
@options.quiet
@options.as_json
def command(
    json_output: bool,
    quiet: bool,
    no_train: bool,
    fresh: bool,
    dry_run: bool,
    workers: str | None,
    num_workers: int | None,
    worker_gpus: float | None,
    **given: Any,
) -> int:
    """Discover, train, sample, score and report everything that is not done yet.

    A second run does nothing; a stopped run resumes where it stopped.
    """
    from charbench.concurrency.interrupt import stop_on_interrupt
    from charbench.run.result import Stage
    from charbench.run.runner import Runner
    from charbench.store.backup import set_aside

    if fresh and dry_run:
        raise UsageError("--dry-run only shows what a run would do, and backs up no store; leave --fresh out")
    session = options.open_session(**given)
    placed = options.placed_workers(session, workers, num_workers, worker_gpus)
    if dry_run:
        return show_dry_run(session, trains=not no_train, json_output=json_output)
    stages = [stage for stage in Stage if not (no_train and stage is Stage.TRAIN)]
    with stop_on_interrupt(session.config.stop_grace) as stop:
        silent = quiet or json_output
        runner = Runner(session, output.this_command(), stop, silent, output.train_command, adds_bases=True)
        runner.workers = placed
        components = runner.components(stages, fresh=fresh)  # before the old store is put aside
        if fresh and (kept := set_aside(session.config.store_url, session.config.folder)):
            output.say(f"The old store is backed up as {kept}.", quiet=quiet)
        result = runner.run(stages, components=components)
    waiting = len(result.discovery.plan.jobs_waiting) if result.discovery else 0
    if waiting and not session.config.trainers and not result.interrupted:
        verb, them = ("is pending", "it") if waiting == 1 else ("are pending", "them")
        result.notes.append(f"{output.plural(waiting, 'training job')} {verb}; charbench train --all trains {them}.")
    return finish(session, result, json_output=json_output, quiet=quiet)
