"""Games in the store: who can play whom, what was played, and adding to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.comparison import BALANCED, Comparison
from charbench.domain.sample import DEFAULT_CONDITION, Failure
from charbench.store.claims import release
from charbench.store.dialect import among, insert
from charbench.store.samples import attempt_row
from charbench.store.tables import attempts, checkpoints, games, groups, prompts, samples, samplings
from charbench.text.redaction import redact

STAGE = "pair"
Slot = tuple[str, int]
"""A prompt's key and an epoch: two checkpoints can play where both have a sample for it."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """A checkpoint's samples under one sampling: the sample's number for each prompt and epoch, in their order."""

    uri: str
    samples: dict[Slot, int]


@dataclass(frozen=True, slots=True)
class NewGame:
    """A game to add, with the lengths in characters of what was compared; ``comparison`` None: it failed."""

    first_id: int
    second_id: int
    comparison: Comparison | None
    chars: tuple[int, int] = (0, 0)
    failures: tuple[Failure, ...] = ()


def entrants(connection: Connection, group_ids: Sequence[int]) -> list[list[Entrant]]:
    """Return those of these groups that can play each other: of one sampler and its settings, asked by default.

    Of a checkpoint and sampler that is the group wanted last, as reports show. Failed samples do not play. Groups
    and their members come in an order that depends on their samplings and URIs alone.
    """
    query = (
        sa.select(groups.c.id, groups.c.checkpoint_id, checkpoints.c.uri, samplings.c.sampler, samplings.c.key)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .where(among(connection, groups.c.id, group_ids), samplings.c.condition == DEFAULT_CONDITION)
        .where(groups.c.samples > groups.c.errors)
        .order_by(samplings.c.last_run_id, samplings.c.id)
    )
    newest = {(row.checkpoint_id, row.sampler): row for row in connection.execute(query)}
    pools: dict[str, list[Entrant]] = {}
    for row in sorted(newest.values(), key=lambda row: (row.key, row.uri)):
        pools.setdefault(row.key, []).append(Entrant(row.uri, _slots(connection, row.id)))
    return [pool for pool in pools.values() if len(pool) > 1]


def _slots(connection: Connection, group_id: int) -> dict[Slot, int]:
    query = (
        sa.select(prompts.c.key, samples.c.epoch, samples.c.id)
        .join(prompts, prompts.c.id == samples.c.prompt_id)
        .where(samples.c.group_id == group_id, samples.c.error_kind.is_(None))
        .order_by(samples.c.id.desc())
    )
    found = {(intern(row.key), row.epoch): row.id for row in connection.execute(query)}
    return {slot: found[slot] for slot in sorted(found)}


def played(connection: Connection, scoring_id: int) -> list[tuple[int, int]]:
    """Return the games of a scoring, in the order of play: first and second sample."""
    query = sa.select(games.c.first_id, games.c.second_id).where(games.c.scoring_id == scoring_id)
    return [(row.first_id, row.second_id) for row in connection.execute(query.order_by(games.c.id))]


def item(scoring_id: int, first_id: int, second_id: int) -> str:
    """Return the name under which a game is claimed, whichever of the two is the first."""
    return f"{scoring_id}:{min(first_id, second_id)}:{max(first_id, second_id)}"


def present_games(connection: Connection, items: Sequence[str]) -> set[str]:
    """Return which items (see :func:`item`) were played."""
    wanted = {name: tuple(map(int, name.split(":"))) for name in items}
    sides = sorted({side for _, *both in wanted.values() for side in both})
    query = sa.select(games.c.scoring_id, games.c.first_id, games.c.second_id).where(
        games.c.scoring_id.in_({scoring for scoring, _, _ in wanted.values()}),
        among(connection, games.c.first_id, sides),
    )
    found = {item(*row) for row in connection.execute(query)}
    return set(wanted) & found


def add_games(connection: Connection, scoring_id: int, run_id: int, new: Sequence[NewGame]) -> int:
    """Add games and the tries that failed, and let go of their claims; return how many games were new."""
    rows = [_row(scoring_id, run_id, game, game.comparison) for game in new if game.comparison is not None]
    added = 0
    if rows:
        statement = insert(connection, games).on_conflict_do_nothing().returning(games.c.id)
        added = len(connection.execute(statement, rows).all())
    names = [item(scoring_id, game.first_id, game.second_id) for game in new]
    failed = [
        attempt_row(STAGE, name, run_id, number, failure)
        for name, game in zip(names, new, strict=True)
        for number, failure in enumerate(game.failures, 1)
    ]
    if failed:
        connection.execute(sa.insert(attempts), failed)
    release(connection, STAGE, run_id, names)
    return added


def _row(scoring_id: int, run_id: int, game: NewGame, comparison: Comparison) -> dict[str, Any]:
    return {
        "scoring_id": scoring_id,
        "first_id": game.first_id,
        "second_id": game.second_id,
        "result": comparison.result,
        "channel": comparison.channel.value,
        "first_chars": game.chars[0],
        "second_chars": game.chars[1],
        "both_orders": comparison.both_orders,
        "flips": comparison.flips,
        "decided": comparison.decided,
        "first_wins": comparison.first_wins,
        "flags": len(comparison.flags),
        "evidence": _evidence(comparison),
        "run_id": run_id,
    }


def _evidence(comparison: Comparison) -> dict[str, Any]:
    """Return explanation, verdicts (judge, result, whether swapped, reason), flags and schedule, without secrets."""
    verdicts = [[one.judge, one.result, one.swapped, redact(one.reason)] for one in comparison.verdicts]
    given = {"why": redact(comparison.explanation), "verdicts": verdicts, "flags": list(comparison.flags)}
    return {name: value for name, value in given.items() if value} | {"schedule": BALANCED}
