"""What nearly every command does first, done once for all tests: persona files are read, a new store's tables made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from charbench.domain.persona import Persona
from charbench.personas import library as personas
from charbench.store import migrate

TABLES = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rootpage, name"


@contextmanager
def done_once() -> Iterator[None]:
    """Remember unchanged persona files, and the statements with which the real migrations made the first store."""
    known: dict[tuple[str, int, int], Persona] = {}
    statements: list[str] = []
    really_read, really_upgrade = personas.read_persona, migrate.upgrade

    def read_persona(path: Path) -> Persona:
        if not path.is_file():
            return really_read(path)
        stat = path.stat()
        key = (str(path), stat.st_mtime_ns, stat.st_size)
        if key not in known:
            known[key] = really_read(path)
        return known[key]

    def upgrade(connection: sa.Connection, revision: str = "head") -> None:
        empty = connection.dialect.name == "sqlite" and not sa.inspect(connection).get_table_names()
        if not empty or revision != "head":
            really_upgrade(connection, revision)
        elif not statements:
            really_upgrade(connection)
            statements.extend(connection.scalars(sa.text(TABLES)))
            version = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
            statements.append(f"INSERT INTO alembic_version VALUES ('{version}')")
        else:
            for statement in statements:
                connection.exec_driver_sql(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(personas, "read_persona", read_persona)
        patch.setattr(migrate, "upgrade", upgrade)
        yield
