"""Tells browsers what goes on in the store, by server-sent events; the store is read once a second for all of them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from charbench.errors import StoreError
from charbench.store.database import Database
from charbench.store.live import LiveReader
from charbench.text.redaction import redact

_EVERY = 1.0
"""Seconds between looks."""
_ENDING = 0.2
"""Seconds after which an open stream sees that the server ends."""


class Live:
    """One reader of the store for any number of browsers; reads nothing while there is none."""

    def __init__(self, database: Database, check_store: Callable[[], None]) -> None:
        """Take the store, and what raises :class:`StoreError` once it is not the one that was opened."""
        self._database, self._check_store = database, check_store
        self._reader = LiveReader()
        self._told = ""
        self._number = 0
        self._listeners = 0
        self._looking: asyncio.Task[None] | None = None
        self._ending = threading.Event()

    def end(self) -> None:
        """End all streams; may be called by a signal's handler."""
        self._ending.set()

    async def events(self) -> AsyncIterator[str]:
        """Yield the events of one browser: what goes on, at once and whenever it has changed."""
        self._listeners += 1
        seen = 0
        try:
            while not self._ending.is_set():
                if self._looking is None or self._looking.done():
                    self._looking = asyncio.create_task(self._look())
                if seen != self._number:
                    seen = self._number
                    yield f"data: {self._told}\n\n"
                else:
                    await asyncio.wait([self._looking], timeout=_ENDING)
                    if self._looking.done():
                        self._looking.result()  # a bug ends the stream, and is shown on the server's stderr
        finally:
            self._listeners -= 1

    async def _look(self) -> None:
        while self._listeners and not self._ending.is_set():
            told = await asyncio.to_thread(self._read)
            if told != self._told:
                self._told = told
                self._number += 1
            await asyncio.sleep(_EVERY)

    def _read(self) -> str:
        try:
            self._check_store()
            with self._database.read() as connection:
                state: dict[str, Any] = self._reader.read(connection)
        except StoreError as error:
            state = {"fault": redact(str(error))}
        return json.dumps(state, ensure_ascii=True, allow_nan=False)
