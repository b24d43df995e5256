"""Running totals by prompt: what reports and comparisons make rates, and their intervals, of.

They change in the same transaction as the samples and scores that they count. Scores are counted for headlines alone:
other metrics are seldom asked for by prompt, and are then counted from the scores themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.sample import Channel
from charbench.domain.score import Role
from charbench.store.dialect import add_totals
from charbench.store.tables import prompt_samples, prompt_scored, prompt_totals, samples, scored, scores, series

_COUNTED = ("count", "missing", "total", "total_squared", "hits", "both_hits")


class AnswersByPrompt:
    """What a batch of samples adds to the totals by prompt, or takes from them."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, int], list[int]] = {}

    def count(self, group_id: int, prompt_id: int, *, answered: int, responses: int) -> None:
        """Count samples of a prompt (its number in the store) that did not fail, and those that have a response."""
        sums = self._sums.setdefault((group_id, prompt_id), [0, 0])
        sums[0] += answered
        sums[1] += responses

    def add(self, connection: Connection) -> None:
        """Add what was counted to the store's totals."""
        rows = [
            {"group_id": group, "prompt_id": prompt, "answered": answered, "responses": responses}
            for (group, prompt), (answered, responses) in self._sums.items()
        ]
        add_totals(connection, prompt_samples, ("group_id", "prompt_id"), rows)


@dataclass(frozen=True, slots=True)
class HeadlineScore:
    """One score of a headline: the number of its series, the metric, its value and from which value on it is a hit."""

    series_id: int
    metric: str
    channel: Channel
    value: float | None
    threshold: float | None

    @property
    def is_hit(self) -> bool:
        """Whether the value reaches the threshold."""
        return self.value is not None and self.threshold is not None and self.value >= self.threshold


@dataclass(slots=True)
class _Sums:
    count: int = 0
    missing: int = 0
    total: float = 0.0
    total_squared: float = 0.0
    hits: int = 0
    both_hits: int = 0


class ScoresByPrompt:
    """What a batch of scores of one scoring adds to the totals by prompt."""

    def __init__(self, scoring_id: int) -> None:
        self._scoring = scoring_id
        self._scored: dict[tuple[int, int], int] = {}
        self._sums: dict[tuple[int, int, int], _Sums] = {}

    def count(self, group_id: int, prompt_id: int, given: Collection[HeadlineScore]) -> None:
        """Count one sample that was scored, with its headlines' scores; there may be none."""
        where = group_id, prompt_id
        self._scored[where] = self._scored.get(where, 0) + 1
        thinking = {one.metric for one in given if one.channel is Channel.THINKING and one.is_hit}
        for one in given:
            sums = self._sums.get(key := (one.series_id, *where))
            if sums is None:
                sums = self._sums[key] = _Sums()
            if one.value is None:
                sums.missing += 1
                continue
            sums.count += 1
            sums.total += one.value
            sums.total_squared += one.value * one.value
            if one.is_hit:
                sums.hits += 1
                sums.both_hits += one.channel is Channel.RESPONSE and one.metric in thinking

    def add(self, connection: Connection) -> None:
        """Add what was counted to the store's totals."""
        dealt_with = ((self._scoring, *key, number) for key, number in self._scored.items())
        _add_scored(connection, dealt_with)
        counted = ((*key, *(getattr(sums, name) for name in _COUNTED)) for key, sums in self._sums.items())
        rows = _named_rows(prompt_totals, _COUNTED, counted)
        add_totals(connection, prompt_totals, ("series_id", "group_id", "prompt_id"), rows)


def count_scores(connection: Connection, which: sa.ColumnElement[bool], sign: int) -> None:
    """Add the scores of some rows of ``scored`` to the totals by prompt, or with ``sign`` -1 take them from these.

    The rows, their samples and their scores must be in the store.
    """
    _add_scored(connection, ((*key, sign * number) for *key, number in connection.execute(_scored_rows(which)).all()))
    found = connection.execute(_score_rows(which)).all()
    rows = _named_rows(prompt_totals, _COUNTED, ((*row[:3], *(sign * amount for amount in row[3:])) for row in found))
    add_totals(connection, prompt_totals, ("series_id", "group_id", "prompt_id"), rows)


def _add_scored(connection: Connection, counted: Iterable[tuple[int, ...]]) -> None:
    rows = _named_rows(prompt_scored, ("samples",), counted)
    add_totals(connection, prompt_scored, ("scoring_id", "group_id", "prompt_id"), rows)


def _named_rows(table: sa.Table, counted: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return rows, each the table's primary key and what is counted, with their columns' names."""
    names = [*(column.name for column in table.primary_key), *counted]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _scored_rows(which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return the query for how many samples are scored; scorings that have no headline are left out."""
    known = sa.select(series.c.id).where(series.c.scoring_id == scored.c.scoring_id)
    headline = known.where(series.c.role == Role.HEADLINE.value)
    columns = scored.c.scoring_id, samples.c.group_id, samples.c.prompt_id
    return (
        sa.select(*columns, sa.func.count())
        .join(samples, samples.c.id == scored.c.sample_id)
        .where(which, headline.exists() | ~known.exists())
        .group_by(*columns)
    )


def _score_rows(which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return the query for the totals of headlines' scores, in the order of their columns."""
    value = scores.c.value
    thought, thinking = scores.alias("thought"), series.alias("thinking")
    hit = value >= series.c.threshold
    columns = scores.c.series_id, samples.c.group_id, samples.c.prompt_id
    return (
        sa.select(
            *columns,
            sa.func.count(value),
            sa.func.count() - sa.func.count(value),
            sa.func.coalesce(sa.func.sum(value), 0.0),
            sa.func.coalesce(sa.func.sum(value * value), 0.0),
            sa.func.sum(sa.case((hit, 1), else_=0)),
            sa.func.sum(sa.case((hit & (thought.c.value >= series.c.threshold), 1), else_=0)),
        )
        .select_from(scored)
        .join(samples, samples.c.id == scored.c.sample_id)
        .join(scores, scores.c.scored_id == scored.c.id)
        .join(series, (series.c.id == scores.c.series_id) & (series.c.role == Role.HEADLINE.value))
        .outerjoin(
            thinking,
            (thinking.c.scoring_id == series.c.scoring_id)
            & (thinking.c.metric == series.c.metric)
            & (thinking.c.channel == Channel.THINKING.value)
            & (series.c.channel == Channel.RESPONSE.value),
        )
        .outerjoin(thought, (thought.c.scored_id == scored.c.id) & (thought.c.series_id == thinking.c.id))
        .where(which)
        .group_by(*columns)
    )
