"""Rows that are inserted together are all there once, however many they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from charbench.store.dialect import add_totals, insert_new, insert_tuples
from charbench.store.tables import claims, prompt_samples, scores


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize("count", [1, 225, 226, 500, 3_333])
def test_totals_of_any_number_of_rows_are_added_to_those_that_are_there(connection: sa.Connection, count: int) -> None:
    key = "group_id", "prompt_id"
    prompt_samples.create(connection)
    rows = [{"responses": 1, "answered": 2, "group_id": 7, "prompt_id": number} for number in range(count)]
    add_totals(connection, prompt_samples, key, rows[:1])
    add_totals(connection, prompt_samples, key, rows[::-1])
    found = connection.execute(sa.select(prompt_samples).order_by(prompt_samples.c.prompt_id)).mappings().all()
    assert [dict(row) for row in found[1:]] == rows[1:]
    assert dict(found[0]) == {"group_id": 7, "prompt_id": 0, "answered": 4, "responses": 2}


@pytest.mark.parametrize("limit", [3, 999, 32_766])
def test_values_are_stored_to_the_bit_and_in_their_columns(connection: sa.Connection, limit: int) -> None:
    rows = [(number, 3, None if number % 5 == 0 else 0.1 * number) for number in range(4_000)]
    assert connection.connection.driver_connection is not None
    connection.connection.driver_connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, limit)
    scores.create(connection)
    insert_tuples(connection, scores, rows)
    assert [tuple(row) for row in connection.execute(sa.select(scores).order_by(scores.c.scored_id))] == rows


@pytest.mark.parametrize("count", [0, 1, 299, 5_000])
def test_rows_that_are_there_already_are_neither_added_nor_told_as_new(connection: sa.Connection, count: int) -> None:
    claims.create(connection)
    columns = "stage", "item", "run_id"
    mine = [("score", f"a'\"\u2028{number}", 1) for number in range(0, count, 3)]
    assert [item for (item,) in insert_new(connection, claims, columns, mine, ("item",))] == [row[1] for row in mine]
    wanted = [("score", f"a'\"\u2028{number}", 2) for number in range(count)]
    new = insert_new(connection, claims, columns, wanted, ("item", "run_id"))
    assert sorted(new) == sorted((item, 2) for _, item, _ in set(wanted) - {(*row[:2], 2) for row in mine})
    assert connection.scalar(sa.select(sa.func.count()).where(claims.c.run_id == 1)) == len(mine)
    assert insert_new(connection, claims, columns, wanted, ("item",)) == []
    assert connection.scalar(sa.select(sa.func.count()).select_from(claims)) == count
