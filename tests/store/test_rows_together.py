"""Rows that are inserted together are all there once, however many they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from charbench.store.dialect import add_totals, insert_tuples
from charbench.store.tables import prompt_samples, scores


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize("count", [1, 225, 226, 500])
def test_totals_of_any_number_of_rows_are_added_to_those_that_are_there(connection: sa.Connection, count: int) -> None:
    key = "group_id", "prompt_id"
    prompt_samples.create(connection)
    rows = [{"responses": 1, "answered": 2, "group_id": 7, "prompt_id": number} for number in range(count)]
    add_totals(connection, prompt_samples, key, rows[:1])
    add_totals(connection, prompt_samples, key, rows[::-1])
    found = connection.execute(sa.select(prompt_samples).order_by(prompt_samples.c.prompt_id)).mappings().all()
    assert [dict(row) for row in found[1:]] == rows[1:]
    assert dict(found[0]) == {"group_id": 7, "prompt_id": 0, "answered": 4, "responses": 2}


def test_values_are_stored_to_the_bit_and_in_their_columns(connection: sa.Connection) -> None:
    rows = [(number, 3, None if number % 5 == 0 else 0.1 * number) for number in range(700)]
    scores.create(connection)
    insert_tuples(connection, scores, rows)
    assert [tuple(row) for row in connection.execute(sa.select(scores).order_by(scores.c.scored_id))] == rows
