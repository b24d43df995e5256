"""What nearly every command does first, done once for all tests.

Persona files are read, a new store's tables are made, and charbench's own code and what it imports is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from charbench.components import file_memory
from charbench.domain.persona import Persona
from charbench.personas import library as personas
from charbench.store import migrate

TABLES = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rootpage, name"


OURS = {"charbench", "charbench_plugins"}
Names = TypeVar("Names", str, tuple[str, ...])
Told = TypeVar("Told")


def of_ours(really: Callable[[Names], Told]) -> Callable[[Names], Told]:
    """Return ``really`` with what it tells of charbench's own modules kept."""
    kept: dict[Names, Told] = {}

    def told(names: Names) -> Told:
        if not {name.partition(".")[0] for name in ([names] if isinstance(names, str) else names)} <= OURS:
            return really(names)
        if names not in kept:
            kept[names] = really(names)
        return kept[names]

    return told


@contextmanager
def done_once() -> Iterator[None]:
    """Remember unchanged persona files, the statements with which the real migrations made the first store, and code.

    Only what charbench itself consists of: it does not change while its tests run, and plugins do.
    """
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
        patch.setattr(file_memory, "_packages", of_ours(file_memory._packages))
        patch.setattr(file_memory, "_code", of_ours(file_memory._code))
        patch.setattr(personas, "read_persona", read_persona)
        patch.setattr(migrate, "upgrade", upgrade)
        yield
