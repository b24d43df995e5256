"""Totals of some of a group's prompts, counted from its samples: where a group holds answers to other prompts too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.store.by_prompt import has_response, number_of
from charbench.store.dialect import among
from charbench.store.tables import GROUP_TOTALS, prompt_samples, prompts, samples, scored, scores, series
from charbench.store.tables import groups as sample_groups

SERIES_TOTALS = ("count", "missing", "total", "total_squared", "hits")
Sums = dict[str, float]
_STATES = GROUP_TOTALS[GROUP_TOTALS.index("closed") :]


def samples_by_prompt(connection: Connection, groups: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return how many samples, failed ones among them, each group has of each prompt (by its key).

    Totals by prompt leave failed samples out: only where a group has some are its samples counted.
    """
    answered = (
        sa.select(prompt_samples.c.group_id, prompts.c.key, sa.func.sum(prompt_samples.c.answered))
        .join(prompts, prompts.c.id == prompt_samples.c.prompt_id)
        .where(among(connection, prompt_samples.c.group_id, groups), prompt_samples.c.answered > 0)
        .group_by(prompt_samples.c.group_id, prompts.c.key)
    )
    sizes = sa.select(sample_groups.c.id, sample_groups.c.samples).where(among(connection, sample_groups.c.id, groups))
    found = _by_group(connection, answered)
    partly = [row.id for row in connection.execute(sizes) if sum(found.get(row.id, {}).values()) != row.samples]
    if partly:
        every = (
            sa.select(samples.c.group_id, prompts.c.key, sa.func.count())
            .join(prompts, prompts.c.id == samples.c.prompt_id)
            .where(among(connection, samples.c.group_id, partly))
            .group_by(samples.c.group_id, prompts.c.key)
        )
        found |= _by_group(connection, every)
    return found


def _by_group(connection: Connection, query: sa.Select[Any]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for group, prompt, count in connection.execute(query):
        found.setdefault(group, {})[prompt] = int(count)
    return found


def group_sums(connection: Connection, groups: Sequence[int]) -> dict[int, dict[str, Sums]]:
    """Return the totals of each group by prompt, named like the columns of ``sample_groups``."""
    there = samples.c.error_kind.is_(None)

    def total(column: Any) -> Any:
        return sa.func.coalesce(sa.func.sum(sa.case((there, column), else_=0)), 0)

    columns = {
        "samples": sa.func.count(),
        "errors": number_of(samples.c.error_kind.is_not(None)),
        "responses": number_of(there & has_response()),
        "response_chars": total(sa.func.length(samples.c.response)),
        "thinking_chars": total(sa.func.length(samples.c.thinking)),
        "latency_total": total(samples.c.latency),
        "latency_count": number_of(there & samples.c.latency.is_not(None)),
        "prompt_tokens": total(samples.c.prompt_tokens),
        "completion_tokens": total(samples.c.completion_tokens),
        **{state: number_of(samples.c.state == state) for state in _STATES},
    }
    query = (
        sa.select(samples.c.group_id, prompts.c.key, *(columns[name].label(name) for name in GROUP_TOTALS))
        .join(prompts, prompts.c.id == samples.c.prompt_id)
        .where(among(connection, samples.c.group_id, groups))
        .group_by(samples.c.group_id, prompts.c.key)
    )
    found: dict[int, dict[str, Sums]] = {}
    for group, prompt, *sums in connection.execute(query):
        found.setdefault(group, {})[prompt] = dict(zip(GROUP_TOTALS, sums, strict=True))
    return found


def series_sums(connection: Connection, groups: Sequence[int]) -> dict[tuple[int, int], dict[str, Sums]]:
    """Return the totals of each group and series by prompt, named like the columns of ``score_totals``."""
    value = scores.c.value
    query = (
        sa.select(
            samples.c.group_id,
            scores.c.series_id,
            prompts.c.key,
            sa.func.count(value),
            sa.func.count() - sa.func.count(value),
            sa.func.coalesce(sa.func.sum(value), 0.0),
            sa.func.coalesce(sa.func.sum(value * value), 0.0),
            number_of(value >= series.c.threshold),
        )
        .join(scored, scored.c.sample_id == samples.c.id)
        .join(scores, scores.c.scored_id == scored.c.id)
        .join(series, series.c.id == scores.c.series_id)
        .join(prompts, prompts.c.id == samples.c.prompt_id)
        .where(among(connection, samples.c.group_id, groups))
        .group_by(samples.c.group_id, scores.c.series_id, prompts.c.key)
    )
    found: dict[tuple[int, int], dict[str, Sums]] = {}
    for group, number, prompt, *sums in connection.execute(query):
        found.setdefault((group, number), {})[prompt] = dict(zip(SERIES_TOTALS, sums, strict=True))
    return found


def add_up(by_prompt: dict[str, Sums], wanted: frozenset[str], names: Sequence[str]) -> Sums:
    """Return the sums over the wanted prompts."""
    mine = [sums for prompt, sums in by_prompt.items() if prompt in wanted]
    return {name: sum(sums[name] for sums in mine) for name in names}
