"""Takes the next of some items in a thread while the last one is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def one_ahead(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """Yield an iterator over ``items`` that asks for the next one as soon as one is taken.

    ``items`` is gone on with in one thread, not that of the caller. What it raises is raised where its item would have
    been taken. Leaving waits for what is being asked for, and drops it.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="charbench-ahead") as thread:

        def taken() -> Iterator[T]:
            coming = thread.submit(_first, items)
            while found := coming.result():
                coming = thread.submit(_first, items)
                yield found[0]

        yield taken()


def _first(items: Iterator[T]) -> list[T]:
    """Return the next item alone in a list; an empty one at the end."""
    for item in items:
        return [item]
    return []
