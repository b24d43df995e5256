"""The queue of questions: how workers get them as they are planned, and in which order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from heapq import heappop, heappush

from charbench.components.containment import Broken
from charbench.concurrency.retry import never
from charbench.concurrency.threads import in_a_thread
from charbench.sampling.requests import Keyed

Question = Sequence[Keyed]
"""The requests of one question that are asked together; of one checkpoint."""


class QuestionQueue:
    """What is planned, for the workers of one event loop.

    A worker gets the first question in the order of the plan for whose checkpoint ``enter(uri)`` is true: while a
    checkpoint has not answered yet and has enough questions under way, its others are held, and those of the next
    checkpoints come before them; :meth:`freed` has to be called when that may have changed. And the first question to
    a checkpoint that was never asked comes before its turn, once it is among the next ``workers`` of the plan: when
    their turn comes, it has answered. So one worker keeps to the plan. With ``one_by_one`` all do: where the next
    question is held, they wait.

    The planning is done in a thread: what methods of plugins ask to be awaited can then be waited for in the loop. The
    next batch is planned when fewer than ``ahead`` questions are ready, so that no worker has to wait for it, but not
    while as many as ``most_held`` are held: what is claimed here is nobody else's. Where ``stopping()`` is true, those
    who wait get None.
    """

    def __init__(
        self,
        planned: Iterator[Sequence[Question]],
        enter: Callable[[str], bool],
        *,
        workers: int = 1,
        one_by_one: bool = False,
        ahead: int = 0,
        most_held: int = 1,
        stopping: Callable[[], bool] = never,
    ) -> None:
        self._planned = planned
        self._enter = enter
        self._before_turn = 0 if one_by_one else workers
        self._one_by_one = one_by_one
        self._ahead = ahead
        self._most_held = most_held
        self._stopping = stopping
        self._by_checkpoint: dict[str, deque[tuple[int, Question]]] = {}
        """Questions with their places in the plan; checkpoints that have none are left out."""
        self._turns: list[tuple[int, str]] = []
        """A heap: the place of the first question of each checkpoint that is not held; others than that are stale."""
        self._held: set[str] = set()
        self._number_held = self._number = self._count = 0
        self._known: set[str] = set()
        self._never_asked: deque[tuple[int, str]] = deque()
        """Checkpoints with the places of their first questions; those whose turn has come may be among them yet."""
        self._workers_waiting: deque[asyncio.Future[Question | None]] = deque()
        self._planning: asyncio.Task[None] | None = None
        self._is_planning = False
        self._over = False

    async def next(self) -> Question | None:
        """Return the next question, for which a place is taken at its checkpoint; None where there is none."""
        if (question := self._take()) is not None:
            if self._count - self._number_held < self._ahead:
                self._plan()
            return question
        if self._over and not self._count:
            return None
        waiting: asyncio.Future[Question | None] = asyncio.get_running_loop().create_future()
        self._workers_waiting.append(waiting)
        self.hand_out()
        return await waiting

    def freed(self, uri: str) -> None:
        """Look again whether a checkpoint may be asked."""
        if uri in self._held:
            self._held.remove(uri)
            questions = self._by_checkpoint[uri]
            self._number_held -= len(questions)
            heappush(self._turns, (questions[0][0], uri))
        self.hand_out()

    def hand_out(self) -> None:
        """Give those who wait what there is for them: a question, or None where nothing will come any more."""
        while self._workers_waiting and not self._stopping():
            if self._workers_waiting[0].done():  # cancelled
                self._workers_waiting.popleft()
            elif (question := self._take()) is not None:
                self._workers_waiting.popleft().set_result(question)
            else:
                break
        if not self._workers_waiting:
            return
        if self._stopping() or (self._over and not self._count):
            while self._workers_waiting:
                if not (waiting := self._workers_waiting.popleft()).done():
                    waiting.set_result(None)
        elif self._count == self._number_held or self._count - self._number_held < self._ahead:
            self._plan()

    async def end(self) -> None:
        """Wait until nothing is planned any more; raises what the planning has raised."""
        if self._planning is not None:
            await self._planning

    def _take(self) -> Question | None:
        """Take the question whose turn it is, with a place at its checkpoint; None where there is none now."""
        while self._turns:
            place, uri = self._turns[0]
            questions = self._by_checkpoint.get(uri)
            if questions is None or questions[0][0] != place:
                heappop(self._turns)  # its question came before its turn
                continue
            if (early := self._early(place)) is not None:
                return self._taken(early)
            if self._enter(uri):
                heappop(self._turns)
                return self._taken(uri)
            if self._one_by_one:
                return None
            heappop(self._turns)
            self._held.add(uri)
            self._number_held += len(questions)
        return None

    def _early(self, turn: int) -> str | None:
        """Return a checkpoint whose first question comes before its turn, with a place there; None: there is none."""
        while self._never_asked and self._never_asked[0][0] < turn + self._before_turn:
            place, uri = self._never_asked.popleft()
            if place > turn and self._by_checkpoint[uri][0][0] == place and self._enter(uri):
                return uri
        return None

    def _taken(self, uri: str) -> Question:
        """Take the first question of a checkpoint that is not held."""
        questions = self._by_checkpoint[uri]
        _, question = questions.popleft()
        self._count -= 1
        if questions:
            heappush(self._turns, (questions[0][0], uri))
        else:
            del self._by_checkpoint[uri]
        return question

    def _plan(self) -> None:
        """Have the next batch planned, one at a time."""
        if not (self._is_planning or self._over) and self._number_held < self._most_held:
            self._is_planning = True
            self._planning = asyncio.get_running_loop().create_task(self._plan_next())

    async def _plan_next(self) -> None:
        questions = await asyncio.wrap_future(in_a_thread(partial(next, self._planned, None), "plan"))
        self._is_planning = False
        self._over = questions is None or isinstance(questions, Broken)
        if not isinstance(questions, Broken):
            for question in questions or ():
                self._add(question)
        self.hand_out()
        if isinstance(questions, Broken):
            raise questions.error

    def _add(self, question: Question) -> None:
        uri = question[0][1].checkpoint.uri
        self._number += 1
        self._count += 1
        if uri not in self._known:
            self._known.add(uri)
            self._never_asked.append((self._number, uri))
        if uri in self._held:
            self._number_held += 1
        elif uri not in self._by_checkpoint:
            heappush(self._turns, (self._number, uri))
        self._by_checkpoint.setdefault(uri, deque()).append((self._number, question))
