"""Shows a report in the form that was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charbench.cli import output
from charbench.cli.kept import keep_reports
from charbench.cli.written import TABLE, harmless_table, reporter_for, write_report
from charbench.components.garbage import no_collection
from charbench.components.reporter import ReportContent
from charbench.domain.table import Table
from charbench.report.captions import settings_caption
from charbench.report.caveats import caveat_lines
from charbench.report.earlier_code import earlier_lines
from charbench.report.judges import judge_dicts, judge_lines
from charbench.report.pairwise.contests import contest_columns, contest_dict
from charbench.report.pairwise.tables import contest_tables
from charbench.report.provenance import ServedRow, provenance_dicts, provenance_lines
from charbench.report.render.cells import (
    INTERVALS_LEGEND,
    NEAR_END_LEGEND,
    OTHER_PROMPTS_LEGEND,
    STATES_LEGEND,
    TIERS_LEGEND,
)
from charbench.report.settings import selection_dict, setting_lines
from charbench.report.summary.details import row_details, run_dicts
from charbench.report.summary.insights import in_no_rate, only_in_thinking, without_score
from charbench.report.summary.measured import figures as measured_figures
from charbench.report.summary.measured import measured_lines
from charbench.report.summary.panel import panel_dicts, panel_table
from charbench.report.summary.robustness import robustness_dict, robustness_table
from charbench.report.summary.rows import By, Report, row_as_dict
from charbench.report.verdict.read import ReadReport, read_report
from charbench.report.verdict.words import judgement_dict
from charbench.store.runs import newest_that_added
from charbench.text.terminal import sanitize

if TYPE_CHECKING:
    from charbench.run.result import RunResult
    from charbench.run.session import Session
    from charbench.store.database import Database


@no_collection()
def show_report(
    session: Session,
    *,
    by: By = By.CHECKPOINT,
    metric: str | None = None,
    form: str = TABLE,
    json_output: bool = False,
    run: RunResult | None = None,
    checkpoints: Sequence[str] = (),
    quiet: bool = False,
    settings: Sequence[str] = (),
    path: Path | None = None,
    steps: str | None = None,
) -> None:
    """Print the report of what the store holds for the session's personas; ``quiet`` prints the tables only.

    ``path`` is the file (for a format of several files, the folder) to write instead of stdout; ``steps`` says which
    saves of each training run are shown (:func:`charbench.run.steps.at_steps`), None all.
    """
    reporter = reporter_for(session, form, path, json_output=json_output)
    database = session.database if run else session.existing_database()
    known = read_report(
        session,
        database,
        by=by,
        metric=metric,
        checkpoints=checkpoints,
        settings=settings,
        run=run.run_id if run else None,
        steps=steps,
    )
    content = report_content(known, database, run)
    if json_output:
        output.print_json(content.data)
        return
    if not known.report.samples:
        output.say("No samples in the store yet: nothing to report.", quiet=quiet)
    if reporter is not None:
        write_report(reporter, content, path)
    elif known.report.samples:
        _print(known, content, quiet=quiet)
        if run is not None:
            with database.read() as connection:
                newest = newest_that_added(connection)
            keep_reports(session, content, newest, quiet=quiet)


def _print(known: ReadReport, content: ReportContent, *, quiet: bool) -> None:
    """Print the tables on stdout, and around them what is to be said."""
    from charbench.report.render.terminal import print_table

    for line in (*known.summary.lines, *(f"  {command}" for command in known.summary.commands)):
        output.say(line, quiet=quiet)
    tables = _report_tables(known)
    for table in tables:
        print_table(table)
    for line in [*(note for table in tables for note in table.notes), *content.notes]:
        output.say(line, quiet=quiet)


def report_content(known: ReadReport, database: Database, run: RunResult | None = None) -> ReportContent:
    """Return a report for a reporter, which reads of it what it needs."""
    report, selection = known.report, known.selection
    rows = report.checkpoints or report.personas

    def everything() -> dict[str, Any]:
        content = _everything(known, run) | selection_dict(selection)
        for figures, row, origin in zip(content["checkpoints"], report.checkpoints, known.origins, strict=True):
            figures |= row_details(row, origin) | {"provenance": provenance_dicts(row.groups, known.served)}
        return content

    def newest_runs() -> list[dict[str, Any]]:
        with database.read() as connection:
            return run_dicts(connection)

    def some_samples(most: int, zeros: bool) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        from charbench.report.shown_samples import shown_samples

        counted = {number for row in rows for number in row.groups}
        groups = [one for one in selection.groups if one.id in counted]
        ranked_by = [report.metric] if report.metric else []
        return shown_samples(database, selection, groups, most, None if zeros else ranked_by)

    served_rows = [ServedRow(row.label, row.groups, sorted(row.uris)) for row in rows]
    limits = [
        *earlier_lines(known.earlier),
        *_measured_lines(known),
        *judge_lines(known.judges),
        *caveat_lines(known.caveats),
        *provenance_lines(served_rows, known.served),
        *setting_lines(selection),
    ]
    told = _said(known, limits) if report.samples else limits
    return ReportContent(
        lambda: [harmless_table(table) for table in _report_tables(known)],
        lambda: [_harmless_row(row) for row in _figures(known)],
        everything,
        [sanitize(line) for line in told],
        some_samples,
        newest_runs,
        sanitize(settings_caption(selection.settings.values())),
    )


def _harmless_row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: sanitize(value) if isinstance(value, str) else value for name, value in row.items()}


def _measured_lines(known: ReadReport) -> list[str]:
    report = known.report
    if report.metric is None:
        return []
    scorers = {persona: report.metric_of.get(persona, report.metric).partition(".")[0] for persona in report.measured}
    old = {(one.name, persona) for one in known.earlier for persona in one.personas}  # told by a line of its own
    of_today = {persona: one for persona, one in report.measured.items() if (scorers[persona], persona) not in old}
    return measured_lines(scorers, of_today)


def _report_tables(known: ReadReport) -> list[Table]:
    from charbench.report.summary.tables import report_tables

    tables = report_tables(known.report, [one.verdict.value for one in known.judgements])
    if known.panel:
        tables.append(panel_table(known.panel))
    if known.robustness:
        tables.append(robustness_table(known.robustness))
    return tables + contest_tables(known.contests)


def _said(known: ReadReport, limits: Sequence[str]) -> list[str]:
    """Return what is to be said of a report in every format: legends, caveats, the metric and the counts."""
    report = known.report
    old = {one.name for one in known.earlier}
    lines = [STATES_LEGEND]
    if report.is_rate and len(report.checkpoints) > 1:
        lines.append(TIERS_LEGEND)
    lines.append(INTERVALS_LEGEND)
    if not report.is_rate and any(row.mean_of_responses.near_end for row in report.checkpoints or report.personas):
        lines.append(NEAR_END_LEGEND)
    if any(row.shared is not None for row in report.checkpoints):
        lines.append(OTHER_PROMPTS_LEGEND)
    lines += [*limits, *only_in_thinking(report, known.causes, known.diagnosing), *without_score(report, old)]
    lines += [*in_no_rate(report), *report.notes]
    verb = "is" if report.errors == 1 else "are"
    failed = f" {output.plural(report.errors, 'sample')} failed and {verb} excluded from all rates."
    ranked = _ranked(report)
    lines.append(f"{output.plural(report.samples, 'sample')}, {ranked}.{failed if report.errors else ''}")
    if apart := report.filtered + report.tool_calls:
        verb = "was" if apart == 1 else "were"
        said = f"{output.plural(apart, 'reply')} {verb} ended by a content filter or called a tool"
        lines.append(f"{said}: excluded from all rates, too.")
    return lines


def _ranked(report: Report) -> str:
    if report.metric is None:
        return "scored for health only" if any(row.health for row in report.personas) else "not scored"
    if report.is_rate:
        return f"ranked by the share of all samples with the trait ({report.metric})"
    return f"ranked by the mean of {report.metric} in responses, which has no trait threshold"


def _figures(known: ReadReport) -> list[dict[str, Any]]:
    """Return the figures of each row; all rows have the same names."""
    report, selection = known.report, known.selection
    rows = report.personas if report.by is By.PERSONA else report.checkpoints
    figures = [
        row_as_dict(row, report.by, is_rate=report.is_rate)
        | {"setting": selection.settings[row.persona].id}
        | measured_figures(report.measured.get(row.persona))
        for row in rows
    ]
    if report.by is By.CHECKPOINT:
        for mine, one in zip(figures, known.judgements, strict=True):
            mine |= {"verdict": one.verdict.value, "verdict_reason": one.reason}
        games = contest_columns(known.contests)
        for row, mine in zip(rows, figures, strict=True):
            for uri, sampler in product(row.uris, row.samplers):
                mine |= games.get((row.persona, uri, sampler), {})
    return figures


def _everything(known: ReadReport, run: RunResult | None) -> dict[str, Any]:
    content = _as_dict(known.report, run, only_in_thinking(known.report, known.causes, known.diagnosing))
    for figures, row, one in zip(content["checkpoints"], known.report.checkpoints, known.judgements, strict=True):
        figures |= judgement_dict(row, one)
    return {
        **content,
        "verdict": {"lines": list(known.summary.lines), "commands": list(known.summary.commands)},
        "caveats": [asdict(one) for one in known.caveats],
        "earlier_code": [asdict(one) for one in known.earlier],
        "robustness": [robustness_dict(row) for row in known.robustness],
        "contests": [contest_dict(contest) for contest in known.contests],
        "judges": judge_dicts(known.judges),
        "panel": panel_dicts(known.panel),
    }


def _as_dict(report: Report, run: RunResult | None, in_thinking: Sequence[str]) -> dict[str, Any]:
    from charbench.report.summary.standing import tiers_of_report

    content: dict[str, Any] = {
        "metric": report.metric,
        "metric_of": dict(report.metric_of),
        "measured": {name: one and one.to_json() for name, one in report.measured.items()},
        "samples": report.samples,
        "errors": report.errors,
        "filtered": report.filtered,
        "tool_calls": report.tool_calls,
        "notes": report.notes,
        "only_in_thinking": list(in_thinking),
        "personas": [row_as_dict(row, By.PERSONA, is_rate=report.is_rate) for row in report.personas],
        "checkpoints": [
            {**row_as_dict(row, report.by, is_rate=report.is_rate), "tier": tier}
            for row, tier in zip(report.checkpoints, tiers_of_report(report), strict=True)
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
