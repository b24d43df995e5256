"""Python's garbage collector, paused where objects are made by the hundred thousand and none of them is garbage; and
memory that is free, given back to the system."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Collect no garbage while the block runs: to look through what is all still in use takes as long as to make it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def return_free_memory() -> None:
    """Give free memory back to the system, where the C library can be told to (``malloc_trim`` of glibc).

    It keeps what threads that have ended, and what lay between objects still in use, leave free: 10 MB after a run.
    """
    if sys.platform != "linux":
        return
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
    if trim is not None:
        trim(0)
