"""Observers whose exceptions are noted and go no further, in the form that pluggy calls."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import wraps
from typing import Any

from charbench.components.containment import Broken, guarded

Note = Callable[[Broken], None]


def contained_observer(observer: Callable[..., Any], note: Note) -> Callable[..., None]:
    """Return an observer that calls ``observer``, and gives ``note`` what that raises."""

    @wraps(observer)
    def contained(*args: Any, **kwargs: Any) -> None:
        outcome = guarded(observer, *args, **kwargs)
        if isinstance(outcome, Broken):
            note(outcome)

    return contained


def contained_wrapper(wrapper: Callable[..., Any], note: Note) -> Callable[..., Any]:
    """Return a hook wrapper that runs ``wrapper``, and gives ``note`` what that raises before or after its yield."""

    @wraps(wrapper)
    def contained(*args: Any, **kwargs: Any) -> Generator[None, Any, Any]:
        around = guarded(wrapper, *args, **kwargs)
        begun = around if isinstance(around, Broken) else guarded(next, around)
        result = yield
        if isinstance(begun, Broken):
            note(begun)
            return result
        ended = guarded(_finish, around, result)
        if isinstance(ended, Broken):
            note(ended)
            return result
        return ended

    return contained


def _finish(around: Any, result: Any) -> Any:
    """Return what a wrapper makes of the result that it is sent."""
    try:
        around.send(result)
    except StopIteration as end:
        return end.value
    raise RuntimeError("the wrapper yields more than once")
