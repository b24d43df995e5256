"""``charbench compare``: which of these is better, and how sure is that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output
from charbench.cli.written import harmless_table, reporter_for, write_report
from charbench.errors import UsageError

if TYPE_CHECKING:
    from charbench.components.reporter import Reporter

BY = ("examples", "recipe", "kind", "base")


@click.command("compare")
@click.argument("checkpoints", nargs=-1, metavar="A B ...")
@options.where
@click.option("-p", "--persona", "personas", multiple=True, metavar="NAME", help="Only checkpoints of this persona.")
@click.option("--by", type=click.Choice(BY), help="Compare groups of checkpoints; without any named, of all.")
@click.option(
    "--metric",
    metavar="SCORER.METRIC",
    help="What to compare, or 'responses'. [default: the headline that was scored first]",
)
@click.option("--sampler", metavar="NAME", help="Compare this sampler's samples. [default: the one most have]")
@options.setting
@click.option(
    "--across", metavar="WHAT", help="Compare settings of each checkpoint: thinking, temperature, prompts, sampler, ..."
)
@click.option("--prompts", type=click.IntRange(0, 100), default=3, show_default=True, help="Number of prompts to show.")
@options.formats
@options.as_json
def command(
    checkpoints: tuple[str, ...],
    by: str | None,
    metric: str | None,
    sampler: str | None,
    prompts: int,
    settings: tuple[str, ...],
    across: str | None,
    form: str,
    path: Path | None,
    json_output: bool,
    **given: Any,
) -> None:
    """Compare checkpoints, each a name, URI or run, and test which differ significantly.

    Checkpoints of one persona are compared prompt by prompt; those of different personas share no prompts'
    judgement and are compared unpaired. p-values are adjusted after Holm over all pairs; brackets hold 95%
    intervals; no two checkpoints of one tier differ significantly.

    Checkpoints are compared in one setting; --across compares settings that differ in one thing, paired by prompt.

    Of exactly two it also shows the lift of each marker: which words of the character the first uses more than
    the second (or than the base model), on the same prompts.
    """
    from charbench.report.compare.build import ComparisonRequest, build_comparison
    from charbench.report.compare.groups import GroupBy
    from charbench.report.earlier_code import installed

    if across and (by or sampler or not checkpoints):
        raise UsageError("option --across: name checkpoints, and neither --by nor --sampler")
    if not checkpoints and by is None:
        raise UsageError("name two checkpoints or more to compare, or groups of them with --by")
    session = options.open_session(**given)
    personas = [persona.name for persona in session.selected_personas()]
    question = ComparisonRequest(
        checkpoints, GroupBy(by) if by else None, metric, sampler, personas, prompts, settings, across
    )
    with session.existing_database().read() as connection:
        answer = build_comparison(connection, question, installed(session.plugins))
    reporter = reporter_for(session, form, path)
    if json_output:
        from charbench.report.compare.json_form import comparison_as_dict

        output.print_json(comparison_as_dict(answer))
        return
    _print(answer, reporter, path)


def _print(answer: Any, reporter: Reporter | None, path: Path | None) -> None:
    from charbench.report.compare.json_form import comparison_as_dict, pair_rows
    from charbench.report.compare.marker_tables import MARKERS_LEGEND, marker_table
    from charbench.report.compare.tables import comparison_tables, gap_table, sentences
    from charbench.report.render.terminal import print_table
    from charbench.text.terminal import sanitize

    tables, lines = comparison_tables(answer), sentences(answer)
    markers = [marker_table(lifts) for lifts in answer.markers]
    gaps = [gap_table(answer)] if answer.gaps else []
    notes = [*answer.notes, MARKERS_LEGEND] if markers else answer.notes
    if answer.question.prompts and not answer.gaps and any(pair.difference.paired for pair in answer.comparison.pairs):
        lines.append("No shared prompt shows a difference.")
    if reporter is not None:
        shown = [sanitize(line) for line in (*lines, *notes)]
        from charbench.components.reporter import ReportContent

        content = ReportContent(
            lambda: [harmless_table(table) for table in (*tables, *markers, *gaps)],
            lambda: pair_rows(answer),
            lambda: comparison_as_dict(answer),
            shown,
        )
        write_report(reporter, content, path)
        return
    for table in tables:
        print_table(table)
    for line in lines:
        click.echo(sanitize(line))
    for table in [*markers, *gaps]:
        print_table(table)
    for note in notes:
        output.say(note)
