"""The key that a program of the user's makes: kept while it holds, and made anew before it has expired."""

from __future__ import annotations

import asyncio
import time

from charbench.components.endpoint import KeySource
from charbench.errors import ConfigError, RefusedError
from charbench.text.redaction import register_secret

MARGIN = 60.0
"""Seconds before its end at which a key is made anew: so long may a request be under way before it is read."""


class RenewedKey:
    """The key of one endpoint; for one event loop."""

    def __init__(self, source: KeySource) -> None:
        assert source.renew is not None, "a key that cannot be renewed is the endpoint's own"
        self._renew = source.renew
        self._key = ""
        self._until: float | None = None
        self._lock: asyncio.Lock | None = None

    async def current(self) -> str:
        """Return a key that holds; raises :class:`RefusedError` where there is none."""
        if not self._holds:
            self._lock = self._lock or asyncio.Lock()
            async with self._lock:
                if not self._holds:
                    await self._make()
        return self._key

    async def replaces(self, refused: str) -> bool:
        """Return whether there is another key than one that was refused; it is made where there is none yet."""
        if self._key == refused:
            self._key = ""
        return await self.current() != refused

    @property
    def _holds(self) -> bool:
        return bool(self._key) and (self._until is None or time.time() < self._until - MARGIN)

    async def _make(self) -> None:
        try:
            key, self._until = await asyncio.to_thread(self._renew)
        except ConfigError as error:
            raise RefusedError(str(error), kind="credential") from None
        self._key = register_secret(key)
