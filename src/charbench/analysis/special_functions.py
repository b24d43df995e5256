"""The functions of ``scipy.special``, without what that package loads beside them (0.15 s)."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from charbench.deferred_package import deferred


@cache
def special() -> Any:
    """Return the module that has the functions: the very ones of ``scipy.special``."""
    with deferred("scipy.special"):
        try:
            return import_module("scipy.special._ufuncs")
        except ModuleNotFoundError:  # it is no part of SciPy's public interface
            return import_module("scipy.special")
