"""Scoring by asking somebody else: as many samples under way as the scorer allows, each stored as it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from charbench.boundary import Broken, guarded_async
from charbench.domain.sample import Failure
from charbench.domain.score import Score
from charbench.engine.commits import Commits
from charbench.engine.progress import Progress
from charbench.engine.scoring import Outcome, Scoring
from charbench.engine.writer import Writer
from charbench.patience import Breaker, Patience
from charbench.store.samples import StoredSample


async def score_async(
    scoring: Scoring,
    samples: Iterator[StoredSample],
    writer: Writer,
    progress: Progress,
    done: Callable[[StoredSample], None],
) -> None:
    """Score what ``samples`` yields; ``done`` is told each sample that will be in the store.

    The next sample is taken only when the last is in the store, so a killed process loses no more than what
    was under way. After too many failures in a row the rest is left for the next run.
    """
    scorer, stopping = scoring.scorer, scoring.plan.stopping
    limits = scorer.limits()
    patience, breaker = Patience(limits, stopping), Breaker()

    def write(connection: Connection, outcomes: Sequence[Outcome]) -> None:
        scoring.tally.scored += scoring.write(connection, outcomes)

    commits: Commits[Outcome] = Commits(writer, write)

    async def once(stored: StoredSample) -> tuple[Score, ...]:
        given: Any = scorer.score(stored.sample, scoring.plan.persona)
        return scoring.checked(tuple(await given))

    async def worker() -> None:
        for stored in samples:
            if breaker.reason:
                return
            failed: list[Failure] = []
            outcome = await guarded_async(patience.call, partial(once, stored), failed=failed)
            if isinstance(outcome, Broken):
                if stopping():
                    return
                scoring.note_broken(outcome)
                failed.append(outcome.failure)
            breaker.note(outcome)
            done(stored)
            scores = None if isinstance(outcome, Broken) else outcome
            await commits.add(Outcome(stored.id, stored.group_id, scores, tuple(failed)))
            progress.advance(1, f"{scoring.tally.failed:,} failed" if scoring.tally.failed else "")

    try:
        if await scoring.begin():
            await asyncio.gather(*(worker() for _ in range(limits.concurrency)))
    finally:
        await scorer.aclose()
    if breaker.reason:
        who = f"scorer {scorer.name}, persona {scoring.plan.persona.name}"
        scoring.tally.stopped.append(f"{who}: it is not asked any more: {breaker.reason}")
