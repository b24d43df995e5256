"""Stored replies whose thinking and response are split again: by other replies, or by delimiters named later.

A reply that a token limit cut inside a block that the chat template opened holds no tag at all, and looks like a
response. That the template opens a block is shown by the same checkpoint's other replies, which close one that they
never opened. And a delimiter of a lab's own is often named only after replies with it were seen, and paid for.

What was made of a text that was split wrongly, its scores and games, is taken away; the same run makes it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.end_reasons import EndReason, end_reason
from charbench.domain.sample import Completion, ThinkingState
from charbench.domain.thinking import OPEN_PREFILL, Attribution, attribute
from charbench.store.dialect import among, chunks
from charbench.store.prompt_totals import AnswersByPrompt, count_scores
from charbench.store.runs import change_details
from charbench.store.samples import add_group_totals
from charbench.store.summaries import REMOVED
from charbench.store.tables import (
    GROUP_TOTALS,
    checkpoints,
    games,
    groups,
    runs,
    samples,
    samplings,
    score_totals,
    scored,
    scores,
    series,
)

HALF = 0.5
"""Share of the replies that ended by themselves which must close a block that they did not open."""
_CHUNK = 500
_Change = tuple[Any, Attribution, dict[str, Any]]
"""A stored row, what it is split into now, and further columns to set."""
_DETAIL = "thinking_tags"
"""The detail of a run that says by which further delimiters the replies of a group were split."""


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


def split_again(
    connection: Connection, run_id: int, sampler: str, uris: Sequence[str], thinking_tags: Sequence[str]
) -> dict[int, int]:
    """Split stored replies of a sampler and these checkpoints by these further delimiters; return how many changed by
    group.

    Only groups are read whose replies were split by others before; what they are split by now is noted with
    the run. A recording keeps what was split once, since its text as it came is not stored.
    """
    tags, last = tuple(thinking_tags), _split_by(connection)
    if not tags and not last:
        return {}
    changed: dict[int, int] = {}
    noted: dict[str, list[str]] = {}
    for group in _groups_of(connection, sampler, uris):
        before = last.get(group, ())
        if before == tags:
            continue
        noted[str(group)] = list(tags)
        if count := _split_group(connection, group, before, tags):
            changed[group] = count
    if noted:
        change_details(connection, run_id, lambda known: {**known, _DETAIL: {**known.get(_DETAIL, {}), **noted}})
    return changed


def uris_of_groups(connection: Connection, counts: Mapping[int, int]) -> dict[str, int]:
    """Return counts by group as counts by the groups' checkpoints."""
    query = sa.select(groups.c.id, checkpoints.c.uri).join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
    found: Counter[str] = Counter()
    for group, uri in connection.execute(query.where(among(connection, groups.c.id, list(counts)))):
        found[uri] += counts[group]
    return found


_CUT = sa.select(
    samples.c.id,
    samples.c.prompt_id,
    samples.c.response,
    samples.c.thinking,
    samples.c.state,
    samples.c.raw,
    samples.c.finish_reason,
).where(
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
    state = ThinkingState.UNCLOSED_LENGTH
    texts = ((row, (row.response if row.raw is None else row.raw).strip()) for row in cut)
    _rewrite(connection, group, [(row, Attribution("", text, state), {"prefill": OPEN_PREFILL}) for row, text in texts])


def _split_by(connection: Connection) -> dict[int, tuple[str, ...]]:
    """Return by group the further delimiters that its replies were split by, where there were any."""
    noted = sa.cast(runs.c.details, sa.Text).like(f"%{_DETAIL}%")
    found: dict[int, tuple[str, ...]] = {}
    for details in connection.scalars(sa.select(runs.c.details).where(noted).order_by(runs.c.id)):
        found.update((int(group), tuple(tags)) for group, tags in (details or {}).get(_DETAIL, {}).items())
    return found


def _groups_of(connection: Connection, sampler: str, uris: Sequence[str]) -> list[int]:
    query = (
        sa.select(groups.c.id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .where(samplings.c.sampler == sampler, samplings.c.condition != REMOVED)
    )
    return sorted(
        group
        for part in chunks(uris, _CHUNK)
        for group in connection.scalars(query.where(among(connection, checkpoints.c.uri, part)))
    )


def _split_group(connection: Connection, group: int, before: Sequence[str], tags: Sequence[str]) -> int:
    """Tell a group's replies apart where the further delimiters make a difference; return how many changed."""
    query = _REPLIES.where(samples.c.group_id == group).order_by(samples.c.id).limit(_CHUNK)
    last = count = 0
    while rows := connection.execute(query.where(samples.c.id > last)).all():
        last = rows[-1].id
        changes: list[_Change] = []
        for row in rows:
            given = _as_it_came(row)
            now = attribute(given, tags)
            if (now.response, now.thinking) != (row.response, row.thinking) and now != attribute(given, before):
                changes.append((row, now, {}))
        if changes:
            _rewrite(connection, group, changes)
            count += len(changes)
    return count


_REPLIES = sa.select(
    samples.c.id, samples.c.prompt_id, samples.c.response, samples.c.thinking, samples.c.state, samples.c.raw,
    samples.c.raw_reasoning, samples.c.finish_reason, samples.c.prefill,
).where(samples.c.error_kind.is_(None))  # fmt: skip


def _as_it_came(row: Any) -> Completion:
    if row.raw is None and row.raw_reasoning is None:
        return Completion(response=row.response, thinking=row.thinking, finish_reason=row.finish_reason)
    return Completion(
        text=row.raw, reasoning=row.raw_reasoning, finish_reason=row.finish_reason, prefill=row.prefill or ""
    )


def _rewrite(connection: Connection, group: int, changes: Sequence[tuple[Any, Attribution, dict[str, Any]]]) -> None:
    """Store what replies of one group are split into now, with further columns; what was made of them goes."""
    totals: dict[str, Any] = {"id": group, **dict.fromkeys(GROUP_TOTALS, 0)}
    answers = AnswersByPrompt()
    for row, now, more in changes:
        responses = bool(now.response.strip()) - bool(row.response.strip())
        answers.count(group, row.prompt_id, answered=0, responses=responses)
        totals["responses"] += responses
        totals["response_chars"] += len(now.response) - len(row.response)
        totals["thinking_chars"] += len(now.thinking) - len(row.thinking)
        totals[row.state] -= 1
        totals[now.state.value] += 1
        tags = [[tag.start, tag.end, tag.closes] for tag in now.tags] or None
        values = {"response": now.response, "thinking": now.thinking, "state": now.state.value, "tags": tags, **more}
        connection.execute(sa.update(samples).where(samples.c.id == row.id).values(values))
    add_group_totals(connection, {group: totals})
    answers.add(connection)
    ids = [row.id for row, *_ in changes]
    remove_scores(connection, group, ids)
    played = among(connection, games.c.first_id, ids) | among(connection, games.c.second_id, ids)
    connection.execute(sa.delete(games).where(played))


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
