"""Ctrl-C and SIGTERM: once finishes what is in flight within a few seconds, twice stops at once.

Whatever happens, the process ends in time: :func:`own_the_process` has a thread that sees a signal even while the
main thread computes in C, where Python runs no handler.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOP_GRACE = 3.0
"""Seconds that what is in flight may take after the first signal."""
CLOSING = 1.7
"""Further seconds for storing and closing, after which the process is ended."""
INTERRUPTED = 130
Hook = Callable[["sys.UnraisableHookArgs"], object]
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignal:
    """Whether the user asked to stop; stages look at it between items."""

    def __init__(self) -> None:
        self.requested = False


class _Process:
    """What is known of this process's interrupts: whether there was one, and how long it may take to end."""

    interrupted = False
    grace = 0.0


def was_interrupted() -> bool:
    """Return whether a signal has ended what the main thread was at."""
    return _Process.interrupted


def forget_interrupts() -> None:
    """Begin a command: what was interrupted before is no part of it."""
    _Process.interrupted = False


@contextmanager
def stop_on_interrupt(grace: float = STOP_GRACE) -> Iterator[StopSignal]:
    """Turn the first SIGINT or SIGTERM into a request to stop; the second is a ``KeyboardInterrupt``.

    Where the block has not ended ``grace`` seconds after the first, that is as if there were a second.
    """
    stop, over = StopSignal(), threading.Event()

    def insist() -> None:
        if not over.wait(grace):
            os.kill(os.getpid(), signal.SIGINT)

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.requested:
            _Process.interrupted = True
            raise KeyboardInterrupt
        stop.requested = True
        sys.stderr.write(
            f"\nStopping: finishing what is in flight, for at most {grace:g} s (Ctrl-C again stops at once).\n"
        )
        sys.stderr.flush()
        threading.Thread(target=insist, name="charbench-stop", daemon=True).start()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    _Process.grace = grace
    try:
        yield stop
    finally:
        over.set()
        _Process.grace = 0.0
        for number, handler in before.items():
            signal.signal(number, handler)


def own_the_process() -> None:
    """Let a SIGINT or SIGTERM end this process in time, with no traceback, whatever it is at.

    Outside of :func:`stop_on_interrupt` it is a ``KeyboardInterrupt``. For programs, not for libraries.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        _Process.interrupted = True
        raise KeyboardInterrupt

    ended, begun = os.pipe()
    os.set_blocking(begun, False)
    for number in _SIGNALS:
        signal.signal(number, handle)
    signal.set_wakeup_fd(begun, warn_on_full_buffer=False)
    sys.unraisablehook = _without_interrupts(sys.unraisablehook)
    threading.Thread(target=_end_in_time, args=(ended,), name="charbench-end", daemon=True).start()


def _end_in_time(signals: int) -> None:
    """Wait for the first signal, and end the process when it has had its time."""
    while not set(os.read(signals, 64)) & set(_SIGNALS):
        pass
    time.sleep(_Process.grace + CLOSING)
    os.write(2, b"\nStopped.\n")
    os._exit(INTERRUPTED)


def _without_interrupts(hook: Hook) -> Hook:
    """Return a hook that shows no interrupt: one may come where Python can only print it, as in a destructor."""

    def shown(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            hook(unraisable)

    return shown
