"""The order in which questions are asked: no worker waits for a checkpoint's first answer while others can be asked."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charbench.components.containment import Broken
from charbench.components.limits import Limits
from charbench.components.sampler import Sampler, SampleRequest
from charbench.concurrency.circuit_breaker import REFUSALS_TO_STOP, CircuitBreaker, TrialGate
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.prompt import Prompt
from charbench.domain.sample import Completion
from charbench.errors import RefusedError, SamplingError
from charbench.sampling.ask import Asker
from charbench.sampling.question_queue import Question, QuestionQueue

ANSWER = "an answer"
OUTCOMES = {
    "answered": ANSWER,
    "busy": Broken(SamplingError("busy", kind="server"), ""),
    "refused": Broken(RefusedError("no such model"), ""),
    "stopped": None,
}
PLANS = st.lists(st.lists(st.sampled_from("aaabbcdefg"), max_size=12), max_size=5)
"""Batches of questions, each the name of its checkpoint."""


def question(number: int, uri: str) -> Question:
    return [(str(number), SampleRequest(checkpoint=Checkpoint(uri=uri), prompt=Prompt.from_text(uri)))]


def batches(plan: Sequence[Sequence[str]]) -> Iterator[Sequence[Question]]:
    """Yield the questions with their places in the plan as keys."""
    number = 0
    for names in plan:
        yield [question(number + place, f"model:{name}") for place, name in enumerate(names)]
        number += len(names)


@dataclass
class Endpoint:
    """An endpoint whose answers come when the test says so, with the places that each checkpoint has."""

    breakers: dict[str, CircuitBreaker] = field(default_factory=dict)
    gates: dict[str, TrialGate] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    """Places in the plan of what was handed out; what was handed out at one moment is in the order of the plan."""
    _just_asked: list[int] = field(default_factory=list)
    in_flight: dict[int, tuple[str, asyncio.Future[object]]] = field(default_factory=dict)
    ended: int = 0

    def enter(self, uri: str) -> bool:
        return self.gate(uri).enter_now()

    def gate(self, uri: str) -> TrialGate:
        breaker = self.breakers.setdefault(uri, CircuitBreaker())
        return self.gates.setdefault(uri, TrialGate(breaker))

    def on_trial(self, uri: str) -> bool:
        breaker = self.breakers.get(uri)
        return breaker is None or not (breaker.answered or breaker.reason)

    def under_way(self, uri: str) -> int:
        return sum(one == uri for one, _ in self.in_flight.values())

    async def work(self, queue: QuestionQueue) -> None:
        """Ask one question after the other, as a worker does."""
        while (asked := await queue.next()) is not None:
            ((key, request),) = asked
            uri, breaker = request.checkpoint.uri, self.breakers[request.checkpoint.uri]
            self._just_asked.append(int(key))
            if breaker.reason:
                continue
            answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            self.in_flight[int(key)] = uri, answer
            was_open, outcome = breaker.answered, await answer
            del self.in_flight[int(key)]
            if outcome is not None:
                breaker.note(outcome)
            if not was_open:
                self.gates[uri].leave(outcome)
                queue.freed(uri)
        self.ended += 1

    async def settle(self, queue: QuestionQueue) -> None:
        """Wait until nothing happens any more but what somebody answers."""
        while True:
            for _ in range(6):
                await asyncio.sleep(0)
            if not queue._is_planning:
                break
            await asyncio.sleep(0.0002)
        self.asked += sorted(self._just_asked)
        self._just_asked.clear()

    async def answer_all(self, queue: QuestionQueue) -> None:
        """Answer one after the other, in the order of the plan."""
        while self.in_flight:
            self.in_flight[min(self.in_flight)][1].set_result(ANSWER)
            await self.settle(queue)


def run(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(play(), 60))


@settings(max_examples=30, deadline=None)
@given(plan=PLANS, workers=st.integers(1, 9), ahead=st.integers(0, 4), one_by_one=st.booleans(), seed=st.integers())
def test_every_question_is_asked_once_and_nobody_waits_while_one_may_be_asked(
    plan: list[list[str]], workers: int, ahead: int, one_by_one: bool, seed: int
) -> None:
    dice = random.Random(seed)
    names = [f"model:{name}" for batch in plan for name in batch]
    habits = {uri: dice.choice(list(OUTCOMES)) for uri in names}

    async def play() -> None:
        endpoint = Endpoint()
        queue = QuestionQueue(
            batches(plan), endpoint.enter, workers=workers, one_by_one=one_by_one, ahead=ahead, most_held=10**6
        )
        working = [asyncio.create_task(endpoint.work(queue)) for _ in range(workers)]
        await endpoint.settle(queue)
        while endpoint.in_flight:
            under_way = Counter(uri for uri, _ in endpoint.in_flight.values())
            on_trial = {uri for uri in {*names} if endpoint.on_trial(uri)}
            assert all(under_way[uri] <= REFUSALS_TO_STOP for uri in on_trial)
            left = [uri for place, uri in enumerate(names) if place not in endpoint.asked]
            if left and not one_by_one and len(endpoint.in_flight) < workers:
                assert {*left} <= on_trial, "a worker waits, and a checkpoint that has answered has questions"
                assert not any(endpoint.gates[uri].enter_now() for uri in left)
            uri, answer = endpoint.in_flight[dice.choice([*endpoint.in_flight])]
            answer.set_result(OUTCOMES[habits[uri] if dice.random() < 0.7 else "answered"])
            await endpoint.settle(queue)
        assert endpoint.ended == workers
        await asyncio.gather(*working)
        await queue.end()
        assert sorted(endpoint.asked) == [*range(len(names))]
        if workers == 1 or one_by_one:
            assert endpoint.asked == [*range(len(names))]

    run(play)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_one_worker_and_a_pause_between_checkpoints_keep_to_the_plan(one_by_one: bool) -> None:
    plan = [[*"aaaaabbbbb"], [*"bbcc"]]

    async def play() -> None:
        endpoint = Endpoint()
        workers = 6 if one_by_one else 1
        queue = QuestionQueue(
            batches(plan), endpoint.enter, workers=workers, one_by_one=one_by_one, ahead=3, most_held=9
        )
        working = [asyncio.create_task(endpoint.work(queue)) for _ in range(workers)]
        await endpoint.settle(queue)
        if one_by_one:
            assert [*endpoint.in_flight] == [0, 1, 2], "the others wait for the first answer"
        await endpoint.answer_all(queue)
        await asyncio.gather(*working)
        assert endpoint.asked == [*range(14)]

    run(play)


def test_the_first_question_to_a_checkpoint_comes_so_early_that_it_has_answered_when_it_is_its_turn() -> None:
    async def play() -> None:
        endpoint = Endpoint()
        queue = QuestionQueue(batches([["a"] * 9 + ["b"] * 9]), endpoint.enter, workers=4, ahead=4, most_held=9)
        working = [asyncio.create_task(endpoint.work(queue)) for _ in range(4)]
        await endpoint.settle(queue)
        await endpoint.answer_all(queue)
        await asyncio.gather(*working)
        # Three to a until it has answered, and the fourth worker asks b; then a's in the order of the plan, and b's.
        assert endpoint.asked == [0, 1, 2, 9, *range(3, 9), *range(10, 18)]
        endpoint = Endpoint()
        endpoint.breakers["model:a"] = CircuitBreaker(answered=True)
        queue = QuestionQueue(batches([["a"] * 9 + ["b"] * 9]), endpoint.enter, workers=4, ahead=4, most_held=9)
        taken = [await queue.next() for _ in range(8)]
        assert [int(one[0][0]) for one in taken if one] == [0, 1, 2, 3, 4, 5, 9, 6], "b is next but three"

    run(play)


def test_no_more_is_planned_while_as_many_as_a_batch_wait_for_their_first_answer() -> None:
    planned = []

    def plan() -> Iterator[Sequence[Question]]:
        for names in batches([["a"] * 10] * 5 + [["b"] * 10]):
            planned.append(len(names))
            yield names

    async def play() -> None:
        endpoint = Endpoint()
        queue = QuestionQueue(plan(), endpoint.enter, workers=8, ahead=4, most_held=10)
        working = [asyncio.create_task(endpoint.work(queue)) for _ in range(8)]
        await endpoint.settle(queue)
        assert (len(endpoint.in_flight), len(planned)) == (3, 2)
        endpoint.in_flight[0][1].set_result(ANSWER)
        await endpoint.settle(queue)
        assert len(endpoint.in_flight) == 8
        await endpoint.answer_all(queue)
        await asyncio.gather(*working)
        assert len(endpoint.asked) == 60

    run(play)


def test_a_stop_lets_those_go_who_wait_for_a_first_answer() -> None:
    async def play() -> None:
        endpoint, stops = Endpoint(), [False]
        queue = QuestionQueue(
            batches([["a"] * 20]), endpoint.enter, workers=8, ahead=4, most_held=99, stopping=lambda: stops[0]
        )
        working = [asyncio.create_task(endpoint.work(queue)) for _ in range(8)]
        await endpoint.settle(queue)
        stops[0] = True
        queue.hand_out()
        await endpoint.settle(queue)
        assert (endpoint.ended, len(endpoint.in_flight)) == (5, 3)
        for one in working:
            one.cancel()

    run(play)


def test_what_the_planning_raises_is_raised_at_the_end_and_what_was_planned_is_asked() -> None:
    def plan() -> Iterator[Sequence[Question]]:
        yield from batches([["a"] * 7])
        raise ValueError("no store")

    async def play() -> None:
        endpoint = Endpoint()
        queue = QuestionQueue(plan(), endpoint.enter, workers=5, ahead=2, most_held=9)
        working = [asyncio.create_task(endpoint.work(queue)) for _ in range(5)]
        await endpoint.settle(queue)
        await endpoint.answer_all(queue)
        await asyncio.gather(*working)
        assert len(endpoint.asked) == 7
        with pytest.raises(ValueError, match="no store"):
            await queue.end()

    run(play)


def test_who_asks_without_a_queue_waits_for_the_first_answer() -> None:
    async def play() -> None:
        goes_on, under_way, most = asyncio.Event(), 0, [0]

        class Slow(Sampler):
            name = "slow"

            async def sample(self, request: SampleRequest) -> Completion:
                nonlocal under_way
                under_way += 1
                most[0] = max(most[0], under_way)
                await goes_on.wait()
                under_way -= 1
                return Completion(text=ANSWER)

        asker = Asker(Slow(), Limits(concurrency=10), lambda: False, lambda *_: None)
        ((_, request),) = question(0, "model:a")
        asking = [asyncio.create_task(asker.ask(request)) for _ in range(10)]
        for _ in range(20):
            await asyncio.sleep(0)
        assert most[0] == REFUSALS_TO_STOP
        goes_on.set()
        answered = await asyncio.gather(*asking)
        assert all(isinstance(one.outcome, Completion) for one in answered)

    run(play)
