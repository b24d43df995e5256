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

    The planning is done in a thread: what methods of plugins ask to be awaited can then be waited for in the loop. The
    next batch is planned when fewer than ``ahead`` questions are ready, so that no worker has to wait for it.
    """

    def __init__(self, planned: Iterator[Sequence[Sequence[Keyed]]], ahead: int = 0) -> None:
        self._planned = planned
        self._ahead = ahead
        self._ready: deque[Sequence[Keyed]] = deque()
        self._planning: asyncio.Task[None] | None = None
        self._over = False

    async def next(self) -> Sequence[Keyed] | None:
        """Return the requests of the next question that are asked together; None where there is none."""
        while not self._ready and not self._over:
            await asyncio.wait([self._plan()])
        if not self._ready:
            return None
        question = self._ready.popleft()
        if len(self._ready) < self._ahead:
            self._plan()
        return question

    async def end(self) -> None:
        """Wait until nothing is planned any more; raises what the planning has raised."""
        if self._planning is not None:
            await self._planning

    def _plan(self) -> asyncio.Task[None]:
        """Return the task that plans the next batch, one at a time."""
        if self._planning is None or (self._planning.done() and not self._over):
            self._planning = asyncio.get_running_loop().create_task(self._plan_next())
        return self._planning

    async def _plan_next(self) -> None:
        groups = await asyncio.wrap_future(in_a_thread(partial(next, self._planned, None), "plan"))
        self._over = groups is None or isinstance(groups, Broken)
        if isinstance(groups, Broken):
            raise groups.error
        self._ready.extend(groups or ())
