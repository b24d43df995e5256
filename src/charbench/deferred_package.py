"""Imports a part of a package without running the package's ``__init__``, which may load a hundred other parts.

``scipy.special`` brings documentation and other array libraries to functions that are all in one compiled module, and
``openai`` the models of every reply that its service knows. Whoever later asks such a package for anything gets it: the
``__init__`` runs then.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


@contextmanager
def deferred(*packages: str) -> Iterator[None]:
    """Let imports in this block load modules of packages whose ``__init__`` waits until something is asked of it.

    A package that is loaded already, or that does not exist, is as ever.
    """
    finder = _Finder(packages)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where the package is, with a loader that runs nothing."""
        if fullname not in self._packages:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.submodule_search_locations is not None:
            spec.loader = _Waiting()
        return spec


class _Waiting(Loader):
    """Loads a package later: at the first attribute that it does not have yet."""

    def exec_module(self, module: ModuleType) -> None:
        """Put a function into the module that runs it when it is asked for something."""
        loading, is_loaded = threading.RLock(), False

        def ask(name: str) -> Any:
            nonlocal is_loaded
            if name.startswith("__") and name != "__all__":  # debuggers and test runners ask every module
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            with loading:
                if not is_loaded:
                    is_loaded = True  # before: what runs asks its own package too
                    try:
                        importlib.reload(module)
                    except BaseException:
                        is_loaded = False
                        raise
            try:
                return vars(module)[name]
            except KeyError:
                own = vars(module)["__getattr__"]
                if own is not ask:  # the package has such a function too
                    return own(name)
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}") from None

        vars(module)["__getattr__"] = ask
