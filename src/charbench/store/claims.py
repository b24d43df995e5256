"""Claims: which run works on which item, so that two runs never do one thing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.store.database import Database
from charbench.store.dialect import among, insert_new
from charbench.store.runs import dead_runs, end_dead_runs, live_runs
from charbench.store.tables import claims

T = TypeVar("T")
Present = Callable[[Connection, Sequence[str]], set[str]]
"""Tells which of the items are done already."""
_PARTS = 4
"""So many times at least each of several workers claims something."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of items that a run asked for.

    ``mine`` are this run's to do; ``done`` are in the store; ``elsewhere`` counts those that another live
    run is at.
    """

    mine: list[str]
    done: int
    elsewhere: int


def claimed_together(most: int, items: int | None, workers: int, multiple: int = 1) -> int:
    """Return how many of the items one of so many workers claims together: at most ``most``, 1 at least.

    No more than a quarter of its part, so that none has claimed what others wait for; ``items`` None: nobody knows how
    many there are. A whole ``multiple`` where that is no more than ``most``.
    """
    if workers <= 1:
        return most
    part = most // workers if items is None else items // (workers * _PARTS)
    return min(most, max(1, -(-part // multiple)) * multiple)


def shared_out(items: Iterable[T], others: int) -> list[T]:
    """Return items in the order in which a run takes them that has found ``others`` at work when it began.

    Each begins where it is farthest from those before it: at the start, in the middle, after a quarter, after three
    (van der Corput's sequence). Runs that each take all from the start would ask for the same items all the way.
    """
    listed, place, part = list(items), 0.0, 0.5
    while others > 0:
        others, digit = divmod(others, 2)
        place += digit * part
        part /= 2
    first = int(place * len(listed))
    return [*listed[first:], *listed[:first]]


def others_at_work(database: Database, run_id: int) -> int:
    """Return how many runs that began before this one are at work on the store."""
    with database.read() as connection:
        return sum(number < run_id for number in live_runs(connection))


def claim(database: Database, stage: str, run_id: int, items: Sequence[str], present: Present) -> Claimed:
    """Claim what is neither done nor claimed by another run that lives.

    The claim comes first, and what is done is looked up under it. A run lets go of an item in the transaction that
    stores its result, so once the claim is ours, whatever anybody has stored for the item is visible to the next
    statement. In the other order the two would be read from different snapshots on PostgreSQL, and an item that
    another run finishes in between would be neither done nor claimed.
    """
    with database.read() as connection:
        done = present(connection, items)
        wanted = [item for item in dict.fromkeys(items) if item not in done]
        others = _owned_by_others(connection, stage, run_id, wanted)
    # What another run is seen to have is not asked for in the transaction: all would wait for it, to learn the same.
    mine, finished, taken = _claim(database, stage, run_id, [item for item in wanted if item not in others], present)
    taken += [item for item in wanted if item in others]
    if taken and _free_the_dead(database):
        more, also_finished, taken = _claim(database, stage, run_id, taken, present)
        mine |= more
        finished |= also_finished
    return Claimed([item for item in wanted if item in mine], len(done | finished), len(taken))


def _claim(
    database: Database, stage: str, run_id: int, wanted: Sequence[str], present: Present
) -> tuple[set[str], set[str], list[str]]:
    """Return which of the wanted items are this run's now, which are done, and which another run has."""
    if not wanted:
        return set(), set(), []
    # In the order of their names: two runs that claim the same items wait for each other in one direction only.
    rows = [(stage, item, run_id) for item in sorted(wanted)]
    with database.write() as connection:
        mine = {item for (item,) in insert_new(connection, claims, ("stage", "item", "run_id"), rows, ("item",))}
        rest = [item for item in wanted if item not in mine]
        if rest:
            mine |= {item for item, owner in _owners(connection, stage, rest).items() if owner == run_id}
        done = present(connection, sorted(mine)) if mine else set()
        if done:
            release(connection, stage, run_id, sorted(done))
    return mine - done, done, [item for item in rest if item not in mine]


def _free_the_dead(database: Database) -> bool:
    """Free what dead runs had claimed; return whether there were any.

    In a transaction of its own: one that held claims while it waited for another to do the same could wait for ever.
    """
    with database.read() as connection:
        if not dead_runs(connection):
            return False
    with database.write() as connection:
        end_dead_runs(connection)
    return True


def release(connection: Connection, stage: str, run_id: int, items: Sequence[str]) -> None:
    """Let go of this run's claims, in the transaction that stores their results."""
    mine = (claims.c.stage == stage) & (claims.c.run_id == run_id)
    connection.execute(sa.delete(claims).where(mine, among(connection, claims.c.item, items)))


def _owned_by_others(connection: Connection, stage: str, run_id: int, items: Sequence[str]) -> set[str]:
    """Return which of these items other runs have claimed; nearly nothing to do where none is at work."""
    others = sa.select(claims.c.item).where(claims.c.stage == stage, claims.c.run_id != run_id).limit(1)
    if not items or connection.scalar(others) is None:
        return set()
    return {item for item, owner in _owners(connection, stage, items).items() if owner != run_id}


def _owners(connection: Connection, stage: str, items: Sequence[str]) -> dict[str, int]:
    """Return the run that has claimed each of these items, where one has."""
    query = sa.select(claims.c.item, claims.c.run_id)
    found = connection.execute(query.where(claims.c.stage == stage, among(connection, claims.c.item, items)))
    return {row.item: row.run_id for row in found}
