"""Puts finished work into the store as it comes: what waits while one transaction runs goes into the next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from sqlalchemy.engine import Connection

from charbench.store.writer import Writer

T = TypeVar("T")

GATHER = 2.0
"""How many times as long as the last transaction took the next one gathers: writing takes a third of the time."""
LONGEST_GATHER = 0.02
"""Seconds that a finished item waits for others at most: little beside the answer that it waited for."""


class Commits(Generic[T]):
    """Writes items with ``write(connection, items=...)``; for one event loop.

    Those that the store does not take are given to ``rescue``, and count as written.
    """

    def __init__(
        self,
        writer: Writer,
        write: Callable[[Connection, Sequence[T]], Any],
        rescue: Callable[[Sequence[T]], None] | None = None,
    ) -> None:
        self._writer = writer
        self._write = write
        self._rescue = rescue
        self._waiting: list[T] = []
        self._next: asyncio.Future[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        self._took = 0.0
        """Seconds of the last transaction."""

    async def add(self, item: T) -> None:
        """Return when the item is in the store."""
        loop = asyncio.get_running_loop()
        self._waiting.append(item)
        if self._next is None:
            self._next = loop.create_future()
        stored = self._next
        if self._draining is None:
            self._draining = loop.create_task(self._drain())
        await stored

    async def _drain(self) -> None:
        while self._waiting and self._next is not None:
            await asyncio.sleep(min(GATHER * self._took, LONGEST_GATHER))
            batch, self._waiting = self._waiting, []
            stored, self._next = self._next, None
            begun = time.monotonic()
            rescue = None if self._rescue is None else partial(self._rescue, batch)
            work = self._writer.submit(partial(self._written, batch), rescue)
            error = (await asyncio.gather(asyncio.wrap_future(work), return_exceptions=True))[0]
            self._took = time.monotonic() - begun
            if isinstance(error, BaseException):
                stored.set_exception(error)
            else:
                stored.set_result(None)
        self._draining = None

    def _written(self, batch: Sequence[T], connection: Connection) -> None:
        self._write(connection, batch)
