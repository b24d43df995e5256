"""``charbench eval``: one checkpoint, sampled and scored."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output
from charbench.cli.finish import finish


@click.command("eval")
@options.where
@options.components
@options.endpoint
@click.option(
    "--sampler", "samplers", multiple=True, metavar="NAME", help="Sampler. [default: the first that accepts it]"
)
@click.option(
    "--scorer", "scorers", multiple=True, metavar="NAME", help="Scorer. [default: those marked in plugins list]"
)
@options.named_checkpoints
@click.option(
    "-p",
    "--persona",
    "personas",
    multiple=True,
    metavar="NAME",
    help="Persona to score for. [default: the checkpoint's own]",
)
@options.asking
@options.quiet
@options.as_json
def command(json_output: bool, quiet: bool, **given: Any) -> int:
    """Sample a checkpoint, score it for a persona, and report, whether or not a source found it."""
    from charbench.concurrency.interrupt import stop_on_interrupt
    from charbench.run.evaluate import evaluate
    from charbench.run.result import Stage
    from charbench.run.runner import Runner

    session = options.open_session(**given)
    with stop_on_interrupt(session.config.stop_grace) as stop:
        runner = Runner(session, output.this_command(), stop, quiet=quiet or json_output)
        result = evaluate(runner, [Stage.SAMPLE, Stage.SCORE], any_persona=True)
    return finish(session, result, json_output=json_output, quiet=quiet, checkpoints=session.config.checkpoints)
