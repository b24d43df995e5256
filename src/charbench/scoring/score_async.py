"""Scoring by asking somebody else: as many samples under way as the scorer allows, each stored as it is done."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterator, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from charbench.concurrency.circuit_breaker import CircuitBreaker
from charbench.concurrency.progress import Progress
from charbench.concurrency.worker_pool import UnderWay
from charbench.domain.sample import Failure
from charbench.domain.score import Score
from charbench.scoring.scoring import Outcome, Scoring, all_of
from charbench.store.group_commit import Commits
from charbench.store.samples import StoredSample
from charbench.store.writer import Writer


async def score_async(
    scoring: Scoring,
    samples: Iterator[StoredSample],
    writer: Writer,
    progress: Progress,
    breaker: CircuitBreaker,
    done: Callable[[Outcome], None],
) -> None:
    """Score what ``samples`` yields; ``done`` is told each outcome that will be in the store.

    After too many failures in a row, which ``breaker`` counts, the rest is left for the next run.
    """
    scorer = scoring.scorer

    def write(connection: Connection, outcomes: Sequence[Outcome]) -> None:
        scoring.tally.scored += scoring.write(connection, outcomes)

    commits: Commits[Outcome] = Commits(writer, write)

    async def once(stored: StoredSample) -> tuple[Score, ...]:
        given: Any = scorer.score(stored.sample, scoring.plan.persona)
        if isinstance(given, AsyncIterable):
            return scoring.checked(tuple([score async for score in given]))
        return scoring.checked(all_of(scorer, await given))

    async def keep(stored: StoredSample, scores: tuple[Score, ...] | None, failed: tuple[Failure, ...]) -> None:
        outcome = Outcome(stored.id, stored.group_id, scores, failed)
        done(outcome)
        await commits.add(outcome)
        progress.advance(1, f"{scoring.tally.failed:,} failed" if scoring.tally.failed else "")

    under_way = UnderWay(once, keep, scorer.limits(), scoring.plan.stopping, scoring.note_broken, breaker)
    try:
        if await scoring.begin():
            await under_way.run(samples)
    finally:
        await scorer.aclose()
    if under_way.given_up:
        scoring.tally.stopped.append(f"{scoring.who}: no more requests are sent: {under_way.given_up}")
