"""``charbench score``: the score stage."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output
from charbench.cli.finish import finish


@click.command("score")
@options.where
@options.components
@options.endpoint
@click.option(
    "--scorer", "scorers", multiple=True, metavar="NAME", help="Scorer. [default: those marked in plugins list]"
)
@options.selection
@options.quiet
@options.as_json
def command(json_output: bool, quiet: bool, **given: Any) -> int:
    """Score the samples in the store that have no score yet; send no sampling requests."""
    from charbench.concurrency.interrupt import stop_on_interrupt
    from charbench.run.result import Stage
    from charbench.run.runner import Runner

    session = options.open_session(**given)
    with stop_on_interrupt(session.config.stop_grace) as stop:
        result = Runner(session, output.this_command(), stop, quiet=quiet or json_output).run([Stage.SCORE])
    return finish(session, result, json_output=json_output, quiet=quiet)
