"""Puts finished work into the store as it comes: what waits while one transaction runs goes into the next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
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
    """Writes items with ``write(connection, items=...)``, in the order in which they come; for one event loop.

    Up to ``adders`` callers add items at one time. They may be up to ``ahead`` items ahead of what is written; with 0
    an item is in the store once it is added. Items that the store does not take are given to ``rescue``, and count as
    written.
    """

    def __init__(
        self,
        writer: Writer,
        write: Callable[[Connection, Sequence[T]], Any],
        rescue: Callable[[Sequence[T]], None] | None = None,
        *,
        adders: int,
        ahead: int = 0,
    ) -> None:
        self._writer = writer
        self._write = write
        self._rescue = rescue
        self._enough = ahead or max(1, adders // 8)
        """So many items that wait are not kept waiting for others: callers are idle."""
        self._ahead = ahead
        self._waiting: list[T] = []
        self._are_enough = asyncio.Event()
        self._added = self._done = 0
        """Items that came, and those of them that are written."""
        self._next_end: asyncio.Future[None] | None = None
        """Of a transaction: set while there is something to write."""
        self._draining: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        """What writing has raised."""
        self._took = 0.0
        """Seconds of the last transaction."""

    async def add(self, item: T) -> None:
        """Return when the item is among the next ``ahead`` to be written, or is in the store."""
        self._waiting.append(item)
        self._added += 1
        if len(self._waiting) >= self._enough:
            self._are_enough.set()
        if self._draining is None:
            loop = asyncio.get_running_loop()
            self._next_end = loop.create_future()
            self._draining = loop.create_task(self._drain())
        await self._until(self._added - self._ahead)

    async def flush(self) -> None:
        """Return when every item that was added is in the store."""
        await self._until(self._added)

    async def _until(self, done: int) -> None:
        while self._done < done and self._error is None:
            assert self._next_end is not None
            # Unlike awaiting it, this leaves it alone where the caller is cancelled.
            await asyncio.wait([self._next_end])
        if self._error is not None:
            raise self._error

    async def _drain(self) -> None:
        try:
            while self._waiting:
                if not self._are_enough.is_set():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._are_enough.wait(), min(GATHER * self._took, LONGEST_GATHER))
                await self._transaction()
        except asyncio.CancelledError:
            self._submit()  # what was answered is written, though nobody waits for it any more
            raise
        self._draining = self._next_end = None

    async def _transaction(self) -> None:
        """Write what waits; items that come meanwhile are for the next one."""
        begun, number = time.monotonic(), len(self._waiting)
        work = asyncio.wrap_future(self._submit())
        await asyncio.wait([work])
        self._took = time.monotonic() - begun
        self._done += number
        self._error = self._error or work.exception()
        ended, self._next_end = self._next_end, asyncio.get_running_loop().create_future()
        assert ended is not None
        ended.set_result(None)

    def _submit(self) -> Future[None]:
        """Hand what waits to the writer's thread, in one transaction."""
        batch, self._waiting = self._waiting, []
        self._are_enough.clear()
        rescue = None if self._rescue is None else partial(self._rescue, batch)
        return self._writer.submit(partial(self._written, batch), rescue)

    def _written(self, batch: Sequence[T], connection: Connection) -> None:
        self._write(connection, batch)
