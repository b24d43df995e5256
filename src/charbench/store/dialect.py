"""The few statements that SQLite and PostgreSQL spell the same way, but SQLAlchemy in two places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

T = TypeVar("T")
MAX_PARAMETERS = 900
"""How many values one ``IN (...)`` takes; SQLite's smallest limit is 999."""


def insert(connection: Connection, table: sa.Table) -> Any:
    """Return an INSERT that knows ON CONFLICT."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def upsert(connection: Connection, table: sa.Table, key: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Insert ``rows``; where one with the same ``key`` columns stands, replace its other columns."""
    if not rows:
        return
    statement = insert(connection, table)
    new = {name: statement.excluded[name] for name in rows[0] if name not in key}
    if new:
        statement = statement.on_conflict_do_update(index_elements=list(key), set_=new)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(key))
    connection.execute(statement, list(rows))


def add_totals(connection: Connection, table: sa.Table, key: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Add ``rows`` to running totals: a row with the same key gets each other column added to its own.

    Rows are taken in the order of their keys, so that two writers lock them in the same order.
    """
    if not rows:
        return
    statement = insert(connection, table)
    sums = {name: table.c[name] + statement.excluded[name] for name in rows[0] if name not in key}
    statement = statement.on_conflict_do_update(index_elements=list(key), set_=sums)
    connection.execute(statement, sorted(rows, key=lambda row: tuple(row[name] for name in key)))


def get_or_add(connection: Connection, table: sa.Table, key: dict[str, Any], rest: dict[str, Any]) -> int:
    """Return the id of the row with this key, adding it with ``rest`` if there is none."""
    where = sa.and_(*(table.c[name] == value for name, value in key.items()))
    found = connection.scalar(sa.select(table.c.id).where(where))
    if found is None:
        statement = insert(connection, table).on_conflict_do_nothing(index_elements=list(key))
        connection.execute(statement, [{**key, **rest}])
        found = connection.scalar(sa.select(table.c.id).where(where))
    assert found is not None
    return int(found)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield ``items`` in lists of at most ``size``."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
