"""Ctrl-C: once finishes what is in flight, twice stops at once."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopSignal:
    """Whether the user asked to stop; stages look at it between items."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def stop_on_interrupt() -> Iterator[StopSignal]:
    """Turn the first SIGINT or SIGTERM into a request to stop; the second is a ``KeyboardInterrupt``."""
    stop = StopSignal()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.requested = True
        sys.stderr.write("\nStopping: finishing what is in flight (Ctrl-C again stops at once).\n")
        sys.stderr.flush()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
