"""Reads a SQLite store where nothing may be written: not the store, and not the journal that SQLite wants beside it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy.engine import URL


def may_write(path: Path) -> bool:
    """Whether a store may be written: SQLite needs its folder too, for the journal."""
    return os.access(path if path.exists() else path.parent, os.W_OK) and os.access(path.parent, os.W_OK)


def for_reading(url: URL) -> tuple[URL, Path | None]:
    """Return the URL by which a store can be read, and a folder to remove afterwards, None where there is none.

    Without a journal beside it the file is whole, and nobody changes it who may not write it. With one, SQLite
    has to write in order to read: then both are copied.
    """
    assert url.database is not None
    path = Path(url.database)
    journal = path.with_name(f"{path.name}-wal")
    if not (journal.exists() and journal.stat().st_size):
        query = {"uri": "true", "mode": "ro", "immutable": "1"}
        return url.set(database=f"file:{quote(str(path.absolute()))}", query=query), None
    folder = Path(tempfile.mkdtemp(prefix="charbench-"))
    shutil.copyfile(journal, folder / journal.name)
    return url.set(database=str(shutil.copyfile(path, folder / path.name))), folder


def live_for_reading(url: URL) -> URL:
    """Return the URL by which a store that others write to is read, and never written."""
    assert url.database is not None
    return url.set(database=f"file:{quote(str(Path(url.database).absolute()))}", query={"uri": "true", "mode": "ro"})


def path_of(url: URL) -> str:
    """Return the file that a URL names, whether or not it is one of :func:`for_reading`."""
    database = url.database or ":memory:"
    return unquote(database.removeprefix("file:")) if "uri" in url.query else database
