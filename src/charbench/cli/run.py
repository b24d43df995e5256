"""``charbench run``: the product."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output


@click.command("run")
@options.where
@options.components
@click.option("--sampler", "samplers", multiple=True, metavar="NAME", help="Sampler. [default: recorded]")
@click.option("--scorer", "scorers", multiple=True, metavar="NAME", help="Scorer. [default: keyword]")
@options.selection
@options.job_policy
@options.quiet
@options.as_json
def command(json_output: bool, quiet: bool, **given: Any) -> int:
    """Do everything that is not done yet: discover, sample, score, and report.

    A second run does nothing; a run that was stopped goes on where it was.
    """
    from charbench.cli.show import show_report
    from charbench.engine.interrupt import stop_on_interrupt
    from charbench.engine.run import Runner

    session = options.open_session(**given)
    typed = output.this_command()
    with stop_on_interrupt() as stop:
        result = Runner(session, typed, stop, quiet=quiet or json_output).run()
    if result.discovery:
        output.warn(map(str, result.discovery.contradictions), limit=5)
    output.warn([*session.personas.faults, *result.warnings])
    for failure in result.failures:
        output.say(f"failed: {failure}")
    added = result.counts
    if result.did_nothing and not result.interrupted:
        output.say("Nothing to do: everything is in the store already.", quiet=quiet)
    else:
        parts = [
            output.plural(added.get("checkpoints", 0), "checkpoint"),
            output.plural(added.get("samples", 0), "sample"),
            f"{output.plural(added.get('scores', 0), 'sample')} scored",
        ]
        output.say(f"Added {parts[0]} and {parts[1]}; {parts[2]}.", quiet=quiet)
    show_report(session, json_output=json_output, run=result)
    if result.interrupted:
        output.say(f"Interrupted. Go on with: {typed}")
        return 130
    return 1 if result.failures else 0
