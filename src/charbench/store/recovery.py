"""Recovery files: what a run saves when it loses its store, and how the next run takes it in.

A recovery file is a SQLite store of its own. It lies beside the store that was lost (``charbench.db.recovered-12``,
by run 12), or in the lab's ``.charbench`` where the store is no file.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from charbench.domain.keys import digest
from charbench.errors import StoreError
from charbench.store.database import Database, parse_url, sqlite_path
from charbench.store.faults import reason
from charbench.store.files import connect_existing, put_orphans_aside
from charbench.store.runs import live_runs


def recovery_file(url: str, folder: Path, run_id: int) -> Path:
    """Return where a run saves what it has, should it lose the store at ``url``."""
    base = _base(url, folder)
    return base.with_name(f"{base.name}.recovered-{run_id}")


def recovery_files(url: str, folder: Path) -> list[Path]:
    """Return the recovery files of a store, the largest first."""
    base = _base(url, folder)
    pattern = re.compile(re.escape(base.name) + r"\.recovered-\d+(-more)?")
    try:
        found = [one for one in base.parent.iterdir() if pattern.fullmatch(one.name)]
    except OSError:
        return []
    return sorted(found, key=lambda one: (-one.stat().st_size, one.name))


def save_whole(connection: sqlite3.Connection, target: Path) -> None:
    """Copy a whole store to ``target`` through a connection that still has it open.

    Raises :class:`StoreError` where it cannot be written or read; an earlier ``target`` is then as it was.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        make_private(part)
        with closing(connect_existing(part)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
        part.replace(target)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise StoreError(f"{target}: {reason(error)}") from None


def make_private(file: Path) -> None:
    """Make an empty file, in a folder that is made too, that only its owner may read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))


def open_with_recovered(url: str, folder: Path) -> tuple[Database, list[str]]:
    """Open a store for a run, taking in what runs saved that lost it; return it, and what to tell the user.

    Where the store is not there, the largest recovery file becomes it; others are merged into it. Raises
    :class:`StoreError` where one cannot be read: what was paid for is not paid for again unasked.
    """
    told: list[str] = []
    files = recovery_files(url, folder)
    for file in files:
        _check(file)
    path = sqlite_path(url)
    if path is not None and files and not path.exists():
        put_orphans_aside(path)
        if _becomes(files[0], path):
            told.append(f"the store {path} was missing; it was restored from {files[0].name}")
            files = files[1:]
    database = Database.open(url)
    told += [_merged(file, database) for file in files]
    return database, told


def check_for_lost(url: str, folder: Path) -> None:
    """Raise :class:`StoreError` where a store is not there and a recovery file is, for a command that only reads."""
    path = sqlite_path(url)
    if path is not None and not path.exists() and (files := recovery_files(url, folder)):
        raise StoreError(f"store {path}: it is missing; 'charbench run' restores it from {files[0].name}")


def _becomes(file: Path, path: Path) -> bool:
    """Give the file the store's name, unless another process has just made a store of that name."""
    try:
        os.link(file, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        file.rename(path)
        return True
    file.unlink(missing_ok=True)
    return True


def _merged(file: Path, database: Database) -> str:
    from charbench.store.merging import merge

    source = Database.open(f"sqlite:///{file}", create=False)
    try:
        with source.read() as old, database.write() as new:
            added = merge(old, new)
    finally:
        source.close()
    remove(file)
    more = {"samples' scores": added.scored, "games": added.games}
    told = [f"{added.samples:,} samples", *(f"{number:,} {what}" for what, number in more.items() if number)]
    return f"{file.name} was read: {', '.join(told)} that the store did not have"


def remove(file: Path) -> None:
    """Remove a recovery file that is not needed any more."""
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _check(file: Path) -> None:
    """Raise :class:`StoreError` unless a recovery file can be read from end to end, and nobody writes to it."""
    try:
        with closing(connect_existing(file, busy_seconds=60)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
            connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        found = [reason(error)]
    if found != ["ok"]:
        raise StoreError(
            f"recovery file {file}: it is damaged ({found[0]}); it holds what a run had done when it lost its store: "
            "repair it (sqlite3 FILE .recover), or move it away to run without it"
        )
    database = Database.open(f"sqlite:///{file}", create=False, upgrade=False)
    try:
        with database.read() as connection:
            writing = live_runs(connection)
    finally:
        database.close()
    if writing:
        raise StoreError(f"recovery file {file}: run {writing[0]} still saves what it has; wait for its end")


def _base(url: str, folder: Path) -> Path:
    path = sqlite_path(url)
    if path is not None:
        return path
    parsed = parse_url(url)
    return folder / f"store-{digest(parsed.host, parsed.port, parsed.database, sorted(parsed.query.items()))[:8]}"
