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
@click.option(
    "--rescore",
    is_flag=True,
    help="Also score again what an earlier version of a plugin's code has scored, at any cost.",
)
@options.quiet
@options.as_json
def command(json_output: bool, quiet: bool, rescore: bool, **given: Any) -> int:
    """Score the samples in the store that have no score yet; send no sampling requests.

    Where the code of a plugin's scorer has changed, scores that cost nothing are always made anew. Those of a judge
    stay, shown as old, until --rescore, which says first how many requests it sends.
    """
    from charbench.concurrency.interrupt import stop_on_interrupt
    from charbench.run.rescoring import rescoring_lines
    from charbench.run.result import Stage
    from charbench.run.runner import Runner

    session = options.open_session(**given)
    with stop_on_interrupt(session.config.stop_grace) as stop:
        runner = Runner(session, output.this_command(), stop, quiet=quiet or json_output, rescore=rescore)
        components = runner.components([Stage.SCORE])
        for line in rescoring_lines(session, components.scorers, components.personas) if rescore else ():
            output.say(line, quiet=quiet)
        result = runner.run([Stage.SCORE], components=components)
    return finish(session, result, json_output=json_output, quiet=quiet)
