"""Health columns: the share of responses that each metric of that role is about, by its own declaration."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from charbench.analysis.wilson import Rate
from charbench.report.prompt_counts import PromptCounts
from charbench.store.summaries import SeriesTotals


@dataclass(frozen=True, slots=True, order=True)
class HealthMetric:
    """A metric with the role health and a threshold; ``title`` is what its column is called."""

    scorer: str
    metric: str
    title: str


@dataclass(slots=True)
class HealthCount:
    """Responses with a value, and those of them that reach the threshold.

    ``prompts`` holds them by prompt, where a verdict needs bounds of their share.
    """

    hits: int = 0
    count: int = 0
    prompts: PromptCounts | None = None

    @property
    def rate(self) -> Rate:
        """The share of responses, out of those that have a value; reports show it without an interval."""
        return Rate(self.hits, self.count, math.nan, math.nan)


def health_metrics(series: Iterable[SeriesTotals]) -> list[HealthMetric]:
    """Return the health metrics of these series, in the order of their columns."""
    return sorted({metric for item in series if (metric := health_metric(item)) is not None})


def health_metric(series: SeriesTotals) -> HealthMetric | None:
    """Return the health metric that a series is of, None if it is none or there is no threshold."""
    if series.role != "health" or series.threshold is None:
        return None
    return HealthMetric(series.scorer, series.metric, series.title[:1].upper() + series.title[1:])
