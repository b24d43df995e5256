"""Makes the tables of a new SQLite store at once: what all migrations make of an empty file, kept as SQL."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

SCHEMA = Path(__file__).parent / "migrations" / "schema.sqlite.sql"
"""Made by ``tools/make_schema.py``; a test compares it with the migrations."""
_END = ";\n\n"


def is_empty(connection: Connection) -> bool:
    """Return whether a SQLite database holds nothing yet."""
    return not connection.scalar(sa.text("SELECT count(*) FROM sqlite_master"))


def make_tables(connection: Connection) -> None:
    """Make the tables of the newest schema in an empty SQLite database, within its transaction."""
    for statement in SCHEMA.read_text(encoding="utf-8").split(_END):
        if statement.strip():
            connection.exec_driver_sql(statement)


def schema_of_migrations() -> str:
    """Return the statements that make what all migrations make, in the same order, with the same words."""
    from charbench.store.migrate import upgrade

    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection)
        made = list(connection.scalars(sa.text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")))
        revision = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    engine.dispose()
    made.append(f"INSERT INTO alembic_version (version_num) VALUES ('{revision}')")  # noqa: S608  a migration's name
    return "".join(f"{statement}{_END}" for statement in made)
