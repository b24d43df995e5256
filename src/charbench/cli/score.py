"""``charbench score``: the score stage."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output
from charbench.cli.finish import finish
from charbench.errors import UsageError


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
@click.option(
    "--keep-scores", is_flag=True, help="Take such scores for today's, where the change of the code does not matter."
)
@options.quiet
@options.as_json
def command(json_output: bool, quiet: bool, rescore: bool, keep_scores: bool, **given: Any) -> int:
    """Score the samples in the store that have no score yet; send no sampling requests.

    Where the code of a plugin's scorer has changed, scores that cost nothing are always made anew. Those of a judge
    stay, shown as old, until --rescore, which says first how many requests it sends.
    """
    from charbench.concurrency.interrupt import stop_on_interrupt
    from charbench.run.rescoring import rescoring_lines
    from charbench.run.result import Stage
    from charbench.run.runner import Runner
    from charbench.store.code_versions import OldScores

    if rescore and keep_scores:
        raise UsageError("options --rescore and --keep-scores exclude each other")
    old = OldScores.AGAIN if rescore else OldScores.KEPT if keep_scores else OldScores.LEFT
    session = options.open_session(**given)
    with stop_on_interrupt(session.config.stop_grace) as stop:
        runner = Runner(session, output.this_command(), stop, quiet=quiet or json_output, old_scores=old)
        components = runner.components([Stage.SCORE])
        for line in rescoring_lines(session, components.scorers, components.personas) if rescore else ():
            output.say(line, quiet=quiet)
        result = runner.run([Stage.SCORE], components=components)
    return finish(session, result, json_output=json_output, quiet=quiet)
