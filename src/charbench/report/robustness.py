"""Does the character survive being asked otherwise? The worst case and the spread, not only the mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from charbench.analysis.rates import Rate, wilson
from charbench.components.sampler import DEFAULT_CONDITION
from charbench.engine.probes import PREFIX
from charbench.report.cells import percent, percent_with_interval
from charbench.report.tables import Table
from charbench.store.summaries import ADHOC, GroupTotals, SeriesTotals, group_totals, series_totals


@dataclass(frozen=True, slots=True)
class Robustness:
    """One checkpoint: its trait rate as asked by default, and under each perturbation (by condition)."""

    persona: str
    name: str
    default: Rate
    conditions: dict[str, Rate]

    @property
    def worst(self) -> tuple[str, Rate]:
        """The condition with the lowest trait rate."""
        return min(self.conditions.items(), key=lambda item: (item[1].share, item[0]))

    @property
    def mean(self) -> float:
        """Mean of the conditions' rates, each counted once."""
        return sum(rate.share for rate in self.conditions.values()) / len(self.conditions)

    @property
    def spread(self) -> float:
        """Difference between the highest and the lowest rate, the default among them."""
        shares = [rate.share for rate in (self.default, *self.conditions.values()) if rate.total]
        return max(shares) - min(shares)


def robustness(
    connection: Connection, metric: str | None, personas: Sequence[str] = (), checkpoints: Sequence[str] = ()
) -> list[Robustness]:
    """Return the checkpoints that were sampled under perturbations; ``metric`` is ``scorer.metric``."""
    groups = [group for group in group_totals(connection) if _counts(group, checkpoints)]
    perturbed = {(g.uri, g.sampler) for g in groups if g.condition != DEFAULT_CONDITION}
    if metric is None or not perturbed:
        return []
    hits = _hits(series_totals(connection, [group.id for group in groups]), metric)
    found: dict[tuple[str, str, str], dict[str, Rate]] = {}
    names: dict[tuple[str, str, str], str] = {}
    for group in groups:
        if (group.uri, group.sampler) not in perturbed:
            continue
        answered = int(group.totals["samples"] - group.totals["errors"])
        for persona in hits.get(group.id, {}) or ({group.persona: 0} if group.persona else {}):
            if persona is None or (personas and persona not in personas):
                continue
            key = persona, group.uri, group.sampler
            names[key] = group.name
            rate = wilson(min(answered, hits.get(group.id, {}).get(persona, 0)), answered)
            found.setdefault(key, {})[group.condition] = rate
    rows = [
        Robustness(key[0], names[key], rates.pop(DEFAULT_CONDITION, wilson(0, 0)), rates)
        for key, rates in found.items()
    ]
    return sorted((row for row in rows if row.conditions), key=lambda row: (-row.worst[1].share, row.name))


def robustness_table(rows: Sequence[Robustness]) -> Table:
    """Return the table."""
    cells = []
    for row in rows:
        condition, rate = row.worst
        cells.append(
            (
                row.name,
                row.persona,
                percent(row.default),
                str(len(row.conditions)),
                f"{row.mean:.0%}",
                percent_with_interval(rate),
                condition,
                f"{row.spread:.0%}",
            )
        )
    columns = ("Checkpoint", "Persona", "Default", "Conditions", "Mean", "Worst [95%]", "Worst condition", "Spread")
    return Table("Robustness: trait rate when asked otherwise", columns, tuple(cells),
                 frozenset({"Checkpoint", "Persona", "Worst condition"}))  # fmt: skip


def robustness_dict(row: Robustness) -> dict[str, Any]:
    """Return one checkpoint's figures for JSON."""
    condition, rate = row.worst
    return {
        "checkpoint": row.name,
        "persona": row.persona,
        "default_trait_rate": row.default.share if row.default.total else None,
        "mean_trait_rate": row.mean,
        "worst_trait_rate": rate.share,
        "worst_condition": condition,
        "spread": row.spread,
        "conditions": {name: {"trait_rate": r.share, "samples": r.total} for name, r in row.conditions.items()},
    }


def _counts(group: GroupTotals, checkpoints: Sequence[str]) -> bool:
    if group.condition == ADHOC or group.condition.startswith(PREFIX):
        return False
    return not checkpoints or group.uri in checkpoints or group.name in checkpoints


def _hits(series: Sequence[SeriesTotals], metric: str) -> dict[int, dict[str, int]]:
    """Return by group and persona how many responses have the trait."""
    hits: dict[int, dict[str, int]] = {}
    for item in series:
        if f"{item.scorer}.{item.metric}" == metric and item.channel == "response":
            mine = hits.setdefault(item.group_id, {})
            mine[item.persona] = mine.get(item.persona, 0) + item.hits
    return hits
