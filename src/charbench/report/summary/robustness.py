"""Does the character survive being asked otherwise? The worst case and the spread, not only the mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from charbench.analysis.robust_rates import Chance, Counts, spread_by_chance, worst
from charbench.analysis.wilson import Rate
from charbench.diagnosis.probes import PREFIX
from charbench.domain.sample import DEFAULT_CONDITION
from charbench.domain.table import Table
from charbench.report.prompt_counts import PromptCounts
from charbench.report.render.cells import NOTHING, finite, percent, percent_with_interval, probability, share
from charbench.store.by_prompt import PromptTally, prompt_tallies, series_of
from charbench.store.selection import Selection
from charbench.store.summaries import ADHOC, GroupTotals, SeriesTotals

_LEGEND = (
    "Worst: the interval is for the lowest true rate of all conditions. By chance: the spread to expect if the "
    "character were equally strong under every condition."
)
_NOTHING = Counts((), (), (), ())


@dataclass(frozen=True, slots=True)
class Robustness:
    """One checkpoint: what was counted as asked by default, and under each perturbation (by condition)."""

    persona: str
    name: str
    default: Counts
    conditions: dict[str, Counts]
    unscored: int = 0
    """Conditions that were sampled and not scored: nothing is known of them."""

    @property
    def worst(self) -> tuple[str, Rate] | None:
        """The condition with the lowest trait rate and its simultaneous interval; None where none is scored."""
        return worst(self.conditions)

    @property
    def mean(self) -> float:
        """Mean of the conditions' rates, each counted once; NaN where none is scored."""
        shares = [counts.rate().share for counts in self.conditions.values()]
        return sum(shares) / len(shares) if shares else math.nan

    @property
    def spread(self) -> float:
        """Difference between the highest and the lowest rate, the default among them; NaN where none is scored."""
        shares = [counts.rate().share for counts in self._all]
        return max(shares) - min(shares) if self.conditions else math.nan

    @property
    def chance(self) -> Chance:
        """How wide the spread would be by chance, were all conditions alike."""
        return spread_by_chance(self._all)

    @property
    def _all(self) -> list[Counts]:
        return [counts for counts in (self.default, *self.conditions.values()) if sum(counts.totals)]


def robustness(
    connection: Connection,
    selection: Selection,
    metric: str | None,
    personas: Sequence[str] = (),
    checkpoints: Sequence[str] = (),
) -> list[Robustness]:
    """Return the checkpoints that were sampled under perturbations; ``metric`` is ``scorer.metric``.

    Those of which no perturbation is scored are among them: they have no conditions.
    """
    groups = [group for group in selection.groups if _counts(group, checkpoints)]
    perturbed = {(g.uri, g.sampler) for g in groups if g.condition != DEFAULT_CONDITION}
    if metric is None or not perturbed:
        return []
    groups = [group for group in groups if (group.uri, group.sampler) in perturbed]
    by_group: dict[int, list[SeriesTotals]] = {group.id: [] for group in groups}
    for item in selection.series(connection, groups):
        if f"{item.scorer}.{item.metric}" == metric:
            by_group[item.group_id].append(item)
    scored_for: dict[str, set[str]] = {}
    for group in groups:
        scored_for.setdefault(group.uri, set()).update(item.persona for item in by_group[group.id])
    found: dict[tuple[str, str, str], dict[str, Counts]] = {}
    names: dict[tuple[str, str, str], str] = {}
    counts = _counts_of(connection, selection, groups, metric)
    for group in groups:
        for persona in scored_for[group.uri] or {group.persona or ""}:
            if not persona or (personas and persona not in personas):
                continue
            key = persona, group.uri, group.sampler
            names[key] = group.name
            found.setdefault(key, {})[group.condition] = counts.get((persona, group.id), _NOTHING)
    rows = []
    for key, rates in found.items():
        default = rates.pop(DEFAULT_CONDITION, _NOTHING)
        known = {condition: rate for condition, rate in rates.items() if sum(rate.totals)}
        rows.append(Robustness(key[0], names[key], default, known, len(rates) - len(known)))
    return sorted((row for row in rows if row.conditions or row.unscored), key=_rank)


