"""Calls into the SDK in a worker thread, so that a call that hangs cannot hang us."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from charbench import Broken, guarded
from charbench_plugins.tinker_sdk.failures import TinkerFailure, translate

CALL_SECONDS = 60.0
"""Seconds that one call may take, all the SDK's own retries together."""


def call(what: str, function: Callable[..., Any], *args: Any, seconds: float = CALL_SECONDS, **kwargs: Any) -> Any:
    """Call the SDK and return the result, resolving a future that it gives.

    ``what`` names the call in messages (``listing checkpoints``). Raises :class:`TinkerFailure` for every
    error of the SDK's, and when there is no result after ``seconds``. A call that hangs is left behind in a
    daemon thread: there is no way to stop it.
    """
    done: Future[Any] = Future()

    def resolve() -> Any:
        given = function(*args, **kwargs)
        return given.result() if hasattr(given, "result") else given

    def work() -> None:
        done.set_result(guarded(resolve))

    threading.Thread(target=work, name=f"tinker: {what}", daemon=True).start()
    try:
        outcome = done.result(seconds)
    except TimeoutError:
        raise TinkerFailure(f"{what}: no answer within {seconds:g} s", kind="timeout", retryable=True) from None
    if isinstance(outcome, Broken):
        raise translate(what, outcome.error) from outcome.error
    return outcome


def resolve(what: str, future: Any, seconds: float = CALL_SECONDS) -> Any:
    """Return the result of a future that the SDK gave earlier; errors as :func:`call` has them."""
    return call(what, lambda: future, seconds=seconds)
