"""The judges of a panel, each by itself, beside the panel: their rates, and how often they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from charbench.analysis.wilson import Rate, wilson
from charbench.domain.table import Table
from charbench.report.render.cells import NOTHING, percent_with_interval
from charbench.report.summary.rows import Report
from charbench.store.panel_votes import PanelVotes, panel_votes
from charbench.store.selection import Selection
from charbench.store.summaries import scored_metrics


@dataclass(frozen=True, slots=True)
class PanelRow:
    """One row's responses as each judge of the panel sees them."""

    label: str
    persona: str
    votes: PanelVotes

    def rate(self, judge: str) -> Rate:
        """The share of the responses that a judge scored that it says have the trait, with Wilson's interval."""
        texts, hits = self.votes.by_judge.get(judge, (0, 0))
        return wilson(hits, texts)

    @property
    def disagreement(self) -> Rate:
        """The share of the responses that two judges scored on which they differ about the trait."""
        return wilson(self.votes.split, self.votes.texts)


def panel_rows(connection: Connection, selection: Selection, report: Report) -> list[PanelRow]:
    """Return a row for each of the report's rows that a panel has judged by its metric; none without a panel."""
    scorer, _, metric = (report.metric or "").partition(".")
    panels = [
        one.id
        for setting in selection.settings.values()
        for name, one in setting.scorers.items()
        if name == scorer and len(one.config.get("judges") or ()) > 1
    ]
    declared = [one for one in scored_metrics(connection, selection.scorings) if one.name == report.metric]
    threshold = declared[0].threshold if declared else None
    rows = report.checkpoints or report.personas
    if not panels or threshold is None:
        return []
    votes = panel_votes(connection, panels, [group for row in rows for group in row.groups], metric, threshold)
    found = []
    for row in rows:
        mine = PanelVotes()
        for group in row.groups:
            mine += votes.get(group, PanelVotes())
        if mine.by_judge:
            found.append(PanelRow(row.label, row.persona, mine))
    return found


def panel_table(rows: Sequence[PanelRow]) -> Table:
    """Return the table of a panel's judges; ``rows`` is not empty."""
    judges = sorted({judge for row in rows for judge in row.votes.by_judge})
    body = [
        (
            row.label,
            row.persona,
            *(percent_with_interval(row.rate(judge)) if judge in row.votes.by_judge else NOTHING for judge in judges),
            percent_with_interval(row.disagreement),
        )
        for row in rows
    ]
    note = (
        "Judges of the panel: shares of the responses that each judge scored; intervals take responses as independent."
    )
    columns = ("Checkpoint", "Persona", *judges, "They disagree [95%]")
    return Table(
        "Judges of the panel", columns, tuple(body), frozenset({"Checkpoint", "Persona"}), (note,), ("Persona",)
    )


def panel_dicts(rows: Sequence[PanelRow]) -> list[dict[str, Any]]:
    """Return the same for JSON; shares are 0 to 1, None where there is nothing to tell."""
    return [
        {
            "checkpoint": row.label,
            "persona": row.persona,
            "judges": {judge: _rate_dict(row.rate(judge)) for judge in sorted(row.votes.by_judge)},
            "disagreement": _rate_dict(row.disagreement),
        }
        for row in rows
    ]


def _rate_dict(rate: Rate) -> dict[str, Any]:
    known = rate.total > 0
    ends = (rate.share, rate.low, rate.high) if known else (None, None, None)
    return {"count": rate.count, "total": rate.total, **dict(zip(("share", "low", "high"), ends, strict=True))}
