"""``charbench verdict``: which checkpoints are viable, and what to do with the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output
from charbench.cli.written import reporter_for, write_report
from charbench.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from charbench.components.reporter import Reporter
    from charbench.report.verdict.read import ReadReport
    from charbench.run.session import Session

NOT_MET = 3
"""Exit code where a requirement is not met."""


@click.command("verdict")
@options.where
@click.option("-p", "--persona", "personas", multiple=True, metavar="NAME", help="Only this persona.")
@click.option(
    "--metric", metavar="SCORER.METRIC", help="Metric to judge by. [default: the headline that was scored first]"
)
@options.setting
@click.option(
    "--require",
    "requirements",
    multiple=True,
    metavar="VERDICT:NAME",
    help="End with exit code 3 unless this checkpoint has this verdict, such as viable:NAME.",
)
@options.formats
@options.as_json
def command(
    metric: str | None,
    settings: tuple[str, ...],
    requirements: tuple[str, ...],
    form: str,
    path: Path | None,
    json_output: bool,
    **given: Any,
) -> int:
    """Say for each checkpoint whether it is viable: whether it holds its persona, answers, and is healthy.

    Viable and not viable are said where the bounds of the rates leave no doubt; else a checkpoint is undecided, with
    the number of prompts that would decide it, or not measured, with what to run. The limits are the section
    'verdict' of the configuration.
    """
    from charbench.report.earlier_code import earlier_lines
    from charbench.report.verdict.read import read_report
    from charbench.report.verdict.tables import verdict_dict, verdict_table

    session = options.open_session(**given)
    reporter = reporter_for(session, form, path, json_output=json_output)
    found = read_report(session, session.existing_database(), metric=metric, settings=settings)
    wanted = [_requirement(one) for one in requirements]
    if json_output:
        output.print_json(verdict_dict(found))
    else:
        from charbench.report.render.terminal import print_prose, print_table

        if reporter is not None:
            _write(reporter, session, found, path)
        else:
            for line in found.summary.lines or ["No checkpoint has samples yet."]:
                print_prose(line)
            if found.report.checkpoints:
                print_table(verdict_table(found))
            for line in (*(f"  {one}" for one in found.summary.commands), *earlier_lines(found.earlier)):
                output.say(line)
    return _check(found, wanted)


def _write(reporter: Reporter, session: Session, found: ReadReport, path: Path | None) -> None:
    """Write the verdicts; a format of reports gets the whole report, which begins with them."""
    from charbench.report.verdict.tables import verdict_content

    if not reporter.of_reports:
        write_report(reporter, verdict_content(found), path)
        return
    from charbench.cli.show import report_content

    write_report(reporter, report_content(found, session.existing_database()), path)


def _requirement(text: str) -> tuple[str, str]:
    from charbench.report.verdict.decide import Viability

    verdict, colon, name = text.partition(":")
    known = [one.value.replace(" ", "-") for one in Viability]
    if not colon or not name or verdict.replace(" ", "-") not in known:
        raise UsageError(f"option --require: {text!r} is not VERDICT:NAME, with one of {', '.join(known)}")
    return verdict.replace("-", " "), name


def _check(found: Any, wanted: list[tuple[str, str]]) -> int:
    """Return the exit code: whether all rows of each name that is required have the verdict that is."""
    missed = []
    for verdict, name in wanted:
        mine = [
            one
            for row, one in zip(found.report.checkpoints, found.judgements, strict=True)
            if name == row.label or name in row.uris
        ]
        if not mine:
            known = [row.label for row in found.report.checkpoints]
            raise UnknownNameError("checkpoint", name, known)
        missed += [
            f"required: {name} to be {verdict}; it is {one.verdict.value} ({one.reason})"
            for one in mine
            if one.verdict != verdict
        ]
    for line in missed:
        output.say(line)
    return NOT_MET if missed else 0
