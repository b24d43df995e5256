"""Copies a whole store into an empty one, on SQLite or PostgreSQL: every row, under the number that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, IntegrityError

from charbench.errors import StoreError, UsageError
from charbench.store.database import Database
from charbench.store.faults import reason
from charbench.store.runs import live_runs
from charbench.store.tables import metadata

BATCH = 1000
"""Rows that are in memory at a time."""


def copy_store(source: Database, target: Database, tell: Callable[[str, int], None]) -> dict[str, int]:
    """Copy ``source`` into ``target`` and return how many rows each table has; call ``tell`` before each of them.

    ``source`` is only read, as it is at one moment. It is one transaction on ``target``: what breaks off leaves that
    empty. Raises :class:`UsageError` where a run is at work on ``source`` or ``target`` holds anything, and
    :class:`StoreError` where one of them cannot be read or written.
    """
    with _at_one_moment(source) as old, target.write() as new:
        if at_work := live_runs(old):
            raise UsageError(f"store {source.name}: run {at_work[0]} is using it; stop that run first")
        _check_empty(new, target)
        copied = {}
        for table in metadata.sorted_tables:
            rows = old.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            tell(table.name, rows)
            copied[table.name] = copy_table(old, new, table, target)
            if copied[table.name] != rows:
                raise StoreError(f"store {source.name}: table {table.name} has {rows} rows; read {copied[table.name]}")
    return copied


@contextmanager
def _at_one_moment(database: Database) -> Iterator[Connection]:
    """A transaction that sees the store as it is now, whoever writes to it meanwhile."""
    with database.read() as connection:
        if database.dialect == "postgresql":  # SQLite's transactions do so anyway
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _check_empty(connection: Connection, target: Database) -> None:
    if target.dialect == "postgresql":  # no run begins here, and no other copy, until this one is done
        connection.exec_driver_sql("LOCK TABLE runs IN SHARE ROW EXCLUSIVE MODE")
    for table in metadata.sorted_tables:
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise UsageError(
                f"store {target.name} is not empty: its table {table.name} has rows; name a new database or file"
            )


def copy_table(old: Connection, new: Connection, table: sa.Table, target: Database) -> int:
    """Copy one table and return its rows; JSON goes as text, so that null in it and no value stay apart."""
    columns = [
        sa.cast(column, sa.Text).label(column.name) if isinstance(column.type, sa.JSON) else column
        for column in table.columns
    ]
    statement = sa.insert(table).values({column.name: _given(column, target.dialect) for column in table.columns})
    copied = 0
    try:
        for rows in old.execution_options(yield_per=BATCH).execute(sa.select(*columns)).mappings().partitions():
            new.execute(statement, [dict(row) for row in rows])
            copied += len(rows)
        if target.dialect == "postgresql" and "id" in table.columns:
            _number_on(new, table)
    except (DataError, IntegrityError) as error:  # SQLite takes longer texts and larger numbers than PostgreSQL
        raise StoreError(f"store {target.name} does not take a row of table {table.name}: {reason(error)}") from None
    return copied


def _given(column: sa.Column[Any], dialect: str) -> sa.ColumnElement[Any]:
    if not isinstance(column.type, sa.JSON):
        return sa.bindparam(column.name, type_=column.type)
    text = sa.bindparam(column.name, type_=sa.Text)
    return sa.cast(text, sa.JSON) if dialect == "postgresql" else text


def _number_on(connection: Connection, table: sa.Table) -> None:
    """Let the rows that are added later have the numbers after those that were copied."""
    sequence = sa.func.pg_get_serial_sequence(table.name, "id")
    connection.execute(sa.select(sa.func.setval(sequence, sa.select(sa.func.max(table.c.id)).scalar_subquery())))
