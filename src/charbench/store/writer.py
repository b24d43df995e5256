"""The one writer of a run: a thread that takes work in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy.engine import Connection

from charbench.errors import StoreError
from charbench.store.database import Database

Work = Callable[[Connection], Any]
AHEAD = 3
"""Batches that may wait for the writer: enough to keep it busy, few enough to keep memory flat."""


class Writer:
    """Runs work on the store, each piece in one transaction, in the order given.

    Use as a context manager: leaving it waits until everything is written. What goes wrong in the thread is
    raised by the next :meth:`put`, by :meth:`flush`, or on leaving; nothing is written after it. Work that the store
    does not take is handed to the ``rescue`` that was given with it, and the work after it too; then ``fault`` says
    why, and :meth:`flush` raises it.
    """

    def __init__(self, database: Database, run_id: int) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"charbench-writer-of-run-{run_id}")
        self._waiting: deque[Future[None]] = deque()
        self._broken = False
        self.fault: StoreError | None = None
        """Why the store takes nothing any more, None while it does."""

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown(wait=True)
        if kind is None:
            self.flush()

    def put(self, work: Work, rescue: Callable[[], None] | None = None) -> None:
        """Hand work over; waits while too much is waiting."""
        while len(self._waiting) >= AHEAD:
            self._waiting.popleft().result()
        self._waiting.append(self.submit(work, rescue))

    def submit(self, work: Work, rescue: Callable[[], None] | None = None) -> Future[None]:
        """Hand work over without waiting; the caller sees to it that not too much is under way."""
        return self._thread.submit(self._write, work, rescue)

    def flush(self) -> None:
        """Wait until all work handed over is written."""
        while self._waiting:
            self._waiting.popleft().result()
        if self.fault is not None:
            raise self.fault

    def _write(self, work: Work, rescue: Callable[[], None] | None = None) -> None:
        if self._broken:
            if rescue is not None:
                rescue()
            return
        self._broken = True  # until it has gone well
        try:
            with self._database.write() as connection:
                work(connection)
        except StoreError as error:
            self.fault = error
            if rescue is None:
                raise
            rescue()
        else:
            self._broken = False
