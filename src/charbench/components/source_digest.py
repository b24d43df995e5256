"""A digest of a component's source files: what tells that a plugin's code is not the code that was used before.

A ``version`` is increased by the author, who may forget it; a digest changes with the files. What charbench itself
brings has its ``version`` alone: a digest would make every release, whatever it changes, another version of all scores.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from charbench.components.base import Component
from charbench.domain.keys import digest

_OWN = frozenset({"charbench", "charbench_plugins"})
_TESTS = frozenset({"test", "tests"})
_COMPILED = frozenset({".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib"})
"""Files that are made from others, and differ between machines."""
LONG = 1 << 20
"""Of files with more bytes the size alone counts: they are data."""
LENGTH = 12
"""Hexadecimal characters of a digest."""


def source_digest(component: type[Component]) -> str | None:
    """Return a digest of the files that a component's class, and what it is derived from, come from.

    Of a class in a package these are all files of the package, prompts and rubrics beside the code included, but
    those of its tests; of a class in a single module it is the module. Line endings do not count. None: there is no
    file, or charbench itself brings it. It is read once for each class: of the code that this process has loaded.
    """
    hashable: Any = component
    return _digest(hashable)


@cache
def _digest(component: Any) -> str | None:
    modules = dict.fromkeys(one.__module__ for one in component.__mro__)
    roots = dict.fromkeys(root for name in modules if (root := _root(name)) is not None)
    found = [(root.name, name, _content(path)) for root in roots for name, path in _files(root)]
    return digest(sorted(found))[:LENGTH] if found else None


def _root(module: str) -> Path | None:
    """Return the folder of the topmost package that a module is in, or its own file; None: it is not a plugin's."""
    parts = module.split(".")
    if parts[0] in _OWN or parts[0] in sys.stdlib_module_names or parts[0] == "pydantic":
        return None
    for length in range(1, len(parts) + 1):  # a namespace package has no file: it may hold several plugins
        loaded = sys.modules.get(".".join(parts[:length]))
        if file := getattr(loaded, "__file__", None):
            path = Path(file)
            return path.parent if hasattr(loaded, "__path__") else path
    return None


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield a package's files, or the module's own, each with its name below the root."""
    if root.is_file():
        yield "", root
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _TESTS and not name.startswith((".", "__pycache__"))]
        for name in names:
            path = Path(folder, name)
            if not name.startswith(".") and path.suffix not in _COMPILED:
                yield path.relative_to(root).as_posix(), path


def _content(path: Path) -> str:
    """Return what stands for a file's content; one that cannot be read is like one that is empty."""
    try:
        size = path.stat().st_size
        if size > LONG:
            return str(size)
        return hashlib.blake2b(path.read_bytes().replace(b"\r\n", b"\n"), digest_size=16).hexdigest()
    except OSError:
        return ""
