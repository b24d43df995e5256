"""Replies whose channels are told from other replies: cut inside a block of thinking that the chat template opened.

A reply that a token limit cut inside such a block holds no tag at all, and looks like a response. That the template
opens a block is shown by the same checkpoint's other replies, which close one that they never opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.end_reasons import EndReason, end_reason
from charbench.domain.sample import ThinkingState
from charbench.domain.thinking import OPEN_PREFILL
from charbench.store.dialect import among
from charbench.store.prompt_totals import AnswersByPrompt, count_scores
from charbench.store.samples import add_group_totals
from charbench.store.tables import GROUP_TOTALS, checkpoints, groups, samples, score_totals, scored, scores, series

HALF = 0.5
"""Share of the replies that ended by themselves which must close a block that they did not open."""


def reopen_cut_replies(connection: Connection, group_ids: Sequence[int]) -> dict[int, int]:
    """Make thinking of replies that were cut inside a block which the chat template opened; return how many by group.

    Their scores are taken away: they are scored again as what they are.
    """
    changed: dict[int, int] = {}
    for group in group_ids:
        rows = connection.execute(_CUT.where(samples.c.group_id == group)).all()
        cut = [row for row in rows if end_reason(row.finish_reason) is EndReason.LENGTH]
        if cut and _template_opens(connection, group):
            _reopen(connection, group, cut)
            changed[group] = len(cut)
    return changed


def uris_of_groups(connection: Connection, counts: Mapping[int, int]) -> dict[str, int]:
    """Return counts by group as counts by the groups' checkpoints."""
    query = sa.select(groups.c.id, checkpoints.c.uri).join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
    found: Counter[str] = Counter()
    for group, uri in connection.execute(query.where(among(connection, groups.c.id, list(counts)))):
        found[uri] += counts[group]
    return found


_CUT = sa.select(samples.c.id, samples.c.prompt_id, samples.c.response, samples.c.raw, samples.c.finish_reason).where(
    samples.c.state == ThinkingState.NONE.value,
    samples.c.prefill == "",
    samples.c.thinking == "",
    samples.c.raw_reasoning.is_(None),
    samples.c.finish_reason.is_not(None),
    samples.c.finish_reason != "stop",
    samples.c.response != "",
)


def _template_opens(connection: Connection, group: int) -> bool:
    columns = (samples.c.state, samples.c.tags, samples.c.prefill, samples.c.finish_reason)
    ended = headless = 0
    query = sa.select(*columns).where(samples.c.group_id == group, samples.c.error_kind.is_(None))
    for row in connection.execute(query):
        if end_reason(row.finish_reason) is EndReason.LENGTH:
            continue
        ended += 1
        headless += bool(not row.prefill and row.tags and row.tags[0][2])
    return headless > 0 and headless >= HALF * ended


def _reopen(connection: Connection, group: int, cut: Sequence[Any]) -> None:
    ids = [row.id for row in cut]
    totals = {"id": group, **dict.fromkeys(GROUP_TOTALS, 0)}
    answers = AnswersByPrompt()
    for row in cut:
        was_response = int(bool(row.response.strip()))
        totals["responses"] -= was_response
        answers.count(group, row.prompt_id, answered=0, responses=-was_response)
        thinking = (row.response if row.raw is None else row.raw).strip()
        totals["response_chars"] -= len(row.response)
        totals["thinking_chars"] += len(thinking)
        values = {"response": "", "thinking": thinking, "state": ThinkingState.UNCLOSED_LENGTH.value}
        connection.execute(sa.update(samples).where(samples.c.id == row.id).values(prefill=OPEN_PREFILL, **values))
    totals[ThinkingState.NONE.value] = -len(cut)
    totals[ThinkingState.UNCLOSED_LENGTH.value] = len(cut)
    add_group_totals(connection, {group: totals})
    answers.add(connection)
    remove_scores(connection, group, ids)


def remove_scores(connection: Connection, group: int, sample_ids: Sequence[int]) -> None:
    """Take away all scores of samples of one group, with what they add to the running totals."""
    mine = among(connection, scored.c.sample_id, sample_ids)
    value, threshold = scores.c.value, series.c.threshold
    query = (
        sa.select(
            scores.c.series_id,
            sa.func.count(value),
            sa.func.count() - sa.func.count(value),
            sa.func.coalesce(sa.func.sum(value), 0.0),
            sa.func.coalesce(sa.func.sum(value * value), 0.0),
            sa.func.coalesce(sa.func.sum(sa.case((value >= threshold, 1), else_=0)), 0),
        )
        .join(scored, scored.c.id == scores.c.scored_id)
        .join(series, series.c.id == scores.c.series_id)
        .where(mine)
        .group_by(scores.c.series_id)
        .order_by(scores.c.series_id)
    )
    names = ("count", "missing", "total", "total_squared", "hits")
    for series_id, *sums in connection.execute(query).all():
        less = {name: score_totals.c[name] - amount for name, amount in zip(names, sums, strict=True)}
        total = (score_totals.c.series_id == series_id) & (score_totals.c.group_id == group)
        connection.execute(sa.update(score_totals).where(total).values(less))
    count_scores(connection, mine, -1)
    ids = sa.select(scored.c.id).where(mine)
    connection.execute(sa.delete(scores).where(scores.c.scored_id.in_(ids)))
    connection.execute(sa.delete(scored).where(mine))
