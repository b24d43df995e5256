"""Puts a store aside, so that a run begins with an empty one."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from pathlib import Path

from charbench.errors import StoreError, UsageError
from charbench.store.database import Database
from charbench.store.recovery import recovery_files
from charbench.store.runs import live_runs

_BESIDE = ("", "-wal", "-shm")


def set_aside(url: str, folder: Path) -> Path | None:
    """Rename a SQLite store's files, recovery files included; return the new name, None where there is no store yet.

    Raises :class:`UsageError` for a store that is no file or that a run is at work on, :class:`StoreError` where
    it cannot be renamed.
    """
    if not url.startswith("sqlite:///"):
        raise UsageError("--fresh backs up a file, and this store is not a file; name another one with --store")
    path = Path(url.removeprefix("sqlite:///"))
    recovered = recovery_files(url, folder)
    if not path.exists() and not recovered:
        return None
    if path.exists() and (at_work := _at_work(url)):
        raise UsageError(f"store {path}: run {at_work[0]} is using it; stop that run first")
    kept = _free_name(path)
    try:
        for suffix in (*_BESIDE, *(one.name.removeprefix(path.name) for one in recovered)):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(kept.with_name(kept.name + suffix))
    except OSError as error:
        raise StoreError(f"store {path}: cannot be backed up: {error.strerror or error}") from None
    return kept


def _at_work(url: str) -> list[int]:
    database = Database.open(url, create=False, upgrade=False)
    try:
        with database.read() as connection:
            return live_runs(connection)
    except StoreError:  # damaged, or not a store at all: nobody works with it
        return []
    finally:
        database.close()


def _free_name(path: Path) -> Path:
    """Return a name beside ``path`` that tells the time, and that nothing has."""
    now = f"{datetime.now():%Y%m%d-%H%M%S}"
    for number in count(1):
        kept = path.with_name(f"{path.stem}-{now}{f'-{number}' if number > 1 else ''}{path.suffix}")
        if not any(kept.with_name(kept.name + suffix).exists() for suffix in _BESIDE):
            return kept
    raise AssertionError
