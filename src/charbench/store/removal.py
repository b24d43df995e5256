"""Results that are taken out of every report, and put back: their samples stay known, so that none is asked again.

A removed sample moves with its scores to a group of its own, whose condition (:data:`REMOVED`) no reader takes. What it
adds to running totals moves along. Removals may overlap: a sample is put back when no removal of it is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.keys import digest
from charbench.store.dialect import add_totals, among, chunks, get_or_add
from charbench.store.prompt_totals import AnswersByPrompt, count_scores
from charbench.store.runs import utc_now
from charbench.store.sample_reader import SampleReader
from charbench.store.samples import StoredSample, add_group_totals, count_sample
from charbench.store.served import count_provenances
from charbench.store.summaries import REMOVED
from charbench.store.tables import (
    GROUP_TOTALS,
    checkpoints,
    games,
    groups,
    prompts,
    removals,
    removed_samples,
    samples,
    samplings,
    score_totals,
    scored,
    scores,
    series,
)

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Removal:
    """What a removal is about: its samples' numbers, and how many of each checkpoint, their scores and games."""

    what: str
    samples: list[int]
    checkpoints: dict[str, int]
    scores: int
    games: int
    also: dict[str, int] = field(default_factory=dict)
    """How many of the samples other removals have taken out too, by what these are about."""
    shared: int = 0
    """How many of the samples any other removal has taken out too."""


def find_results(
    connection: Connection,
    what: str,
    *,
    uris: Sequence[str] = (),
    run: int | None = None,
    groups_of: Sequence[tuple[int, frozenset[str] | None]] = (),
) -> Removal:
    """Return the results of these checkpoints, of this run, or of these groups (with the prompts that count).

    Those that other removals have taken out are among them; those that were removed under the same words are not.
    """
    wanted = dict(groups_of)
    names: dict[int, str] = {}
    for is_removed in (False, True):
        query = _samples_with_origin(is_removed)
        origin = removed_samples.c.group_id if is_removed else samples.c.group_id
        if is_removed:
            query = query.where(samples.c.id.not_in(_ids_removed_as(what)))
        if uris:
            query = query.where(among(connection, checkpoints.c.uri, list(uris)))
        if run is not None:
            query = query.where(samples.c.run_id == run)
        if groups_of:
            query = query.where(among(connection, origin, list(wanted)))
        for row in connection.execute(query):
            if not groups_of or (keys := wanted[row.group_id]) is None or row.key in keys:
                names[row.id] = row.name
    return _about(connection, what, names)


def _samples_with_origin(is_removed: bool) -> sa.Select[Any]:
    """Return the query of samples in reports with their groups, or of removed ones with those that they came from."""
    query = sa.select(samples.c.id, checkpoints.c.name, groups.c.id.label("group_id"), prompts.c.key)
    query = query.join(prompts, prompts.c.id == samples.c.prompt_id)
    if is_removed:
        query = query.join(removed_samples, removed_samples.c.sample_id == samples.c.id)
        query = query.join(groups, groups.c.id == removed_samples.c.group_id)
    else:
        query = query.join(groups, groups.c.id == samples.c.group_id)
    query = query.join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
    query = query.join(samplings, samplings.c.id == groups.c.sampling_id)
    return query.where(samplings.c.condition != REMOVED)


def _ids_removed_as(what: str) -> sa.Select[Any]:
    query = sa.select(removed_samples.c.sample_id)
    return query.join(removals, removals.c.id == removed_samples.c.removal_id).where(removals.c.what == what)


def find_removed(connection: Connection, what: str) -> Removal:
    """Return what was removed under these words and is not restored."""
    query = (
        sa.select(samples.c.id, checkpoints.c.name)
        .join(removed_samples, removed_samples.c.sample_id == samples.c.id)
        .join(removals, removals.c.id == removed_samples.c.removal_id)
        .join(groups, groups.c.id == samples.c.group_id)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .where(removals.c.what == what, removals.c.purged_at.is_(None))
    )
    return _about(connection, what, {row.id: row.name for row in connection.execute(query)})


