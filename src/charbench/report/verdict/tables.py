"""Verdicts as a table, as rows and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from charbench.components.reporter import ReportContent
from charbench.domain.table import Table
from charbench.report.captions import report_caption, settings_caption
from charbench.report.earlier_code import earlier_lines
from charbench.report.render.cells import finite, percent_with_interval, whole
from charbench.report.verdict.read import ReadReport
from charbench.report.verdict.words import command_of, judgement_dict
from charbench.text.terminal import sanitize


def verdict_table(known: ReadReport) -> Table:
    """Return a row for each checkpoint: its verdict, its two rates, and why."""
    rows = tuple(
        (
            one.verdict.value,
            sanitize(row.label),
            sanitize(row.persona),
            whole(row.totals.get("samples", 0)),
            percent_with_interval(row.trait),
            percent_with_interval(row.responses),
            sanitize(one.reason) + (f"; about {one.prompts:,} prompts would decide" if one.prompts else ""),
        )
        for row, one in zip(known.report.checkpoints, known.judgements, strict=True)
    )
    columns = ("Verdict", "Checkpoint", "Persona", "Samples", "Trait rate [95%]", "Responses [95%]", "Why")
    left = frozenset({"Verdict", "Checkpoint", "Persona", "Why"})
    alike = ("Persona",) if len({row.persona for row in known.report.checkpoints}) == 1 else ()
    return Table("Verdicts", columns, rows, left, (), alike, report_caption(known.report))


def verdict_rows(known: ReadReport) -> list[dict[str, Any]]:
    """Return the verdict of each checkpoint as a flat row."""
    return [
        {
            "checkpoint": sanitize(row.label),
            "persona": sanitize(row.persona),
            "kind": "/".join(sorted(row.kinds)),
            "verdict": one.verdict.value,
            "reason": sanitize(one.reason),
            "prompts_that_would_decide": one.prompts,
            "command": command_of(row, one),
            **{
                f"{criterion.name.replace(' ', '_')}{end}": finite(getattr(criterion, field))
                for criterion in one.criteria
                for end, field in (("", "value"), ("_low", "low"), ("_high", "high"))
            },
        }
        for row, one in zip(known.report.checkpoints, known.judgements, strict=True)
    ]


def verdict_dict(known: ReadReport) -> dict[str, Any]:
    """Return the verdicts and what they come to, for JSON."""
    return {
        "metric": known.report.metric,
        "lines": list(known.summary.lines),
        "commands": list(known.summary.commands),
        "checkpoints": [
            {
                "checkpoint": row.label,
                "persona": row.persona,
                "checkpoint_uris": sorted(row.uris),
                **judgement_dict(row, one),
            }
            for row, one in zip(known.report.checkpoints, known.judgements, strict=True)
        ],
        "earlier_code": [asdict(one) for one in known.earlier],
    }


def verdict_content(known: ReadReport) -> ReportContent:
    """Return the verdicts for a reporter."""
    lines = [sanitize(line) for line in (*known.summary.lines, *earlier_lines(known.earlier))]
    return ReportContent(
        lambda: [verdict_table(known)],
        lambda: verdict_rows(known),
        lambda: verdict_dict(known),
        lines,
        caption=sanitize(settings_caption(known.selection.settings.values())),
    )
