"""What becomes of one call into the SDK while it is waited for.

The SDK tries again by itself, and says nothing: five minutes on 409, 429, 5xx and a dead host, an hour on 402.
The log of httpx, which it sends everything with, is the one public place that tells, so it is listened to; a
context variable, which the SDK's own tasks inherit from the calling thread, tells whose request it was.
"""

from __future__ import annotations

import logging
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache

from charbench import RefusedError, SamplingError
from charbench_plugins.tinker_sdk.failures import of_status, out_of_reach
from charbench_plugins.tinker_sdk.reach import LOOKOUT

PATIENCE = 8.0
"""Seconds of trouble on Tinker's side after which a call is given up."""
SILENCE = 2.0
"""Seconds without any answer after which it is asked whether the host is there."""
_NO_CREDIT = 402
_TROUBLE = frozenset({409, 429})

current: ContextVar[Watch | None] = ContextVar("charbench_tinker_watch", default=None)
"""The watch of the call that a request belongs to."""


@dataclass
class Watch:
    """The answers to one call's requests."""

    patience: float = PATIENCE
    _heard: float = field(default_factory=time.monotonic)
    _trouble: tuple[int, float] | None = None
    """The status last seen, if it was a bad one, and since when there have been no good ones."""

    def note(self, status: int) -> None:
        """Take an answer's status."""
        self._heard = time.monotonic()
        if status == _NO_CREDIT or status in _TROUBLE or status >= 500:
            self._trouble = (status, self._trouble[1] if self._trouble else self._heard)
        else:
            self._trouble = None

    def verdict(self, what: str) -> SamplingError | None:
        """Return why the call should not be waited for any longer, None to go on waiting."""
        now, trouble = time.monotonic(), self._trouble
        if trouble:
            status, since = trouble
            if status == _NO_CREDIT or now - since >= self.patience:
                return _given_up(of_status(what, status, ""))
        elif now - self._heard >= SILENCE:
            absence = LOOKOUT.absence()
            if absence and now - absence.since >= self.patience:
                return _given_up(out_of_reach(what, absence.reason))
        return None


def _given_up(error: SamplingError) -> SamplingError:
    """Return the error as one that no further try helps, for now: the SDK has tried long enough.

    Too many requests are the exception: what is asked more slowly is answered.
    """
    return error if error.kind == "rate_limit" else RefusedError(str(error), kind=error.kind)


class _Listener(logging.Filter):
    """Hears the status of each answer; lets through what was shown before there was a listener."""

    def __init__(self, shown: int) -> None:
        super().__init__()
        self._shown = shown

    def filter(self, record: logging.LogRecord) -> bool:
        watch = current.get()
        arguments = record.args
        if watch is not None and isinstance(arguments, tuple) and len(arguments) > 3:
            status = arguments[3]  # 'HTTP Request: %s %s "%s %d %s"'
            if isinstance(status, int):
                watch.note(status)
        return record.levelno >= self._shown


@cache
def listen() -> None:
    """Begin to listen, once; nothing more is shown than before.

    The SDK's own lines, which would stand on stderr beside ours, are for whoever sets up logging.
    """
    logging.getLogger("tinker").addHandler(logging.NullHandler())
    logger = logging.getLogger("httpx")
    logger.addFilter(_Listener(logger.getEffectiveLevel()))
    logger.setLevel(min(logger.getEffectiveLevel(), logging.INFO))
