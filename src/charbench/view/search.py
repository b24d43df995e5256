"""Search in the samples' texts: waits for the index while it is small, and builds it in a thread while it is large."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from charbench.errors import StoreError
from charbench.store.database import Database
from charbench.store.full_text import SearchIndex

_AT_ONCE = 3_000
"""So many samples are added while the user waits."""


class Search:
    """The index of a SQLite store, kept up to date whenever something is searched."""

    def __init__(self, database: Database) -> None:
        self._index = SearchIndex(database)
        self._lock = threading.Lock()
        self._builder: threading.Thread | None = None
        self._fault: StoreError | None = None
        self._ending = threading.Event()

    def bring_up_to_date(self) -> str | None:
        """Take in what is new; return how far the index is where that takes longer, None where it is complete.

        Raises :class:`StoreError` where the index cannot be written.
        """
        with self._lock:
            if self._fault is not None:
                fault, self._fault = self._fault, None
                raise fault
            if self._builder is None or not self._builder.is_alive():
                progress = self._index.progress()
                if progress.samples - progress.done <= _AT_ONCE:
                    while self._index.add():
                        pass
                    return None
                self._builder = threading.Thread(target=self._build, name="charbench-search-index", daemon=True)
                self._builder.start()
        progress = self._index.progress()
        return (
            f"Building the search index, once: {progress.done:,} of {progress.samples:,} samples; "
            f"{_megabytes(self._index.bytes())} of about {_megabytes(self._index.expected_bytes())} on disk, "
            f"in {self._index.path.name} beside the store. The results follow here."
        )

    def newest(self, query: str, below: int, most: int) -> Sequence[int]:
        """Return samples in which a query (see :func:`.full_text.fts_query`) is found."""
        return self._index.search(query, below, most)

    @property
    def cost(self) -> str:
        """What the index takes on the disk, in words."""
        return f"The search index, {self._index.path.name} beside the store, takes {_megabytes(self._index.bytes())}."

    def end(self) -> None:
        """Stop building; what is in the index stays there, and building goes on from it another time."""
        self._ending.set()

    def _build(self) -> None:
        try:
            while not self._ending.is_set() and self._index.add():
                pass
        except StoreError as error:
            self._fault = error


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 10_000_000 else f"{size / 1e6:,.0f} MB"
