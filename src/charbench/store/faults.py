"""Names what is wrong with a store: the limit, the quota, the disk, the server, in one line."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy.exc import DatabaseError, InterfaceError, InternalError, OperationalError, ProgrammingError

from charbench.text.redaction import redact
from charbench.text.system_errors import named_error

BUSY_SECONDS = 60
_GONE = frozenset({"42P01", "3F000", "3D000"})
"""PostgreSQL's codes for a table, a schema and a database that are not there."""
_PROBE = 65536
"""Bytes that are written to find out why SQLite could not write."""
_UNCLEAR = ("disk I/O error", "unable to open database file", "is full", "attempt to write a readonly")


def is_the_stores(error: DatabaseError | InterfaceError) -> bool:
    """Whether the store itself failed (locked, full, damaged, gone), and not what was asked of it."""
    if isinstance(error, OperationalError | InternalError | InterfaceError):
        return True
    if isinstance(error, ProgrammingError):
        return getattr(error.orig, "sqlstate", None) in _GONE
    return type(error) is DatabaseError


def reason(error: BaseException, path: Path | None = None) -> str:
    """Return why a store cannot be opened, read or written; ``path`` is its file, None where it has none."""
    if isinstance(error, OSError):
        return named_error(error)
    told = error.orig or error if isinstance(error, DatabaseError | InterfaceError) else error
    text = redact(" ".join(str(told).split()))
    if "locked" in text:
        return f"another process has held it for {BUSY_SECONDS} s ({text}); try again when that is done"
    if "not a database" in text:
        return "this file is not a charbench store (not an SQLite database)"
    if isinstance(told, sqlite3.Error) and path is not None and any(part in text for part in _UNCLEAR):
        cause = _why_it_cannot_be_written(path)
        if cause is not None:
            return f"{cause} ({text})"
    if "readonly" in text:
        return "it is read-only here; name another store with --store, or another lab with --lab"
    if "is full" in text or "No space left" in text:
        return f"{text}; free some space and run the same command again"
    if getattr(told, "sqlstate", None) in _GONE or "no such table" in text:
        return f"{text}: it was dropped, or another store has taken its place"
    return text


def _why_it_cannot_be_written(path: Path) -> str | None:
    """Try what SQLite tried, beside the store: the system then says what SQLite does not. None where it works."""
    largest = max((_size(path.with_name(path.name + suffix)) for suffix in ("", "-wal")), default=0)
    try:
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.seek(largest)
            file.write(b"\0" * _PROBE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return named_error(error) if error.errno not in (errno.EACCES, errno.ENOENT) else None
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
