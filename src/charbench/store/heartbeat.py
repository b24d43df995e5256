"""Says again and again that a run lives, whatever it is at: other hosts have no other sign of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from charbench.errors import StoreError
from charbench.store.database import Database
from charbench.store.runs import HEARTBEAT_SECONDS, heartbeat


@contextmanager
def beating(database: Database, run_id: int, progress: Callable[[], Mapping[str, Any]] | None = None) -> Iterator[None]:
    """Let a thread say that the run lives while the block runs, and how far it is.

    A beat that the store cannot take is left out.
    """
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            with suppress(StoreError), database.write() as connection:
                heartbeat(connection, run_id, progress and progress())

    heart = threading.Thread(target=beat, name="charbench-heartbeat", daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()