def _about(connection: Connection, what: str, names: dict[int, str]) -> Removal:
    """Put together what a removal is about, from its samples and the names of their checkpoints."""
    ids = sorted(names)
    score_count = game_count = 0
    also: Counter[str] = Counter()
    shared: set[int] = set()
    others = sa.select(removals.c.what, removed_samples.c.sample_id).distinct()
    others = others.join(removed_samples, removed_samples.c.removal_id == removals.c.id)
    others = others.where(removals.c.what != what)
    for part in chunks(ids, CHUNK):
        mine = among(connection, scored.c.sample_id, part)
        score_count += connection.scalar(sa.select(sa.func.count()).select_from(scored).where(mine)) or 0
        played = among(connection, games.c.first_id, part) | among(connection, games.c.second_id, part)
        game_count += connection.scalar(sa.select(sa.func.count()).select_from(games).where(played)) or 0
        rows = connection.execute(others.where(among(connection, removed_samples.c.sample_id, part))).all()
        also.update(row.what for row in rows)
        shared.update(row.sample_id for row in rows)
    by_name = dict(Counter(names.values()))
    return Removal(what, ids, by_name, score_count, game_count, dict(also), len(shared))


def remove(connection: Connection, removal: Removal) -> None:
    """Take these results out of every report; of those that are out already it is noted that this removal has them."""
    result = connection.execute(sa.insert(removals).values(what=removal.what, at=utc_now()))
    key = result.inserted_primary_key
    assert key is not None
    for part in chunks(removal.samples, CHUNK):
        out = _origins(connection, part)
        here = _groups_of(connection, [one for one in part if one not in out])
        shadows = {group: _shadow(connection, group) for group in sorted(set(here.values()))}
        origins = out | here
        rows = [{"sample_id": one, "removal_id": int(key[0]), "group_id": origins[one]} for one in part]
        connection.execute(sa.insert(removed_samples), rows)
        _move(connection, {one: shadows[group] for one, group in here.items()}, here)


def restore(connection: Connection, removal: Removal) -> None:
    """Put these results back to where they were, but for those that another removal has taken out too."""
    restore_samples(connection, removal.samples, removals.c.what == removal.what)
    mine = (removals.c.what == removal.what) & removals.c.restored_at.is_(None) & removals.c.purged_at.is_(None)
    connection.execute(sa.update(removals).where(mine).values(restored_at=utc_now()))


def restore_samples(connection: Connection, ids: Sequence[int], of: sa.ColumnElement[bool]) -> None:
    """Take single samples out of those removals that ``of`` is true of; who is in no other one is put back."""
    taken_back = sa.select(removals.c.id).where(of, removals.c.purged_at.is_(None))
    for part in chunks(ids, CHUNK):
        before = _origins(connection, part)
        mine = among(connection, removed_samples.c.sample_id, part)
        connection.execute(sa.delete(removed_samples).where(mine, removed_samples.c.removal_id.in_(taken_back)))
        out = _origins(connection, part)
        back = {one: group for one, group in before.items() if one not in out}
        _move(connection, back, _groups_of(connection, sorted(back)))


def purge(connection: Connection, removal: Removal) -> None:
    """Erase the texts of removed results, and what scorers quoted and said of them; this cannot be undone."""
    reader = SampleReader()
    empty = {"response": "", "thinking": "", "raw": None, "raw_reasoning": None, "extra": None, "error": None}
    for part in chunks(removal.samples, CHUNK):
        totals: dict[int, dict[str, Any]] = {}
        by_prompt = AnswersByPrompt()
        for sign in (-1, +1):
            for stored in reader.read(connection, part):
                count_sample(totals, stored.group_id, stored.sample, sign)
                _count_by_prompt(by_prompt, stored.group_id, stored, sign)
            if sign < 0:
                mine = among(connection, samples.c.id, part)
                connection.execute(sa.update(samples).where(mine).values(empty))
        add_group_totals(connection, totals)
        by_prompt.add(connection)
        connection.execute(
            sa.update(scored).where(among(connection, scored.c.sample_id, part)).values(evidence=sa.null())
        )
        played = among(connection, games.c.first_id, part) | among(connection, games.c.second_id, part)
        connection.execute(sa.update(games).where(played).values(evidence=sa.null()))
    mine = (removals.c.what == removal.what) & removals.c.restored_at.is_(None) & removals.c.purged_at.is_(None)
    connection.execute(sa.update(removals).where(mine).values(purged_at=utc_now()))


