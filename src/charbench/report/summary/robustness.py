"""Does the character survive being asked otherwise? The worst case and the spread, not only the mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from charbench.analysis.rates import Rate, wilson
from charbench.components.sampler import DEFAULT_CONDITION
from charbench.diagnosis.probes import PREFIX
from charbench.report.render.cells import NOTHING, percent, percent_with_interval, share
from charbench.report.render.table import Table
from charbench.report.summary.judged import judged
from charbench.store.summaries import ADHOC, GroupTotals, SeriesTotals, group_totals, series_totals


@dataclass(frozen=True, slots=True)
class Robustness:
    """One checkpoint: its trait rate as asked by default, and under each perturbation (by condition)."""

    persona: str
    name: str
    default: Rate
    conditions: dict[str, Rate]
    unscored: int = 0
    """Conditions that were sampled and not scored: nothing is known of them."""

    @property
    def worst(self) -> tuple[str, Rate] | None:
        """The condition with the lowest trait rate; None where none is scored."""
        return min(self.conditions.items(), key=lambda item: (item[1].share, item[0]), default=None)

    @property
    def mean(self) -> float:
        """Mean of the conditions' rates, each counted once; NaN where none is scored."""
        shares = [rate.share for rate in self.conditions.values()]
        return sum(shares) / len(shares) if shares else math.nan

    @property
    def spread(self) -> float:
        """Difference between the highest and the lowest rate, the default among them; NaN where none is scored."""
        shares = [rate.share for rate in (self.default, *self.conditions.values()) if rate.total]
        return max(shares) - min(shares) if self.conditions else math.nan


def robustness(
    connection: Connection, metric: str | None, personas: Sequence[str] = (), checkpoints: Sequence[str] = ()
) -> list[Robustness]:
    """Return the checkpoints that were sampled under perturbations; ``metric`` is ``scorer.metric``.

    Those of which no perturbation is scored are among them: they have no conditions.
    """
    groups = [group for group in group_totals(connection) if _counts(group, checkpoints)]
    perturbed = {(g.uri, g.sampler) for g in groups if g.condition != DEFAULT_CONDITION}
    if metric is None or not perturbed:
        return []
    groups = [group for group in groups if (group.uri, group.sampler) in perturbed]
    by_group: dict[int, list[SeriesTotals]] = {group.id: [] for group in groups}
    for item in series_totals(connection, list(by_group)):
        if f"{item.scorer}.{item.metric}" == metric:
            by_group[item.group_id].append(item)
    scored_for: dict[str, set[str]] = {}
    for group in groups:
        scored_for.setdefault(group.uri, set()).update(item.persona for item in by_group[group.id])
    found: dict[tuple[str, str, str], dict[str, Rate]] = {}
    names: dict[tuple[str, str, str], str] = {}
    for group in groups:
        for persona in scored_for[group.uri] or {group.persona or ""}:
            if not persona or (personas and persona not in personas):
                continue
            key = persona, group.uri, group.sampler
            names[key] = group.name
            mine = [item for item in by_group[group.id] if item.persona == persona]
            found.setdefault(key, {})[group.condition] = _rate(group, mine)
    rows = []
    for key, rates in found.items():
        default = rates.pop(DEFAULT_CONDITION, wilson(0, 0))
        known = {condition: rate for condition, rate in rates.items() if rate.total}
        rows.append(Robustness(key[0], names[key], default, known, len(rates) - len(known)))
    return sorted((row for row in rows if row.conditions or row.unscored), key=_rank)


def _rank(row: Robustness) -> tuple[float, str]:
    return (-row.worst[1].share if row.worst else math.inf, row.name)


def robustness_table(rows: Sequence[Robustness]) -> Table:
    """Return the table."""
    cells = []
    for row in rows:
        condition, rate = row.worst or (NOTHING, wilson(0, 0))
        cells.append(
            (
                row.name,
                row.persona,
                percent(row.default),
                str(len(row.conditions)),
                share(row.mean),
                percent_with_interval(rate),
                condition,
                share(row.spread),
            )
        )
    columns = ("Checkpoint", "Persona", "Default", "Conditions", "Mean", "Worst [95%]", "Worst condition", "Spread")
    unscored = sum(row.unscored for row in rows)
    note = f"{unscored:,} conditions are not scored yet and left out; run: charbench score"
    left = frozenset({"Checkpoint", "Persona", "Worst condition"})
    title = "Robustness: trait rate on perturbed prompts"
    return Table(title, columns, tuple(cells), left, (note,) if unscored else ())


def robustness_dict(row: Robustness) -> dict[str, Any]:
    """Return one checkpoint's figures for JSON; None where nothing is scored."""
    condition, rate = row.worst or (None, None)
    return {
        "checkpoint": row.name,
        "persona": row.persona,
        "default_trait_rate": row.default.share if row.default.total else None,
        "mean_trait_rate": row.mean if row.conditions else None,
        "worst_trait_rate": rate.share if rate else None,
        "worst_condition": condition,
        "spread": row.spread if row.conditions else None,
        "conditions": {name: {"trait_rate": r.share, "samples": r.total} for name, r in row.conditions.items()},
        "conditions_not_scored": row.unscored,
    }


def _counts(group: GroupTotals, checkpoints: Sequence[str]) -> bool:
    if group.condition == ADHOC or group.condition.startswith(PREFIX):
        return False
    return not checkpoints or group.uri in checkpoints or group.name in checkpoints


def _rate(group: GroupTotals, series: Sequence[SeriesTotals]) -> Rate:
    """Return the share of a group's samples with the trait, out of those of which it is known."""
    hits = sum(item.hits for item in series if item.channel == "response")
    return wilson(hits, judged(group, series).samples)
