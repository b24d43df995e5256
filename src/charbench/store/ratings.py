"""What scorers, and each of several judges, said of samples: to be held against labels and against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.sample import DEFAULT_CONDITION
from charbench.store.summaries import newest_scorings
from charbench.store.tables import groups, samples, samplings, scored, scores, scorings, series

_TELLS_OF_CHARACTER = sa.or_(
    (series.c.low == 0) & (series.c.high == 3), (series.c.role == "headline") & series.c.threshold.is_not(None)
)
"""The metrics that can be held against labels: those on their scale, and headlines that say yes or no."""


@dataclass(frozen=True, slots=True)
class MetricValues:
    """A metric's values by sample, for one channel and persona; ``no_verdict`` are samples that it had no value for."""

    scorer: str
    metric: str
    low: float | None
    high: float | None
    threshold: float | None
    values: dict[int, float]
    no_verdict: set[int] = field(default_factory=set)

    @property
    def title(self) -> str:
        """``scorer.metric``."""
        return f"{self.scorer}.{self.metric}"


def metric_values(connection: Connection, persona: str, channel: str) -> list[MetricValues]:
    """Return the values of every metric that says yes or no (or 0 to 3), in samples of the default condition."""
    newest = newest_scorings()
    query = (
        sa.select(scorings.c.scorer, series.c.metric, series.c.low, series.c.high, series.c.threshold,
                  scored.c.sample_id, scores.c.value)
        .join(scores, scores.c.series_id == series.c.id)
        .join(scored, scored.c.id == scores.c.scored_id)
        .join(samples, samples.c.id == scored.c.sample_id)
        .join(groups, groups.c.id == samples.c.group_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .join(scorings, scorings.c.id == series.c.scoring_id)
        .join(newest, (newest.c.id == scorings.c.id) & (newest.c.rank == 1))
        .where(scorings.c.persona == persona, series.c.channel == channel)
        .where(samplings.c.condition == DEFAULT_CONDITION)
        .where(_TELLS_OF_CHARACTER)
    )  # fmt: skip
    found: dict[tuple[str, str], MetricValues] = {}
    for row in connection.execute(query):
        key = row.scorer, row.metric
        if key not in found:
            found[key] = MetricValues(row.scorer, row.metric, row.low, row.high, row.threshold, {})
        if row.value is None:
            found[key].no_verdict.add(row.sample_id)
        else:
            found[key].values[row.sample_id] = row.value
    return [found[key] for key in sorted(found)]


def judge_values(connection: Connection, persona: str, channel: str) -> list[MetricValues]:
    """Return what each judge of a panel said by itself, and so did those that scored one after another.

    Of each judge that is what it said in the newest scoring that it took part in: another one may have had other
    words to go by.
    """
    newest = newest_scorings()
    declared = (
        sa.select(series, scorings.c.scorer)
        .join(scorings, scorings.c.id == series.c.scoring_id)
        .join(newest, newest.c.id == scorings.c.id)
        .where(scorings.c.persona == persona, series.c.channel == channel, _TELLS_OF_CHARACTER)
        .order_by(newest.c.rank, series.c.id)
    )
    votes = (
        sa.select(scored.c.sample_id, scored.c.evidence)
        .join(samples, samples.c.id == scored.c.sample_id)
        .join(groups, groups.c.id == samples.c.group_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .where(samplings.c.condition == DEFAULT_CONDITION)
        .where(sa.cast(scored.c.evidence, sa.Text).contains('"votes"'))  # that of markers is long, and has none
    )
    metrics: dict[int, dict[str, Any]] = {}
    for metric in connection.execute(declared):
        metrics.setdefault(metric.scoring_id, {})[metric.metric] = metric
    found: dict[tuple[str, str, str], MetricValues] = {}
    for scoring, mine in metrics.items():
        said: dict[tuple[str, str, str], MetricValues] = {}
        for sample, evidence in connection.execute(votes.where(scored.c.scoring_id == scoring)):
            for entry in evidence:
                if entry["channel"] == channel and entry["metric"] in mine:
                    _count_in(said, mine[entry["metric"]], sample, entry.get("votes", {}))
        found = said | found
    return [found[key] for key in sorted(found)]


def _count_in(
    said: dict[tuple[str, str, str], MetricValues], metric: Any, sample: int, votes: Mapping[str, float | None]
) -> None:
    for judge, value in votes.items():
        if value is not None:
            one = MetricValues(
                f"{metric.scorer}[{judge}]", metric.metric, metric.low, metric.high, metric.threshold, {}
            )
            said.setdefault((metric.scorer, judge, metric.metric), one).values[sample] = value
