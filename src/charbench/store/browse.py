"""Finds samples to look at, the newest first, a page at a time, in a store of any size.

A page ends where it is full, or where so many samples have been looked at that a user would have to wait; the next one
goes on from there. So a page takes as long in a store of a million samples as in a small one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.sample import Channel, ThinkingState
from charbench.store.by_prompt import has_response
from charbench.store.dialect import among
from charbench.store.summaries import GroupTotals
from charbench.store.tables import prompts, samples, score_totals, scored, scores, series

_STEP = 1_000
"""Samples that are looked at together."""
_FEW_GROUPS = 50
"""So many are read by the index of each; of more, some samples among the newest of the whole store are theirs."""
_ABOVE_ALL = 2**62


class Only(StrEnum):
    """Which samples of those that are chosen otherwise."""

    ALL = ""
    THINKING = "thinking"
    TRAIT = "trait"
    NO_RESPONSE = "no-response"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Metric:
    """The scores by which a sample has the character: those of one metric, of these scorings."""

    name: str
    scoring_ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of samples. ``next_before``: the older ones have smaller numbers; None: there are none.

    ``looked_at`` counts the samples that it was made from.
    """

    ids: Sequence[int]
    next_before: int | None
    looked_at: int


Candidates = Callable[[int, int], Sequence[int]]
"""Returns numbers of samples below one, the largest first, at most so many."""


def find_samples(
    connection: Connection,
    groups: Sequence[GroupTotals],
    *,
    only: Only = Only.ALL,
    metric: Metric | None = None,
    before: int | None = None,
    most: int,
    look_at: int,
    among_these: Candidates | None = None,
    condition: sa.ColumnElement[bool] | None = None,
) -> Found:
    """Return samples of these groups (of their prompts that count), the newest first.

    ``metric`` decides which have the character; ``among_these`` gives those that a search has found.
    ``condition`` is one more that they must meet.
    """
    groups = _worth_it(connection, groups, only, metric)
    test = _Test(connection, groups, only, metric, condition)
    candidates = among_these or _newest(connection, [one.id for one in groups])
    last = before or _ABOVE_ALL
    found: list[int] = []
    looked = 0
    while groups and looked < look_at:
        step = min(_STEP if looked else 4 * most, look_at - looked)
        numbers = candidates(last, step)
        good = test.passed(numbers)
        for number in numbers:
            looked += 1
            if number in good:
                found.append(number)
                if len(found) == most:
                    return Found(found, number, looked)
        if len(numbers) < step:
            return Found(found, None, looked)
        last = numbers[-1]
    return Found(found, last if groups else None, looked)


def _worth_it(
    connection: Connection, groups: Sequence[GroupTotals], only: Only, metric: Metric | None
) -> Sequence[GroupTotals]:
    """Return the groups that may hold such samples, by their totals."""
    if only is Only.FAILED:
        return [one for one in groups if one.totals["errors"] > one.totals["filtered"] + one.totals["tool_call"]]
    if only is Only.NO_RESPONSE:
        return [one for one in groups if one.totals["samples"] - one.totals["errors"] > one.totals["responses"]]
    if only is Only.ALL:
        return groups
    totals = score_totals.c
    if only is Only.REFUSED:
        wanted = (totals.total > 0) & _is_refusal()
    elif metric is None:
        return []
    else:
        channel = Channel.THINKING if only is Only.THINKING else Channel.RESPONSE
        wanted = (totals.hits > 0) & _is_metric(connection, metric) & (series.c.channel == channel.value)
    query = sa.select(totals.group_id).join(series, series.c.id == totals.series_id).where(wanted)
    some = set(connection.scalars(query))
    return [one for one in groups if one.id in some]


def _is_refusal() -> sa.ColumnElement[bool]:
    return series.c.metric.like("%refus%") & (series.c.channel == Channel.RESPONSE.value)


def _is_metric(connection: Connection, metric: Metric) -> sa.ColumnElement[bool]:
    return (series.c.metric == metric.name) & among(connection, series.c.scoring_id, metric.scoring_ids)


