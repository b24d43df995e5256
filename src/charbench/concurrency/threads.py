"""Runs work in threads that can be left behind: the process does not wait for them to end."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TypeVar

from charbench.components.containment import Broken, guarded

T = TypeVar("T")


async def in_threads(work: Callable[[T], None], items: Iterable[T], parallel: int, name: str) -> None:
    """Do ``work`` for each item, ``parallel`` at once, and return when all is done.

    The threads are daemons: where :class:`KeyboardInterrupt` reaches the caller, they are not waited for, and one that
    waits for the event loop ends then. Raises what ``work`` raised first; the other threads then end with the item
    they have.
    """
    waiting = deque(items)
    broken: list[Broken] = []

    def take() -> None:
        while waiting and not broken:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            try:
                outcome = guarded(work, item)
            except KeyboardInterrupt:
                return
            if isinstance(outcome, Broken):
                broken.append(outcome)

    threads = [threading.Thread(target=take, name=f"{name}-{number}", daemon=True) for number in range(parallel)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        await asyncio.sleep(0.02)  # so that Ctrl-C reaches this thread between two looks
    if broken:
        raise broken[0].error


def in_a_thread(call: Callable[[], T], name: str) -> Future[T | Broken]:
    """Start ``call`` in a thread of its own; return what will hold its result, or what it raised.

    The thread is a daemon: one that nobody waits for any more does not keep the process.
    """
    result: Future[T | Broken] = Future()
    result.set_running_or_notify_cancel()  # it runs: who gives it up does not end it
    threading.Thread(target=lambda: result.set_result(guarded(call)), name=name, daemon=True).start()
    return result


def in_background(call: Callable[[], T], name: str) -> Future[T]:
    """Start ``call`` in a thread of its own, named ``name``; return the future of its result, or of what it raised.

    For code of others that may hang: the thread is a daemon, so that one which is not waited for any longer does not
    keep the process from ending.
    """
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()  # it runs: who gives it up does not end it

    def work() -> None:
        outcome = guarded(call)
        if isinstance(outcome, Broken):
            result.set_exception(outcome.error)
        else:
            result.set_result(outcome)

    threading.Thread(target=work, name=name, daemon=True).start()
    return result
