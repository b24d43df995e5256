"""Control items: texts whose worth is known, and what a judge made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from charbench.analysis.wilson import Rate, wilson

Measure = Literal["sensitivity", "specificity", "accuracy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlResult:
    """What one judge said of the control items of one kind.

    ``right`` of ``answers`` is what ``measures`` names: the judge's ``sensitivity`` where the texts have what the
    metric asks for, its ``specificity`` where they have not, or the ``accuracy`` of a choice between two.
    ``unscored`` counts the answers without a score; of a text that has what is asked for they are among ``answers``,
    as wrong ones. ``texts`` is the number of different texts; each may be asked about several times. ``passed`` None:
    not decided. ``asked_at`` is the time in UTC, ISO 8601; empty: now.
    """

    judge: str
    metric: str
    kind: str
    measures: Measure
    answers: int
    right: int
    unscored: int = 0
    texts: int = 1
    passed: bool | None = None
    asked_at: str = ""

    @property
    def rate(self) -> Rate:
        """The share of right answers with Wilson's 95% interval, as if answers were independent."""
        return wilson(self.right, self.answers)

    def __str__(self) -> str:
        rate = self.rate
        interval = f" [{100 * rate.low:.0f}, {100 * rate.high:.0f}]%" if rate.total else ""
        without = f", {self.unscored:,} without a score" if self.unscored else ""
        return f"{self.measures} on {self.kind} {self.right:,} of {self.answers:,}{interval}{without}"


def pooled(results: Iterable[ControlResult], metric: str, measures: Measure) -> Rate:
    """Return the share of right answers over all kinds of items of one metric that measure the same."""
    mine = [one for one in results if one.metric == metric and one.measures == measures]
    return wilson(sum(one.right for one in mine), sum(one.answers for one in mine))
