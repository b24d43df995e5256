"""A store on PostgreSQL that older versions made is brought up to date to the same content as one on SQLite."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from charbench.store.copying import copy_table
from charbench.store.database import KNOWN, Database
from charbench.store.migrate import upgrade
from charbench.store.tables import metadata
from support.store import assert_totals_equal_recount, connect, contents, count

pytestmark = pytest.mark.peer
ARCHIVE = Path(__file__).parents[1] / "data" / "stores" / "first.tar.gz"


@pytest.mark.parametrize("revision", KNOWN)
def test_an_empty_store_of_every_older_version_gets_the_tables_that_the_code_knows(revision: str, store: str) -> None:
    with connect(store).begin() as connection:
        upgrade(connection, revision)
    Database.open(store).close()
    with connect(store).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_store_that_the_first_version_filled_has_the_same_content_as_on_sqlite(store: str, tmp_path: Path) -> None:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    file = tmp_path / "lab" / ".charbench" / "charbench.db"
    fill_as_it_was(store, file)
    assert count(store, "samples") > 0
    Database.open(store).close()
    Database.open(f"sqlite:///{file}").close()
    assert contents(store) == contents(file)
    assert_totals_equal_recount(store)


def fill_as_it_was(store: str, file: Path) -> None:
    """Give the empty database ``store`` the tables and the rows of a file that an older version made."""
    old, new = (Database.open(url, upgrade=False) for url in (f"sqlite:///{file}", store))
    with old.read() as source, new.write() as target:
        revision = source.scalar(sa.text("SELECT version_num FROM alembic_version"))
        assert revision in KNOWN[:-1]
        upgrade(target, revision)
        then = sa.MetaData()
        then.reflect(target)
        for table in then.sorted_tables:
            if table.name != "alembic_version":
                copy_table(source, target, table, new)
    old.close()
    new.close()
