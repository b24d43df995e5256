"""Puts a store aside, so that a run begins with an empty one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from charbench.errors import StoreError, UsageError

_BESIDE = ("", "-wal", "-shm")


def set_aside(url: str) -> Path | None:
    """Rename a SQLite store's files; return the new name, None where there is no store yet.

    Raises :class:`UsageError` for a store that is no file, :class:`StoreError` where it cannot be renamed.
    """
    if not url.startswith("sqlite:///"):
        raise UsageError("--fresh puts a file aside, and this store is none; name another one with --store")
    path = Path(url.removeprefix("sqlite:///"))
    if not path.exists():
        return None
    kept = path.with_name(f"{path.stem}-{datetime.now():%Y%m%d-%H%M%S}{path.suffix}")
    try:
        for suffix in _BESIDE:
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(kept.with_name(kept.name + suffix))
    except OSError as error:
        raise StoreError(f"store {path}: cannot be put aside: {error.strerror or error}") from None
    return kept
