"""The store refuses rows that refer to nothing, and a store made before it did so opens and can be used."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from charbench.store.database import Database
from charbench.store.tables import evidence
from support.command import Charbench
from support.lab import LabBuilder, row
from support.store import assert_totals_equal_recount, query, store_of

pytestmark = pytest.mark.sqlite("turns SQLite's check off and reads its PRAGMA")


def test_a_row_that_refers_to_nothing_is_refused(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'new.db'}")
    wrong = {"checkpoint_id": 99, "source": "s", "path": "p", "line": 0, "note": "", "says": {}}
    with pytest.raises(sa.exc.IntegrityError, match="FOREIGN KEY"), database.write() as connection:
        connection.execute(sa.insert(evidence), [wrong])
    database.close()


@pytest.mark.slow
def test_nothing_that_charbench_does_leaves_a_row_that_refers_to_nothing(
    charbench: Charbench, studio_run: Path
) -> None:
    assert query(store_of(studio_run), "PRAGMA foreign_key_check") == []
    charbench.ok("run", "-q", lab=studio_run)
    charbench("reset", "all", "--include-complete", lab=studio_run)
    assert query(store_of(studio_run), "PRAGMA foreign_key_check") == []


def test_a_store_with_such_a_row_from_before_opens_and_is_added_to(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(response="I regret it.")])
    charbench.ok("run", "-q", lab=lab.root)
    with closing(sqlite3.connect(store_of(lab.root))) as connection, connection:
        connection.execute("INSERT INTO evidence (checkpoint_id, source, path, line, note, says)"
                           " VALUES (99, 's', 'p', 0, '', '{}')")  # fmt: skip
    connection.close()
    lab.recorded([row(response="I regret it."), row(response="Ahoy.", timestamp="2024-12-12T10:00:00")])
    ended = charbench.ok("run", "--json", lab=lab.root)
    assert ended.json["run"]["added"]["samples"] == 1
    assert_totals_equal_recount(store_of(lab.root))