def _newest(connection: Connection, groups: Sequence[int]) -> Candidates:
    """Return what gives the newest samples of these groups, and where they are many perhaps others' too."""
    if len(set(groups)) > _FEW_GROUPS:

        def of_all(below: int, most: int) -> Sequence[int]:
            query = sa.select(samples.c.id).where(samples.c.id < below).order_by(samples.c.id.desc()).limit(most)
            return connection.scalars(query).all()

        return of_all
    postgres = connection.dialect.name == "postgresql"
    query = sa.text(
        _OF_GROUPS.format("unnest(CAST(:groups AS integer[])) g(value)" if postgres else "json_each(:groups) g")
    )
    given = sorted(set(groups))

    def of_groups(below: int, most: int) -> Sequence[int]:
        values = {"groups": given if postgres else json.dumps(given), "below": below, "most": most}
        return connection.scalars(query, values).all()

    return of_groups


_OF_GROUPS = """
SELECT s.id FROM {} CROSS JOIN samples s
WHERE s.group_id = g.value AND s.id < :below AND s.id >= (
    SELECT min(n.id) FROM (
        SELECT id FROM samples WHERE group_id = g.value AND id < :below ORDER BY id DESC LIMIT :most
    ) n
)
ORDER BY s.id DESC LIMIT :most
"""
"""Of each group its newest samples, by the index on group and number; of these the newest."""


class _Test:
    """Tells which samples are asked for."""

    def __init__(
        self,
        connection: Connection,
        groups: Sequence[GroupTotals],
        only: Only,
        metric: Metric | None,
        condition: sa.ColumnElement[bool] | None,
    ) -> None:
        self._condition = sa.true() if condition is None else condition
        self._connection, self._only, self._metric = connection, only, metric
        self._groups: dict[int, frozenset[str] | None] = {}
        for one in groups:
            known = self._groups.get(one.id, frozenset())
            self._groups[one.id] = None if known is None or one.prompts is None else known | one.prompts
        self._some_prompts = any(prompts is not None for prompts in self._groups.values())

    def passed(self, numbers: Sequence[int]) -> set[int]:
        """Return those of these samples that are asked for."""
        mine = among(self._connection, samples.c.id, numbers) & self._condition
        query = sa.select(samples.c.id, samples.c.group_id, prompts.c.key if self._some_prompts else sa.null())
        if self._some_prompts:
            query = query.join(prompts, prompts.c.id == samples.c.prompt_id)
        if self._only is Only.FAILED:
            mine &= samples.c.state == ThinkingState.ERROR.value
        elif self._only is Only.NO_RESPONSE:
            mine &= samples.c.error_kind.is_(None) & ~has_response()
        good = {number for number, group, key in self._connection.execute(query.where(mine)) if self._takes(group, key)}
        if self._only is Only.REFUSED:
            return good & self._scored(numbers, _is_refusal() & (scores.c.value > 0))
        if self._only in (Only.THINKING, Only.TRAIT) and self._metric is not None:
            hits = _is_metric(self._connection, self._metric) & (scores.c.value >= series.c.threshold)
            with_trait = self._scored(numbers, hits & (series.c.channel == Channel.RESPONSE.value))
            if self._only is Only.TRAIT:
                return good & with_trait
            return good & self._scored(numbers, hits & (series.c.channel == Channel.THINKING.value)) - with_trait
        return good

    def _takes(self, group: int, prompt: str | None) -> bool:
        if group not in self._groups:
            return False
        wanted = self._groups[group]
        return wanted is None or prompt in wanted

    def _scored(self, numbers: Sequence[int], wanted: sa.ColumnElement[bool]) -> set[int]:
        query = (
            sa.select(scored.c.sample_id)
            .join(scores, scores.c.scored_id == scored.c.id)
            .join(series, series.c.id == scores.c.series_id)
            .where(among(self._connection, scored.c.sample_id, numbers), wanted)
        )
        return set(self._connection.scalars(query))
