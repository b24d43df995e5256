"""The files of a SQLite store: whether they are still those that were opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

BESIDE = ("-wal", "-shm")
"""How the files end that SQLite keeps beside a store while it is open."""
_BUSY_SECONDS = 0.2

Identity = tuple[int, int]
"""A file's device and number; another file that takes its place has others."""


class StoreFiles:
    """The store's file and those beside it, as they are when this is made.

    They stay the same for as long as a connection is open. One that is deleted, moved or replaced takes with it
    what is written from then on: a connection keeps the file that it has, and nobody else finds that one any more.
    None of them is opened here but by SQLite: closing a file gives up all locks that the process has on it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        real = path.resolve()
        self._beside = [real.with_name(real.name + suffix) for suffix in BESIDE]
        self._main = _identity(path)
        self._known: dict[Path, Identity] = {}

    def fault(self) -> str | None:
        """Return what has become of the files (``was deleted or moved``), None where they are as they were."""
        if (fault := self.main_fault()) is not None:
            return fault
        for one in self._beside:
            found = _identity(one)
            if found is not None:
                self._known.setdefault(one, found)
            known = self._known.get(one)
            if known is not None and found != known:
                return f"has lost its file {one.name}, which was {'replaced' if found else 'deleted or moved'}"
        return None

    def main_fault(self) -> str | None:
        """Return what has become of the store's file itself."""
        found = _identity(self.path)
        if found is None:
            return "was deleted or moved"
        return None if found == self._main else "was replaced by another file"

    def closed(self) -> None:
        """Forget the files beside it: all connections are closed, and the next one makes others."""
        self._known.clear()

    def put_ours_aside(self) -> Iterator[Path]:
        """Rename what belongs to our store and lies beside another, which would take it for its own; yield it."""
        if self.main_fault() is not None:
            for one, known in self._known.items():
                if _identity(one) == known:
                    yield _renamed(one)


def put_orphans_aside(path: Path) -> None:
    """Rename what lies beside a store that is not there: a store that takes its place must not have it."""
    if not path.exists():
        for suffix in BESIDE:
            orphan = path.with_name(path.name + suffix)
            if orphan.exists():
                _renamed(orphan)


def connect_existing(path: Path, mode: str = "rw", busy_seconds: float = _BUSY_SECONDS) -> sqlite3.Connection:
    """Connect to a file that has to be there: none is made."""
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False)


def _renamed(path: Path) -> Path:
    return path.rename(path.with_name(f"{path.name}.orphan"))


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
