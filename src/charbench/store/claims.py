"""Claims: which run works on which item, so that two runs never do one thing twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.store.database import Database
from charbench.store.dialect import among, insert
from charbench.store.runs import bury_the_dead
from charbench.store.tables import claims

Present = Callable[[Connection, Sequence[str]], set[str]]
"""Tells which of the items are done already."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of items that a run asked for.

    ``mine`` are this run's to do; ``done`` are in the store; ``elsewhere`` counts those that another live
    run is at.
    """

    mine: list[str]
    done: int
    elsewhere: int


def claim(database: Database, stage: str, run_id: int, items: Sequence[str], present: Present) -> Claimed:
    """Claim what is neither done nor claimed by another run that lives.

    Asking for what is present stands in the same transaction as claiming: an item that another run
    finishes in between is seen as done.
    """
    with database.read() as connection:
        done = present(connection, items)
    wanted = [item for item in dict.fromkeys(items) if item not in done]
    if not wanted:
        return Claimed([], len(done), 0)
    with database.write() as connection:
        done |= present(connection, wanted)
        wanted = [item for item in wanted if item not in done]
        taken = _taken(connection, stage, run_id, wanted)
        if taken:
            bury_the_dead(connection)
            taken = _taken(connection, stage, run_id, wanted)
        mine = [item for item in wanted if item not in taken]
        if mine:
            rows = [{"stage": stage, "item": item, "run_id": run_id} for item in mine]
            statement = insert(connection, claims).on_conflict_do_nothing()
            connection.execute(statement, rows)
            if connection.dialect.name != "sqlite":  # on SQLite no one else writes in this transaction
                taken |= _taken(connection, stage, run_id, mine)
                mine = [item for item in mine if item not in taken]
    return Claimed(mine, len(done), len(taken))


def release(connection: Connection, stage: str, items: Sequence[str]) -> None:
    """Let go of items, in the transaction that stores their results."""
    connection.execute(sa.delete(claims).where(claims.c.stage == stage, among(connection, claims.c.item, items)))


def _owners(connection: Connection, stage: str, items: Sequence[str]) -> dict[str, int]:
    """Return the run that has claimed each of these items, where one has."""
    query = sa.select(claims.c.item, claims.c.run_id)
    found = connection.execute(query.where(claims.c.stage == stage, among(connection, claims.c.item, items)))
    return {row.item: row.run_id for row in found}


def _taken(connection: Connection, stage: str, run_id: int, items: Sequence[str]) -> set[str]:
    """Return which items another run has claimed."""
    return {item for item, owner in _owners(connection, stage, items).items() if owner != run_id}
