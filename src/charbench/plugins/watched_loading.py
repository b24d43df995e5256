"""What else than code the loading of plugins read: files, folders and environment variables.

What a plugin brings may depend on these, so that it is the same the next time only where they are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_FILES = frozenset({"open", "os.listdir", "os.scandir"})
_OUTSIDE = frozenset({
    "os.exec", "os.fork", "os.posix_spawn", "os.system", "socket.connect", "socket.getaddrinfo", "sqlite3.connect",
    "subprocess.Popen",
})  # fmt: skip
"""Events after which nobody knows what the loading depends on."""


class Reads:
    """What was read: paths, environment variables; ``is_all``: whether these are all that it can depend on."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.variables: set[str] = set()
        self.is_all = True

    def add_path(self, path: Any) -> None:
        """Note a path; one that depends on the folder in which the program runs cannot be noted."""
        if isinstance(path, int):
            return  # what is open already was opened under a name
        try:
            text = os.fsdecode(path)
        except (TypeError, ValueError):
            text = ""
        if os.path.isabs(text):  # noqa: PTH117
            self.paths.add(text)
        else:
            self.is_all = False


class _Watch:
    """The one audit hook of this process, which cannot be taken off again, and what it notes for."""

    reads: Reads | None = None
    is_on = False


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    reads = _Watch.reads
    if reads is None:
        return
    if event in _OUTSIDE:
        reads.is_all = False
    elif event in _FILES and not _is_import():
        reads.add_path(arguments[0])


def _is_import() -> bool:
    """Whether Python's import reads: the files of modules are known by the modules."""
    return sys._getframe(2).f_code.co_filename.startswith("<frozen importlib")


@contextmanager
def watched() -> Iterator[Reads]:
    """Note what is read while the block runs."""
    if not _Watch.is_on:
        sys.addaudithook(_heard)
        _Watch.is_on = True
    reads = _Watch.reads = Reads()
    environment, stat = type(os.environ), os.stat
    item, every = environment.__getitem__, environment.__iter__

    def noted_item(self: Any, name: Any) -> Any:
        reads.variables.add(os.fsdecode(name) if isinstance(name, bytes) else str(name))
        return item(self, name)

    def noted_iteration(self: Any) -> Any:
        reads.is_all = False
        return every(self)

    def noted_stat(path: Any, *rest: Any, **named: Any) -> Any:
        reads.add_path(path)
        return stat(path, *rest, **named)

    changed: list[tuple[Any, str, Any, Any]] = [
        (environment, "__getitem__", item, noted_item),
        (environment, "__iter__", every, noted_iteration),
        (os, "stat", stat, noted_stat),
    ]
    for owner, name, _, noted in changed:
        setattr(owner, name, noted)
    try:
        yield reads
    finally:
        for owner, name, usual, _ in changed:
            setattr(owner, name, usual)
        _Watch.reads = None
