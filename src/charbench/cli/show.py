"""Shows a report in the form that was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import output, streams
from charbench.report.pairwise.contests import Contest, contest_columns, contest_dict, contests
from charbench.report.pairwise.tables import contest_tables
from charbench.report.render.cells import STATES_LEGEND, TIERS_LEGEND
from charbench.report.summary.insights import in_no_rate, only_in_thinking, without_score
from charbench.report.summary.robustness import Robustness, robustness, robustness_dict, robustness_table
from charbench.report.summary.rows import By, Report, build_report, row_as_dict
from charbench.store.diagnoses import latest_causes
from charbench.text.spreadsheet import no_formulas
from charbench.text.terminal import sanitize

if TYPE_CHECKING:
    from charbench.run.result import RunResult
    from charbench.run.session import Session

FORMATS = ("table", "csv", "markdown", "json")


def show_report(
    session: Session,
    *,
    by: By = By.CHECKPOINT,
    metric: str | None = None,
    form: str = "table",
    json_output: bool = False,
    run: RunResult | None = None,
    checkpoints: Sequence[str] = (),
    quiet: bool = False,
) -> None:
    """Print the report of what the store holds for the session's personas; ``quiet`` prints the tables only."""
    chosen = [persona.name for persona in session.selected_personas()]
    database = session.database if run else session.existing_database()
    with database.read() as connection:
        report = build_report(connection, by, chosen, metric, checkpoints)
        causes = latest_causes(connection)
        otherwise = robustness(connection, report.metric, chosen, checkpoints)
        played = contests(connection, chosen, checkpoints)
    if json_output or form == "json":
        content = _as_dict(report, run, causes)
        content["robustness"] = [robustness_dict(row) for row in otherwise]
        content["contests"] = [contest_dict(contest) for contest in played]
        output.print_json(content)
    elif not report.samples:
        output.say("No samples in the store yet: nothing to report.", quiet=quiet)
    elif form == "csv":
        _csv(report, played)
    else:
        lines = _tables(report, otherwise, played, form, causes)
        for line in lines:
            output.say(line, quiet=quiet)


def _tables(
    report: Report,
    otherwise: Sequence[Robustness],
    played: Sequence[Contest],
    form: str,
    causes: Mapping[str, str],
) -> list[str]:
    """Print the tables, and return what is to be said of them."""
    from charbench.report.render.markdown import markdown
    from charbench.report.render.terminal import print_table
    from charbench.report.summary.tables import report_tables

    tables = report_tables(report)
    if otherwise:
        tables.append(robustness_table(otherwise))
    tables += contest_tables(played)
    if form == "markdown":
        click.echo(markdown(tables), nl=False)
        return []
    lines: list[str] = []
    for table in tables:
        print_table(table)
        lines += table.notes
    lines.append(STATES_LEGEND)
    if report.is_rate and len(report.checkpoints) > 1:
        lines.append(TIERS_LEGEND)
    lines += [*only_in_thinking(report, causes), *without_score(report), *in_no_rate(report), *report.notes]
    verb = "is" if report.errors == 1 else "are"
    failed = f" {output.plural(report.errors, 'sample')} failed and {verb} excluded from all rates."
    ranked = _ranked(report)
    lines.append(f"{output.plural(report.samples, 'sample')}, {ranked}.{failed if report.errors else ''}")
    return lines


def _ranked(report: Report) -> str:
    if report.metric is None:
        return "scored for health only" if any(row.health for row in report.personas) else "not scored"
    if report.is_rate:
        return f"ranked by the share of all samples with the trait ({report.metric})"
    return f"ranked by the mean of {report.metric} in responses, which has no trait threshold"


def _csv(report: Report, played: Sequence[Contest]) -> None:
    import csv

    rows = report.personas if report.by is By.PERSONA else report.checkpoints
    figures = [row_as_dict(row, report.by) for row in rows]
    names = list(figures[0]) if figures else ["persona"]
    if report.by is By.CHECKPOINT:
        games = contest_columns(played)
        for row, mine in zip(rows, figures, strict=True):
            for uri, sampler in product(row.uris, row.samplers):
                mine |= games.get((row.persona, uri, sampler), {})
        names = list(dict.fromkeys([*names, *(name for more in games.values() for name in more)]))
    writer = csv.DictWriter(streams.for_data(), names, lineterminator="\n")
    writer.writeheader()
    # A name may hold a carriage return, which this line end would leave unquoted.
    shown = ({k: sanitize(v) if isinstance(v, str) else v for k, v in row.items()} for row in figures)
    writer.writerows(map(no_formulas, shown))


def _as_dict(report: Report, run: RunResult | None, causes: Mapping[str, str]) -> dict[str, Any]:
    from charbench.report.summary.standing import pair_as_dict, standing

    standings = standing(report)
    content: dict[str, Any] = {
        "metric": report.metric,
        "samples": report.samples,
        "errors": report.errors,
        "notes": report.notes,
        "only_in_thinking": only_in_thinking(report, causes),
        "personas": [row_as_dict(row, By.PERSONA) for row in report.personas],
        "persona_pairs": [pair_as_dict(pair) for pair in standings.personas],
        "checkpoints": [
            {**row_as_dict(row, report.by), "tier": tier}
            for row, tier in zip(report.checkpoints, standings.tiers, strict=True)
        ],
    }
    if run is not None:
        content["run"] = {
            "id": run.run_id,
            "status": run.status,
            "added": run.counts,
            "failures": run.failures,
            "warnings": run.warnings,
        }
    return content
