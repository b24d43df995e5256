"""Bounds of the health shares that a verdict is about: for other prompts, as those of every other rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from sqlalchemy.engine import Connection

from charbench.analysis.rate_intervals import ClusteredRate
from charbench.config.verdict import VerdictConfig
from charbench.report.prompt_counts import PromptCounts
from charbench.report.summary.health import HealthCount, HealthMetric
from charbench.report.summary.tally import Tally
from charbench.store.by_prompt import prompt_tallies, series_of
from charbench.store.selection import Selection

_UNKNOWN = ClusteredRate(math.nan, math.nan, math.nan, math.nan, 0, 0, 0, 0.0, 0.0)


def read_health_by_prompt(
    connection: Connection, selection: Selection, rows: Sequence[Tally], rule: VerdictConfig
) -> None:
    """Count the responses of each prompt for the health shares that are above their limits: theirs need bounds.

    Those of other rows need none, since a share at or below its limit is as wanted; so most scores stay unread.
    """
    wanted: dict[tuple[str, HealthMetric], list[tuple[Tally, HealthCount]]] = {}
    for row in rows:
        for metric, count in row.health.items():
            if _is_above(metric, count, rule):
                wanted.setdefault((row.persona, metric), []).append((row, count))
    if not wanted:
        return
    series = {(one.persona, one.scorer, one.metric): one for one in series_of(connection, selection.scorings)}
    taken = {(group.id, persona): group for group in selection.groups for persona in group.personas}
    for (persona, metric), mine in wanted.items():
        of = series.get((persona, metric.scorer, metric.metric))
        counts = {group: count for row, count in mine for group in row.groups}
        for tally in prompt_tallies(connection, sorted(counts), of) if of is not None else ():
            group = taken.get((tally.group, persona))
            if group is None or group.takes(tally.prompt):
                found = counts[tally.group].prompts = counts[tally.group].prompts or PromptCounts()
                found.add([tally], scored=False)


def health_rates(row: Tally, rule: VerdictConfig, level: float) -> Iterator[tuple[HealthMetric, float, ClusteredRate]]:
    """Yield share and bounds of each health metric that has a limit; bounds are NaN where none are needed."""
    for metric, count in row.health.items():
        if metric.metric in rule.health and count.count:
            bounds = _UNKNOWN if count.prompts is None else count.prompts.clustered("hits", "valued", level)
            yield metric, count.hits / count.count, bounds


def _is_above(metric: HealthMetric, count: HealthCount, rule: VerdictConfig) -> bool:
    limit = rule.health.get(metric.metric)
    return limit is not None and count.hits > limit * count.count