def _origins(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """Return those of these samples that are removed, with the groups that they came from."""
    query = sa.select(removed_samples.c.sample_id, removed_samples.c.group_id)
    query = query.where(among(connection, removed_samples.c.sample_id, ids))
    return {row.sample_id: row.group_id for row in connection.execute(query)}


def _groups_of(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    query = sa.select(samples.c.id, samples.c.group_id).where(among(connection, samples.c.id, ids))
    return {row.id: row.group_id for row in connection.execute(query)}


def _shadow(connection: Connection, group: int) -> int:
    """Return the group for what is removed from a group: of the same checkpoint, under a sampling that is not read."""
    query = (
        sa.select(samplings, groups.c.checkpoint_id)
        .join(groups, groups.c.sampling_id == samplings.c.id)
        .where(groups.c.id == group)
    )
    row = connection.execute(query).one()
    rest = {
        "sampler": row.sampler,
        "protocol": row.protocol,
        "params": row.params,
        "condition": REMOVED,
        "last_run_id": row.last_run_id,
    }
    sampling = get_or_add(connection, samplings, {"key": digest(REMOVED, row.key)}, rest)
    where = {"checkpoint_id": row.checkpoint_id, "sampling_id": sampling}
    return get_or_add(connection, groups, where, dict.fromkeys(GROUP_TOTALS, 0))


def _move(connection: Connection, to: dict[int, int], here: dict[int, int]) -> None:
    """Move samples to other groups, with all that they add to running totals."""
    if not to:
        return
    ids = sorted(to)
    totals: dict[int, dict[str, Any]] = {}
    by_prompt = AnswersByPrompt()
    for stored in SampleReader().read(connection, ids):
        for group, sign in ((here[stored.id], -1), (to[stored.id], +1)):
            count_sample(totals, group, stored.sample, sign)
            _count_by_prompt(by_prompt, group, stored, sign)
    add_group_totals(connection, totals)
    by_prompt.add(connection)
    their_scores = among(connection, scored.c.sample_id, ids)
    count_scores(connection, their_scores, -1)
    served = connection.execute(
        sa.select(samples.c.id, samples.c.provenance_id).where(among(connection, samples.c.id, ids))
    ).all()
    for groups_of, sign in ((here, -1), (to, +1)):
        rows = [{"group_id": groups_of[row.id], "provenance_id": row.provenance_id} for row in served]
        count_provenances(connection, rows, sign)
    _move_scores(connection, to, here)
    by_target: dict[int, list[int]] = {}
    for one in ids:
        by_target.setdefault(to[one], []).append(one)
    for target, mine in by_target.items():
        connection.execute(sa.update(samples).where(among(connection, samples.c.id, mine)).values(group_id=target))
    count_scores(connection, their_scores, +1)


def _count_by_prompt(by_prompt: AnswersByPrompt, group: int, stored: StoredSample, sign: int) -> None:
    answered = stored.sample.failure is None
    responded = answered and bool(stored.sample.response.strip())
    by_prompt.count(group, stored.prompt_id, answered=sign * answered, responses=sign * responded)


def _move_scores(connection: Connection, to: dict[int, int], here: dict[int, int]) -> None:
    query = (
        sa.select(scored.c.sample_id, scores.c.series_id, scores.c.value, series.c.threshold)
        .join(scores, scores.c.scored_id == scored.c.id)
        .join(series, series.c.id == scores.c.series_id)
        .where(among(connection, scored.c.sample_id, sorted(to)))
    )
    sums: dict[tuple[int, int], dict[str, float]] = {}
    for row in connection.execute(query):
        told = row.value is not None
        value = row.value if told else 0.0
        hit = told and row.threshold is not None and row.value >= row.threshold
        amounts = {"count": told, "missing": not told, "total": value, "total_squared": value * value, "hits": hit}
        for group, sign in ((here[row.sample_id], -1), (to[row.sample_id], +1)):
            mine = sums.setdefault((row.series_id, group), dict.fromkeys(amounts, 0))
            for name, amount in amounts.items():
                mine[name] += sign * amount
    rows = [{"series_id": number, "group_id": group, **mine} for (number, group), mine in sums.items()]
    add_totals(connection, score_totals, ("series_id", "group_id"), rows)
    empty = (score_totals.c.count == 0) & (score_totals.c.missing == 0)
    for part in chunks(sorted({group for _, group in sums}), CHUNK):
        connection.execute(sa.delete(score_totals).where(among(connection, score_totals.c.group_id, part), empty))
