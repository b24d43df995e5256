"""The score stage: gives every sample the scores that it does not have yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy.engine import Connection

from charbench.components.containment import Broken, guarded
from charbench.components.scorer import Scorer, ScoringPlan
from charbench.concurrency.circuit_breaker import CircuitBreaker
from charbench.concurrency.progress import Progress
from charbench.domain.score import Score
from charbench.scoring.score_async import score_async
from charbench.scoring.scoring import Begun, Outcome, ScoreTally, Scoring, all_of
from charbench.store.claims import claim, release
from charbench.store.database import Database
from charbench.store.samples import SampleReader, StoredSample
from charbench.store.scores import STAGE, pending_samples, present_scores
from charbench.store.writer import Writer

BATCH = 500
WAIT_SECONDS = 0.5

Task = tuple[Scoring, StoredSample]


@dataclass(slots=True)
class ScoreStage:
    """Scorers at work for one persona in one run.

    Plain scorers go over the samples together, so that each sample is read once; one that is ``async`` needs a
    stage of its own.
    """

    database: Database
    writer: Writer
    run_id: int
    scorers: Sequence[Scorer]
    plan: ScoringPlan
    begun: Begun
    tally: ScoreTally = field(default_factory=ScoreTally)
    _scorings: list[Scoring] = field(default_factory=list)
    _claimed: set[str] = field(default_factory=set)
    """What this run has claimed and is not done with."""
    _failed: set[str] = field(default_factory=set)
    """What this run has tried in vain: it is left for the next one."""
    _breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    _elsewhere: bool = False

    def run(self, group_ids: Sequence[int], progress: Progress) -> ScoreTally:
        """Score the samples of these groups that are not scored yet."""
        made = (self.plan, self.run_id, self.tally, self.begun)
        self._scorings = [Scoring(self.database, scorer, *made) for scorer in self.scorers]
        while True:
            self._elsewhere = False
            tasks = self._tasks(group_ids)
            if any(scoring.is_async for scoring in self._scorings):
                self._run_async(tasks, progress)
            else:
                self._run_plain(tasks, progress)
            self._let_go()
            self.writer.flush()
            if not self._elsewhere or self._over:
                return self.tally
            time.sleep(WAIT_SECONDS)

    def _let_go(self) -> None:
        """Let other runs have what this one claimed and did not get to."""
        if self._claimed:
            self.writer.put(partial(release, stage=STAGE, run_id=self.run_id, items=sorted(self._claimed)))
            self._claimed = set()

    @property
    def _over(self) -> bool:
        return self.plan.stopping() or not self._scorings

    def _tasks(self, group_ids: Sequence[int]) -> Iterator[list[Task]]:
        """Yield what is this run's to score, claimed batch by batch."""
        reader = SampleReader()
        wanted = [scoring.rows.scoring_id for scoring in self._scorings]
        for ids in pending_samples(self.database, wanted, group_ids, BATCH):
            if self.plan.stopping():
                return
            items = {scoring.rows.item(number): (scoring, number) for number in ids for scoring in self._scorings}
            items = {item: task for item, task in items.items() if item not in self._failed}
            claimed = claim(self.database, STAGE, self.run_id, list(items), present_scores)
            self._elsewhere |= claimed.elsewhere > 0
            self._claimed.update(claimed.mine)
            mine = [items[item] for item in claimed.mine]
            with self.database.read() as connection:
                read = {stored.id: stored for stored in reader.read(connection, sorted({number for _, number in mine}))}
            if mine:
                yield [(scoring, read[number]) for scoring, number in mine]

    def _note(self, scoring: Scoring, outcomes: Sequence[Outcome]) -> None:
        """Be done with what will be in the store, and remember what failed."""
        self._claimed.difference_update(scoring.rows.item(outcome.sample_id) for outcome in outcomes)
        self._failed.update(scoring.rows.item(outcome.sample_id) for outcome in outcomes if outcome.scores is None)

    # Scorers that ask somebody else.

    def _run_async(self, tasks: Iterator[list[Task]], progress: Progress) -> None:
        (scoring,) = self._scorings
        first = next(tasks, None)
        if first is None:
            return
        samples = (stored for batch in chain([first], tasks) for _, stored in batch if not self.plan.stopping())

        def done(outcome: Outcome) -> None:
            self._note(scoring, [outcome])

        asyncio.run(score_async(scoring, samples, self.writer, progress, self._breaker, done))
        if self.tally.stopped:
            self._scorings.clear()

    # Scorers that only compute.

    def _run_plain(self, tasks: Iterator[list[Task]], progress: Progress) -> None:
        for batch in tasks:
            by_scoring: dict[int, list[StoredSample]] = {}
            for scoring, stored in batch:
                by_scoring.setdefault(scoring.rows.scoring_id, []).append(stored)
            results: list[tuple[Scoring, list[Outcome]]] = []
            for scoring in list(self._scorings):
                mine = by_scoring.get(scoring.rows.scoring_id)
                if not mine:
                    continue
                if self._may_score(scoring):
                    results.append((scoring, [self._outcome(scoring, stored) for stored in mine]))
                else:
                    self._scorings.remove(scoring)
            self.writer.put(partial(self._write, results=results))
            for scoring, outcomes in results:
                self._note(scoring, outcomes)
            progress.advance(len({stored.id for _, stored in batch}))
            if not self._scorings:
                return

    @staticmethod
    def _may_score(scoring: Scoring) -> bool:
        return type(scoring.scorer).begin is Scorer.begin or asyncio.run(scoring.begin())

    def _outcome(self, scoring: Scoring, stored: StoredSample) -> Outcome:
        outcome = guarded(self._scores, scoring, stored)
        if isinstance(outcome, Broken):
            scoring.note_broken(outcome)
            return Outcome(stored.id, stored.group_id, None, (outcome.failure,))
        return Outcome(stored.id, stored.group_id, outcome)

    def _scores(self, scoring: Scoring, stored: StoredSample) -> tuple[Score, ...]:
        given: Any = scoring.scorer.score(stored.sample, self.plan.persona)
        return scoring.checked(all_of(scoring.scorer, given))

    def _write(self, connection: Connection, results: Sequence[tuple[Scoring, Sequence[Outcome]]]) -> None:
        """Add what several scorers gave for the same samples: a sample counts once."""
        self.tally.scored += max((scoring.write(connection, outcomes) for scoring, outcomes in results), default=0)
