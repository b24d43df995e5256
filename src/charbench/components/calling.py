"""The one way in which methods of components are called: any of them may be plain, async, or return an awaitable."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from charbench.components.containment import Broken, guarded

if TYPE_CHECKING:
    from charbench.components.base import Component
    from charbench.domain.checkpoint import Checkpoint

T = TypeVar("T")

_END = object()


def is_async(method: Callable[..., Any]) -> bool:
    """Whether a method is declared async, as a coroutine or as a generator.

    A plain method may return an awaitable all the same: whoever calls it has to :func:`resolve` what it gave.
    """
    return inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)


def must_be_awaited(given: object) -> bool:
    """Whether what a method gave is awaited or iterated over in the event loop."""
    return hasattr(given, "__await__") or hasattr(given, "__aiter__")


async def awaited(given: Any) -> Any:
    """Return what ``given`` holds, for the running event loop: an awaitable's result, an async iterable's items."""
    if hasattr(given, "__await__"):
        given = await given
    if isinstance(given, AsyncIterable):
        return [item async for item in given]
    return given


def resolve(component: Component, given: T | Awaitable[T]) -> T:
    """Return what a method gave; an awaitable is waited for, in the run's event loop.

    For threads in which no event loop runs. A component that is not part of a run waits in a loop of its own.
    """
    if not hasattr(given, "__await__"):
        return given
    import asyncio

    work: Coroutine[Any, Any, T] = awaited(given)
    return asyncio.run(work) if component.lifecycle is None else component.lifecycle.wait(work)


def items(component: Component, given: Any) -> Iterator[Any]:
    """Yield what a method gave, item by item: an iterable, an async iterable, or an awaitable of either.

    A generator is closed where the caller stops early. Raises :class:`TypeError` for what cannot be iterated over.
    """
    given = resolve(component, given)
    if isinstance(given, AsyncIterable):
        yield from _async_items(component, given)
        return
    if not isinstance(given, Iterable):
        raise TypeError(f"{type(given).__name__} cannot be iterated over")
    yield from given


def _async_items(component: Component, given: AsyncIterable[Any]) -> Iterator[Any]:
    iterator: Any = aiter(given)
    try:
        while True:
            upcoming: Any = anext(iterator, _END)
            if (item := resolve(component, upcoming)) is _END:
                return
            yield item
    finally:
        if close := getattr(iterator, "aclose", None):
            resolve(component, close())


def takes(component: Any, checkpoint: Checkpoint) -> bool:
    """Whether a sampler or a trainer accepts a checkpoint.

    One whose ``accepts`` raises takes nothing, and is reported once by its run.
    """
    outcome = guarded(lambda: bool(resolve(component, component.accepts(checkpoint))))
    if not isinstance(outcome, Broken):
        return outcome
    if component.lifecycle is None:
        raise outcome.error
    component.lifecycle.report(component, "accepts", outcome)
    return False
