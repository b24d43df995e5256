"""``charbench compare``: which of these is better, and how sure is that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output
from charbench.cli.written import harmless_table, reporter_for, write_report
from charbench.errors import UsageError

if TYPE_CHECKING:
    from charbench.components.reporter import ReportContent
    from charbench.domain.table import Table
    from charbench.report.compare.build import ComparisonReport
    from charbench.run.session import Session

BY = ("examples", "recipe", "kind", "base")


@click.command("compare")
@click.argument("checkpoints", nargs=-1, metavar="A B ...")
@options.where
@click.option("-p", "--persona", "personas", multiple=True, metavar="NAME", help="Only checkpoints of this persona.")
@click.option("--by", type=options.Choice(BY), help="Compare groups of checkpoints; without any named, of all.")
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
    --across prompts compares, unpaired, the prompts that only one of two sets has.

    Of exactly two it also shows the lift of each marker: which words of the character the first uses more than
    the second (or than the base model), on the same prompts.
    """
    from charbench.report.compare.build import ComparisonRequest, build_comparison
    from charbench.report.compare.groups import GroupBy
    from charbench.report.earlier_code import Installed

    if across is not None and (by or sampler or not checkpoints):
        raise UsageError("option --across: name checkpoints, and neither --by nor --sampler")
    if not checkpoints and by is None:
        raise UsageError("name two checkpoints or more to compare, or groups of them with --by")
    session = options.open_session(**given)
    personas = [persona.name for persona in session.selected_personas()]
    question = ComparisonRequest(
        checkpoints, GroupBy(by) if by else None, metric, sampler, personas, prompts, settings, across
    )
    reporter = reporter_for(session, form, path, json_output=json_output)
    if reporter is not None and reporter.of_reports and across:
        raise UsageError(
            f"--format {form} shows one setting of each checkpoint, and not a comparison --across settings"
        )
    with session.existing_database().read() as connection:
        answer = build_comparison(connection, question, Installed(session))
    if json_output:
        from charbench.report.compare.json_form import comparison_as_dict

        output.print_json(comparison_as_dict(answer))
    elif reporter is None:
        _print(answer)
    elif reporter.of_reports:
        write_report(reporter, _report_of(session, answer), path)
    else:
        write_report(reporter, _content(answer), path)


def _report_of(session: Session, answer: ComparisonReport) -> ReportContent:
    """Return the report of the checkpoints that are compared; it begins with what the comparison says of them."""
    from charbench.cli.show import report_content
    from charbench.report.verdict.read import read_report
    from charbench.text.terminal import sanitize

    question, comparison = answer.question, answer.comparison
    uris = sorted({uri for side in comparison.sides for uri in side.uris})
    metric = None if comparison.measure.is_responses else comparison.measure.name
    database = session.existing_database()
    known = read_report(session, database, metric=metric, checkpoints=uris, settings=question.settings)
    content = report_content(known, database)
    said = [sanitize(line) for line in _said(answer)[0]]

    def data() -> dict[str, Any]:
        whole, shown = content.data, {row.persona for row in known.report.checkpoints}
        verdict = {**whole["verdict"], "lines": [*said, *whole["verdict"]["lines"]]}
        settings = {persona: one for persona, one in whole["settings"].items() if persona in shown}
        return {**whole, "verdict": verdict, "settings": settings}

    return replace(content, read_data=data)


def _content(answer: ComparisonReport) -> ReportContent:
    """Return a comparison for a reporter."""
    from charbench.components.reporter import ReportContent
    from charbench.report.captions import settings_caption
    from charbench.report.compare.json_form import comparison_as_dict, pair_rows
    from charbench.text.terminal import sanitize

    lines, notes = _said(answer)
    first, last = _tables(answer)
    settings = answer.selection.settings.values() if answer.selection else ()
    personas = {persona for side in answer.comparison.sides for persona, _ in side.units}
    return ReportContent(
        lambda: [harmless_table(table) for table in (*first, *last)],
        lambda: pair_rows(answer),
        lambda: comparison_as_dict(answer),
        [sanitize(line) for line in (*lines, *notes)],
        caption=sanitize(settings_caption(one for one in settings if one.persona in personas)),
    )


def _print(answer: ComparisonReport) -> None:
    from charbench.report.render.terminal import print_prose, print_table

    first, last = _tables(answer)
    lines, notes = _said(answer)
    for table in first:
        print_table(table)
    for line in lines:
        print_prose(line)
    for table in last:
        print_table(table)
    for note in notes:
        output.say(note)


def _tables(answer: ComparisonReport) -> tuple[list[Table], list[Table]]:
    """Return the tables that stand before what is said of the comparison, and those after it."""
    from charbench.report.compare.marker_tables import marker_table
    from charbench.report.compare.tables import comparison_tables, gap_table

    last = [marker_table(lifts) for lifts in answer.markers]
    return comparison_tables(answer), [*last, *([gap_table(answer)] if answer.gaps else [])]


def _said(answer: ComparisonReport) -> tuple[list[str], list[str]]:
    """Return what the comparison says, and what limits it."""
    from charbench.analysis.clusters import ClusteredMean
    from charbench.report.compare.marker_tables import MARKERS_LEGEND
    from charbench.report.compare.tables import sentences
    from charbench.report.render.cells import NEAR_END_LEGEND

    lines = sentences(answer)
    if answer.question.prompts and not answer.gaps and any(pair.difference.paired for pair in answer.comparison.pairs):
        lines.append("No shared prompt shows a difference.")
    near = any(isinstance(one, ClusteredMean) and one.near_end for one in answer.comparison.estimates)
    legends = [*([NEAR_END_LEGEND] if near else []), *([MARKERS_LEGEND] if answer.markers else [])]
    return lines, [*answer.notes, *legends]
