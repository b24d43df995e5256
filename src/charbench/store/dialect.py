"""The few statements that SQLite and PostgreSQL spell the same way, but SQLAlchemy in two places."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import in_op, not_in_op

T = TypeVar("T")
Row = tuple[Any, ...]
MAX_PARAMETERS = 900
"""How many values one ``IN (...)`` takes; SQLite's smallest limit is 999."""
_MOST_PARAMETERS = 9_216
"""How many values of rows one statement takes where SQLite's limit is higher, as it is since 2020 (32,766)."""


def read_json(text: str) -> Any:
    """Return what a column of JSON holds, in half the time that Python's own parser takes.

    What is too deep for that one, or holds half a surrogate pair, is left to Python's.
    """
    try:
        return from_json(text)
    except ValueError:
        return json.loads(text)


def insert(connection: Connection, table: sa.Table) -> Any:
    """Return an INSERT that knows ON CONFLICT."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: sa.Table) -> Any:
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def among(connection: Connection, column: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that ``column`` is one of ``values``: one parameter, however many values there are.

    SQLAlchemy's own ``in_`` writes the statement anew for every list, which takes longer than running it.
    """
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return column == sa.func.any(sa.literal(list(values), postgresql.ARRAY(column.type)))
    listed = _Listed(sa.literal(json.dumps(list(values)), sa.Text()))
    return sa.BinaryExpression(column, listed, in_op, type_=sa.Boolean(), negate=not_in_op)


class _Listed(FunctionElement[Any]):
    """The values of a JSON array, as SQLite reads them: a select that is put together in a tenth of the time."""

    name = "listed"
    inherit_cache = True


@compiles(_Listed, "sqlite")
def _written(element: _Listed, compiler: Any, **how: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **how)}))"  # noqa: S608 (a parameter)


def insert_tuples(connection: Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows that hold all of a table's columns in their order, plain numbers and texts only.

    Goes past SQLAlchemy's work on every value: for tables that get twenty rows for each sample.
    """
    _insert_rows(connection, table, [column.name for column in table.columns], rows)


def _insert_rows(
    connection: Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], on: str = ""
) -> None:
    """Insert rows, on SQLite as many of them as it takes with each statement.

    For each statement, and for each row of one that is run many times, its driver gives Python's lock away; to get it
    back from the scorers takes longer than to insert the row. What is left over takes a quarter as many together, and
    so on: each other number of rows would be a statement of its own, which the driver keeps. ``on`` is what the
    statement ends with.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    row = f"({', '.join(['?' if is_sqlite else '%s'] * len(columns))})"
    begin = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES "  # noqa: S608
    at, together = 0, _most_values(connection) // len(columns) if is_sqlite else 1
    while together > 1 and at < len(rows):
        several = f"{begin}{', '.join([row] * together)} {on}"
        for _ in range((len(rows) - at) // together):
            connection.exec_driver_sql(several, tuple(chain.from_iterable(rows[at : at + together])))
            at += together
        together //= 4
    if at < len(rows):
        connection.exec_driver_sql(f"{begin}{row} {on}", list(rows[at:]))


def _most_values(connection: Connection) -> int:
    """Return how many values of rows one of SQLite's statements takes."""
    import sqlite3

    driver: Any = connection.connection.driver_connection
    return min(_MOST_PARAMETERS, int(driver.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)))


def insert_new(
    connection: Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    told: Sequence[str],
) -> list[tuple[Any, ...]]:
    """Insert those rows that are not there yet, plain numbers and texts, and return columns of each that was added.

    Goes past SQLAlchemy's work on every value, as :func:`insert_tuples` does: for a few rows for each sample. On SQLite
    nobody else writes in the transaction, so new rows are numbered after all that there are. They are told by one row
    of JSON: for each row that a statement returns, the driver gives Python's lock away.
    """
    if not rows:
        return []
    names = ", ".join(told)
    if connection.dialect.name == "sqlite":
        newest = f"SELECT coalesce(max(rowid), 0) FROM {table.name}"  # noqa: S608
        last = connection.exec_driver_sql(newest).scalar_one()
        _insert_rows(connection, table, columns, rows, "ON CONFLICT DO NOTHING")
        query = f"SELECT json_group_array(json_array({names})) FROM {table.name} WHERE rowid > ?"  # noqa: S608
        return list(map(tuple, json.loads(connection.exec_driver_sql(query, (last,)).scalar_one())))
    row = f"({', '.join(['%s'] * len(columns))})"
    added: list[tuple[Any, ...]] = []
    for part in chunks(rows, MAX_PARAMETERS // len(columns)):
        statement = (
            f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES {', '.join([row] * len(part))} "  # noqa: S608
            f"ON CONFLICT DO NOTHING RETURNING {names}"
        )
        added.extend(map(tuple, connection.exec_driver_sql(statement, tuple(chain.from_iterable(part))).all()))
    return added


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
    names = [*key, *(name for name in rows[0] if name not in key)]
    sums = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in names[len(key) :])
    added = sorted((tuple([row[name] for name in names]) for row in rows), key=itemgetter(slice(len(key))))
    _insert_rows(connection, table, names, added, f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sums}")


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