def _rank(row: Robustness) -> tuple[float, str]:
    return (-row.worst[1].share if row.worst else math.inf, row.name)


def robustness_table(rows: Sequence[Robustness]) -> Table:
    """Return the table."""
    cells = []
    for row in rows:
        condition, rate = row.worst or (NOTHING, _NOTHING.rate())
        cells.append(
            (
                row.name,
                row.persona,
                percent(row.default.rate()),
                str(len(row.conditions)),
                share(row.mean),
                percent_with_interval(rate),
                condition,
                share(row.spread),
                share(row.chance.expected),
            )
        )
    columns = (
        "Checkpoint",
        "Persona",
        "Default",
        "Conditions",
        "Mean",
        "Worst [95%]",
        "Worst condition",
        "Spread",
        "By chance",
    )
    unscored = sum(row.unscored for row in rows)
    notes = [_LEGEND]
    note = f"{unscored:,} conditions are not scored yet and left out; run: charbench score"
    left = frozenset({"Checkpoint", "Persona", "Worst condition"})
    title = "Robustness: trait rate on perturbed prompts"
    return Table(title, columns, tuple(cells), left, (*notes, *([note] if unscored else [])))


def robustness_dict(row: Robustness) -> dict[str, Any]:
    """Return one checkpoint's figures for JSON; None where nothing is scored."""
    condition, rate = row.worst or (None, None)
    default, chance = row.default.rate(), row.chance
    return {
        "checkpoint": row.name,
        "persona": row.persona,
        "default_trait_rate": finite(default.share) if default.total else None,
        "mean_trait_rate": finite(row.mean) if row.conditions else None,
        "worst_trait_rate": finite(rate.share) if rate else None,
        "worst_trait_rate_low": finite(rate.low) if rate else None,
        "worst_trait_rate_high": finite(rate.high) if rate else None,
        "worst_condition": condition,
        "spread": finite(row.spread) if row.conditions else None,
        "spread_by_chance": finite(chance.expected),
        "spread_p": probability(chance.p),
        "conditions": {name: _condition(counts.rate()) for name, counts in row.conditions.items()},
        "conditions_not_scored": row.unscored,
    }


def _condition(rate: Rate) -> dict[str, Any]:
    return {"trait_rate": finite(rate.share), "low": finite(rate.low), "high": finite(rate.high), "samples": rate.total}


def _counts(group: GroupTotals, checkpoints: Sequence[str]) -> bool:
    if group.condition == ADHOC or group.condition.startswith(PREFIX):
        return False
    return not checkpoints or group.uri in checkpoints or group.name in checkpoints


def _counts_of(
    connection: Connection, selection: Selection, groups: Sequence[GroupTotals], metric: str
) -> dict[tuple[str, int], Counts]:
    """Return of each persona and group the samples with the trait, out of those of which it is known."""
    takes = {(persona, group.id): group for group in groups for persona in group.personas}
    series = [one for one in series_of(connection, selection.scorings) if f"{one.scorer}.{one.metric}" == metric]
    found = {}
    for of in series:
        tallies: dict[int, list[PromptTally]] = {}
        for tally in prompt_tallies(connection, [group.id for group in groups], of):
            if (mine := takes.get((of.persona, tally.group))) and mine.takes(tally.prompt):
                tallies.setdefault(tally.group, []).append(tally)
        for group, counted in tallies.items():
            counts = PromptCounts()
            counts.add(counted, scored=True)
            known = [row for row in counts.prompts.values() if row.judged]
            columns = zip(*((row.name, row.family, row.hits, row.judged) for row in known), strict=True)
            found[of.persona, group] = Counts(*columns) if known else _NOTHING
    return found
