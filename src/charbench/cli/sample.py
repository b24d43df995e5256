"""``charbench sample``: the sample stage, or one prompt to look at."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output
from charbench.cli.finish import finish
from charbench.errors import UsageError


@click.command("sample")
@options.where
@options.components
@options.endpoint
@click.option(
    "--sampler", "samplers", multiple=True, metavar="NAME", help="Sampler. [default: the first that accepts it]"
)
@options.selection
@options.asking
@options.steps
@click.option(
    "--prompt", "text", metavar="TEXT", help="Sample this prompt once (or --epochs N times), and print the response."
)
@options.quiet
@options.as_json
def command(text: str | None, json_output: bool, quiet: bool, **given: Any) -> int:
    """Sample the selected checkpoints; with --prompt, sample one prompt and show thinking and response."""
    from charbench.concurrency.interrupt import stop_on_interrupt
    from charbench.run.evaluate import ask_once, evaluate
    from charbench.run.result import Stage
    from charbench.run.runner import Runner

    if text is not None:
        given["epochs"] = given["epochs"] or 1  # one answer to look at, however often the lab's prompts are asked
    session = options.open_session(**given)
    if text is not None and not session.config.checkpoints:
        raise UsageError("--prompt needs a checkpoint: -c URI or NAME")
    with stop_on_interrupt(session.config.stop_grace) as stop:
        runner = Runner(session, output.this_command(), stop, quiet=quiet or json_output or text is not None)
        if text is not None:
            samples, result = ask_once(runner, text)
        else:
            result = evaluate(runner, [Stage.SAMPLE])
    if text is None:
        return finish(session, result, json_output=json_output, quiet=quiet, report=False)
    _show(samples, json_output=json_output)
    return finish(session, result, json_output=False, quiet=True, report=False)


def _show(samples: Any, *, json_output: bool) -> None:
    from charbench.text.terminal import sanitize

    if json_output:
        output.print_json(
            [
                {"checkpoint": s.checkpoint, "epoch": s.epoch, "state": s.state.value, "thinking": s.thinking,
                 "response": s.response, "finish_reason": s.finish_reason, "latency_seconds": s.latency}
                for s in samples
            ]
        )  # fmt: skip
        return
    answers = 1 + max((sample.epoch for sample in samples), default=0)
    for sample in samples:
        number = f"answer {sample.epoch + 1} of {answers}: " if answers > 1 else ""
        seconds = f", {sample.latency:.1f} s" if sample.latency is not None else ""
        click.echo(f"{sanitize(sample.checkpoint)} ({number}{sample.state.value}, {sample.finish_reason}{seconds})")
        click.echo(f"--- thinking ({len(sample.thinking):,} characters)\n{sanitize(sample.thinking)}")
        click.echo(f"--- response ({len(sample.response):,} characters)\n{sanitize(sample.response)}\n")
