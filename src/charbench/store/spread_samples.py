"""A few samples of a group that lie far from each other: what they differ in, the group differs in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.store.tables import prompts, samples


class SpreadSample(NamedTuple):
    """What one sample was asked, and its further columns."""

    messages: Sequence[tuple[str, str]]
    """Role and content of each."""
    extra: dict[str, Any]


def spread_samples(connection: Connection, group: int, most: int) -> list[SpreadSample]:
    """Return up to ``most`` samples of a group (2 or more), the first, the last, and some at equal steps between.

    Of neighbouring rows that are 1 / (``most`` - 1) of the group or more, one is among them. No other sample is read.
    """
    rows = connection.execute(_SPREAD, {"group": group, "steps": most - 1})
    return [SpreadSample(row.messages, row.extra or {}) for row in rows]


def _spread() -> sa.Select[Any]:
    group, steps = sa.bindparam("group", type_=sa.Integer), sa.bindparam("steps", type_=sa.BigInteger)
    of_group = sa.select(sa.func.min(samples.c.id).label("first"), sa.func.max(samples.c.id).label("last"))
    ends = of_group.where(samples.c.group_id == group).cte("ends")
    step = sa.select(sa.literal(0, sa.BigInteger).label("number")).cte("step", recursive=True)
    step = step.union_all(sa.select(step.c.number + 1).where(step.c.number < steps))
    from_there = ends.c.first + (ends.c.last - ends.c.first) * step.c.number // steps
    at = samples.alias("at")
    next_one = sa.select(sa.func.min(at.c.id)).where(at.c.group_id == group, at.c.id >= from_there).scalar_subquery()
    chosen = sa.select(next_one).select_from(step.join(ends, sa.true()))
    return (
        sa.select(prompts.c.messages, samples.c.extra)
        .join(prompts, prompts.c.id == samples.c.prompt_id)
        .where(samples.c.id.in_(chosen))
        .order_by(samples.c.id)
    )


_SPREAD = _spread()
