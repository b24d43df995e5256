"""Calls into the SDK in a worker thread, so that a call that hangs cannot hang us."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

from charbench import Limits, RetryPolicy, SamplingError, in_background, reading_reply
from charbench_plugins.tinker_sdk.failures import translate
from charbench_plugins.tinker_sdk.watch import PATIENCE, Watch, current, listen

CALL_SECONDS = 120.0
"""Seconds that one call may take, all the SDK's own retries together."""
MALFORMED_TRIES = 3
"""Tries of a call whose reply is malformed; everything else is tried again by the SDK itself."""
_LOOK = 0.25
"""Seconds between looks at how a call fares."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What was asked and not waited for yet, and the watch over it."""

    future: Any
    watch: Watch


def call(
    what: str,
    function: Callable[..., Any],
    *args: Any,
    seconds: float = CALL_SECONDS,
    patience: float = PATIENCE,
    tries: int = MALFORMED_TRIES,
    **kwargs: Any,
) -> Any:
    """Call the SDK and return the result, resolving a future that it gives.

    ``what`` names the call in messages (``listing checkpoints``). Raises :class:`charbench.SamplingError` for
    every error of the SDK's (:class:`charbench.RefusedError` where no further try can help), when there is no
    result after ``seconds``, and when Tinker has been out of reach or in trouble for ``patience`` seconds. A
    call that hangs is left behind in a daemon thread: there is no way to stop it. A malformed reply is tried again, up
    to ``tries`` times in all: give 1 where the call does something that must not be done twice.
    """

    def once() -> Any:
        watch = Watch(patience)
        return _result(what, _start(what, watch, lambda: _resolved(function(*args, **kwargs))), watch, seconds)

    return RetryPolicy(Limits(tries=tries, deadline=seconds), retryable=_is_malformed).call_blocking(once)


def submit(
    what: str,
    function: Callable[..., Any],
    *args: Any,
    seconds: float = CALL_SECONDS,
    patience: float = PATIENCE,
    **kwargs: Any,
) -> Submitted:
    """Call the SDK and return the future that it gives, without waiting for what is asked."""
    watch = Watch(patience)
    return Submitted(_result(what, _start(what, watch, lambda: function(*args, **kwargs)), watch, seconds), watch)


def resolve(what: str, submitted: Submitted, seconds: float = CALL_SECONDS) -> Any:
    """Return the result of what :func:`submit` asked for; errors as :func:`call` has them."""
    watch = submitted.watch
    return _result(what, _start(what, watch, lambda: _resolved(submitted.future)), watch, seconds)


async def call_async(
    what: str,
    function: Callable[..., Any],
    *args: Any,
    seconds: float = CALL_SECONDS,
    patience: float = PATIENCE,
) -> Any:
    """Do the same as :func:`call` without blocking the event loop."""
    watch = Watch(patience)
    waiting = asyncio.wrap_future(_start(what, watch, lambda: _resolved(function(*args))))
    until = time.monotonic() + seconds
    try:
        while not (await asyncio.wait({waiting}, timeout=_LOOK))[0]:
            _check(what, watch, until, seconds)
        return _unpacked(what, waiting)
    finally:
        waiting.cancel()  # else the thread would report to a loop that may be gone by then


def _start(what: str, watch: Watch, work: Callable[[], Any]) -> Future[Any]:
    listen()

    def run() -> Any:
        current.set(watch)  # the thread's own context, which the SDK's tasks copy
        return work()

    return in_background(run, f"tinker: {what}")


def _result(what: str, done: Future[Any], watch: Watch, seconds: float) -> Any:
    until = time.monotonic() + seconds
    while not wait({done}, _LOOK).done:
        _check(what, watch, until, seconds)
    return _unpacked(what, done)


def _check(what: str, watch: Watch, until: float, seconds: float) -> None:
    """Raise if the call is not to be waited for any longer."""
    if error := watch.verdict(what):
        raise error from None
    if time.monotonic() >= until:
        reason = f"{what}: no answer within {seconds:g} s"
        raise SamplingError(reason, kind="timeout", retryable=True) from None


def _unpacked(what: str, done: Future[Any] | asyncio.Future[Any]) -> Any:
    if (error := done.exception()) is not None:
        with reading_reply(f"Tinker ({what})"):  # what the SDK trips over and has no error for
            raise translate(what, error) from error
    return done.result()


def _is_malformed(error: BaseException) -> bool:
    return isinstance(error, SamplingError) and error.kind == "bad_response"


def _resolved(given: Any) -> Any:
    return given.result() if hasattr(given, "result") else given
