"""Requests: which epochs of a question are asked together, and how workers get them as they are planned."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from charbench.components.containment import Broken
from charbench.components.sampler import SampleRequest
from charbench.concurrency.threads import in_a_thread

Keyed = tuple[str, SampleRequest]
"""A request with its key."""


def by_question(requests: Iterable[Keyed], most: int) -> Iterator[Sequence[Keyed]]:
    """Yield the requests, those of one question together: up to ``most`` of them, in the order of their epochs."""
    if most == 1:
        yield from ([one] for one in requests)
        return
    together: dict[tuple[str, str, str], list[Keyed]] = {}
    for key, request in requests:
        question = request.checkpoint.uri, request.prompt.key, request.condition
        together.setdefault(question, []).append((key, request))
    for same in together.values():
        yield from (same[start : start + most] for start in range(0, len(same), most))


class Questions:
    """What is planned, for the workers of one event loop.

    The planning is done in a thread: what methods of plugins ask to be awaited can then be waited for in the loop.
    """

    def __init__(self, planned: Iterator[Sequence[Sequence[Keyed]]]) -> None:
        self._planned = planned
        self._ready: deque[Sequence[Keyed]] = deque()
        self._planning = asyncio.Lock()
        self._over = False

    async def next(self) -> Sequence[Keyed] | None:
        """Return the requests of the next question that are asked together; None where there is none."""
        if not self._ready:
            async with self._planning:
                while not self._ready and not self._over:
                    await self._plan()
        return self._ready.popleft() if self._ready else None

    async def _plan(self) -> None:
        groups = await asyncio.wrap_future(in_a_thread(partial(next, self._planned, None), "plan"))
        if isinstance(groups, Broken):
            raise groups.error
        self._over = groups is None
        self._ready.extend(groups or ())
