"""``charbench diagnose``: why are there no responses?"""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output
from charbench.cli.finish import finish


@click.command("diagnose")
@options.where
@options.components
@options.endpoint
@click.option(
    "--sampler",
    "samplers",
    multiple=True,
    metavar="NAME",
    help="Sampler to use; the samples of a second one are "
    "compared with the first's. [default: the first that accepts it; for Tinker's checkpoints all that can]",
)
@click.option(
    "--scorer", "scorers", multiple=True, metavar="NAME", help="Scorer. [default: those marked in plugins list]"
)
@options.named_checkpoints
@click.option(
    "-p", "--persona", "personas", multiple=True, metavar="NAME", help="Persona, if the name does not contain it."
)
@options.asking
@options.quiet
@options.as_json
def command(json_output: bool, quiet: bool, **given: Any) -> int:
    """Probe a checkpoint whose responses are missing, and name the cause with its evidence.

    The prompts without a response are sampled again: without prefill, with a closed prefill, with thinking off,
    with four times the budget, at temperature 0, through each other sampler, and of the base model. How many
    requests these probes take, and their cost, is said before they are sent. Probes are kept apart from
    headlines. Where no sampler can ask the checkpoint, it says what the samples in the store show.
    """
    from functools import partial

    from charbench.concurrency.interrupt import stop_on_interrupt
    from charbench.diagnosis.stage import diagnose
    from charbench.run.runner import Runner

    session = options.open_session(**given)
    with stop_on_interrupt(session.config.stop_grace) as stop:
        runner = Runner(session, output.this_command(), stop, quiet=quiet or json_output)
        reports, result = diagnose(runner, partial(output.say, quiet=quiet))
    if json_output:
        output.print_json([_as_dict(report) for report in reports])
        json_output = False
    else:
        for report in reports:
            _show(report)
    return finish(session, result, json_output=json_output, quiet=True, report=False)


def _show(report: Any) -> None:
    from charbench.domain.table import Table
    from charbench.report.render.terminal import print_prose, print_table

    columns = ("Probe", "Samples", "Responses", "In character", "Thinking in character", "States")
    rows = tuple(
        (
            result.title,
            str(result.answered),
            f"{result.responses}/{result.answered}",
            f"{result.trait_in_response}/{result.responses}" if result.scored else "-",
            f"{result.trait_in_thinking}/{result.answered}" if result.scored and result.has_thinking else "-",
            ", ".join(f"{count} {state}" for state, count in _states(result)),
        )
        for result in report.results
    )
    title = f"{report.checkpoint.name} ({report.persona or 'no persona'}), sampler {', '.join(report.samplers)}"
    if report.bases:
        title += f", base model {', '.join(report.bases)}"
    print_table(Table(title, columns, rows, frozenset({"Probe", "States"})))
    click.echo(f"Cause: {report.diagnosis.cause.value}")
    for line in report.diagnosis.evidence:
        print_prose(f"  - {line}")
    print_prose(f"What to do: {report.diagnosis.advice}\n")


def _states(result: Any) -> list[tuple[str, int]]:
    return [*result.states.most_common(), *([("failed", result.failed)] if result.failed else [])]


def _as_dict(report: Any) -> dict[str, Any]:
    return {
        "checkpoint": report.checkpoint.uri,
        "name": report.checkpoint.name,
        "persona": report.persona,
        "sampler": ", ".join(report.samplers),
        "base_models": report.bases,
        "cause": report.diagnosis.cause.value,
        "decided": report.diagnosis.decided,
        "evidence": report.diagnosis.evidence,
        "advice": report.diagnosis.advice,
        "probes": [
            {
                "probe": result.title,
                "samples": result.answered,
                "failed": result.failed,
                "responses": result.responses,
                "responses_in_character": result.trait_in_response if result.scored else None,
                "thinking_in_character": result.trait_in_thinking if result.scored else None,
                "states": dict(result.states),
            }
            for result in report.results
        ],
    }
