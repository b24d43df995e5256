"""Calls into the SDK in a worker thread, so that a call that hangs cannot hang us."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from charbench import Broken, SamplingError, guarded
from charbench_plugins.tinker_sdk.failures import translate

CALL_SECONDS = 120.0
"""Seconds that one call may take, all the SDK's own retries together."""


def call(what: str, function: Callable[..., Any], *args: Any, seconds: float = CALL_SECONDS, **kwargs: Any) -> Any:
    """Call the SDK and return the result, resolving a future that it gives.

    ``what`` names the call in messages (``listing checkpoints``). Raises :class:`charbench.SamplingError` for
    every error of the SDK's (:class:`charbench.RefusedError` where no further try can help), and when there
    is no result after ``seconds``. A call that hangs is left behind in a daemon thread: there is no way to
    stop it.
    """
    return _result(what, _start(what, lambda: _resolved(function(*args, **kwargs))), seconds)


def submit(what: str, function: Callable[..., Any], *args: Any, seconds: float = CALL_SECONDS, **kwargs: Any) -> Any:
    """Call the SDK and return the future that it gives, without waiting for what is asked."""
    return _result(what, _start(what, lambda: function(*args, **kwargs)), seconds)


def resolve(what: str, future: Any, seconds: float = CALL_SECONDS) -> Any:
    """Return the result of a future that :func:`submit` gave; errors as :func:`call` has them."""
    return _result(what, _start(what, lambda: _resolved(future)), seconds)


async def call_async(what: str, function: Callable[..., Any], *args: Any, seconds: float = CALL_SECONDS) -> Any:
    """Do the same as :func:`call` without blocking the event loop."""
    waiting = asyncio.wrap_future(_start(what, lambda: _resolved(function(*args))))
    try:
        outcome = await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        raise _too_late(what, seconds) from None
    return _unpacked(what, outcome)


def _start(what: str, work: Callable[[], Any]) -> Future[Any]:
    done: Future[Any] = Future()
    thread = threading.Thread(target=lambda: done.set_result(guarded(work)), name=f"tinker: {what}", daemon=True)
    thread.start()
    return done


def _result(what: str, done: Future[Any], seconds: float) -> Any:
    try:
        outcome = done.result(seconds)
    except TimeoutError:
        raise _too_late(what, seconds) from None
    return _unpacked(what, outcome)


def _unpacked(what: str, outcome: Any) -> Any:
    if isinstance(outcome, Broken):
        raise translate(what, outcome.error) from outcome.error
    return outcome


def _resolved(given: Any) -> Any:
    return given.result() if hasattr(given, "result") else given


def _too_late(what: str, seconds: float) -> SamplingError:
    return SamplingError(f"{what}: no answer within {seconds:g} s", kind="timeout", retryable=True)
