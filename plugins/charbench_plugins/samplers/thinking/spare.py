"""Answers that came together with another one (``n``), kept for the epochs that will want them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from charbench import Completion, SampleRequest

_Key = tuple[str, str, str]


class SpareAnswers:
    """Spare answers by checkpoint, prompt and condition.

    While a question is being asked, its other epochs wait for their turn: the answer may hold theirs. A
    server that ignores ``n`` leaves no spare answers; once that is known, nobody waits.
    """

    def __init__(self) -> None:
        self._answers: dict[_Key, list[Completion]] = {}
        self._turns: dict[_Key, asyncio.Lock] = {}
        self._ignored = False

    @asynccontextmanager
    async def turn(self, request: SampleRequest) -> AsyncIterator[None]:
        """Wait until nobody else asks the same question."""
        if self._ignored:
            yield
            return
        async with self._turns.setdefault(_key(request), asyncio.Lock()):
            yield

    def forget_turns(self) -> None:
        """Forget who waits: turns belong to one event loop."""
        self._turns.clear()

    def take(self, request: SampleRequest) -> Completion | None:
        """Return a spare answer to this question, None if there is none."""
        key = _key(request)
        answers = self._answers.get(key)
        if not answers:
            return None
        answer = answers.pop()
        if not answers:
            del self._answers[key]
        return answer

    def put(self, request: SampleRequest, answers: Sequence[Completion]) -> None:
        """Keep the answers that came with another one; none means that the server gives one at a time."""
        self._ignored = not answers
        if answers:
            self._answers.setdefault(_key(request), []).extend(answers)


def _key(request: SampleRequest) -> _Key:
    return request.checkpoint.uri, request.prompt.key, request.condition
