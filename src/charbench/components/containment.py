"""The one place where anything that a plugin raises is caught.

Plugins are other people's code: one that fails must not take the rest down. Everything else in charbench
catches only what it expects, so a bug of our own keeps its traceback.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, redirect_stdout
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from charbench.domain.sample import Failure
from charbench.errors import CharbenchError, ConfigError, PluginError, SamplingError
from charbench.text.redaction import redact

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Broken:
    """What a plugin's code raised; ``trace`` is the traceback as text, empty for a fault it announced."""

    error: BaseException
    trace: str

    @property
    def message(self) -> str:
        """One line, without secrets: the error's type where it was not raised on purpose, and its text."""
        text = " ".join(redact(str(self.error)).split())
        if isinstance(self.error, CharbenchError):
            return text
        return f"{type(self.error).__name__}: {text}" if text else type(self.error).__name__

    @property
    def failure(self) -> Failure:
        """The same as data for the store."""
        if isinstance(self.error, SamplingError):
            return Failure(self.error.kind, self.message)
        return Failure("config" if isinstance(self.error, ConfigError) else "plugin_error", self.message)


def printing_to_stderr() -> AbstractContextManager[Any]:
    """Let what is printed meanwhile, in whatever thread, go to stderr: a plugin prints no results."""
    return redirect_stdout(sys.stderr)


def guarded(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Broken:
    """Return what ``call(...)`` returns, or what it raised. ``KeyboardInterrupt`` passes through.

    What it prints goes to stderr: stdout is for results.
    """
    if sys.stdout is not sys.stderr and threading.current_thread() is threading.main_thread():
        with printing_to_stderr():
            return guarded(call, *args, **kwargs)
    try:
        return call(*args, **kwargs)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001  a plugin may raise anything, even exit, or a panic of its own
        return _broken(error)


def asked(who: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a plugin's ``call(...)`` returns, where nothing can be done without it.

    A fault that it announces passes through; any other is a :class:`charbench.PluginError` that names ``who``
    (``scorer shouting``) and holds the traceback.
    """
    outcome = guarded(call, *args, **kwargs)
    if isinstance(outcome, Broken):
        raise error_of(who, outcome) from None
    return outcome


def each(who: str, make: Callable[[], Iterable[T]]) -> Iterator[T]:
    """Yield from what a plugin's ``make()`` returns; faults as :func:`asked` raises them."""
    items = asked(who, lambda: iter(make()))
    end = object()
    while (item := asked(who, next, items, end)) is not end:
        yield item  # type: ignore[misc]


def error_of(who: str, broken: Broken, method: str = "") -> BaseException:
    """Return the error to raise for what a plugin raised: what it announced, or one that names it and its method."""
    if broken.trace:
        where = f"{who}: {method}()" if method else who
        return PluginError(f"{where} is broken: {broken.message}\n{broken.trace.rstrip()}")
    return broken.error


async def guarded_async(call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T | Broken:
    """Await what ``call`` returns; return its result, or what it raised. Cancelling passes through."""
    from asyncio import CancelledError

    try:
        return await call(*args, **kwargs)
    except (KeyboardInterrupt, GeneratorExit, CancelledError):
        raise
    except BaseException as error:  # noqa: BLE001  as above
        return _broken(error)


def _broken(error: BaseException) -> Broken:
    announced = isinstance(error, CharbenchError)
    return Broken(error, "" if announced else redact("".join(traceback.format_exception(error))))
