"""The score stage: gives every sample the scores that it does not have yet."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy.engine import Connection

from charbench.components.calling import must_be_awaited
from charbench.components.containment import Broken, guarded, printing_to_stderr
from charbench.components.lifecycle import Lifecycle
from charbench.components.scorer import Scorer, ScoringPlan, waits
from charbench.concurrency.ahead import one_ahead
from charbench.concurrency.circuit_breaker import CircuitBreaker
from charbench.concurrency.progress import Progress
from charbench.domain.score import Score
from charbench.scoring.given_scores import all_of
from charbench.scoring.lots import Lot, Lots
from charbench.scoring.score import Begun, Outcome, Scoring, held_line, score_async
from charbench.scoring.tally import ScoreTally
from charbench.store.claims import claimed_together, release, shared_out
from charbench.store.database import Database
from charbench.store.rescue import Rescue, StoredSettings, settings_of_groups
from charbench.store.sample_reader import SampleReader
from charbench.store.samples import StoredSample
from charbench.store.scores import STAGE, NewScores, pending_samples, score_item
from charbench.store.writer import Writer

BATCH = 500
FIRST_WAIT, LONGEST_WAIT = 0.05, 0.5
"""Seconds between two looks at what another run is at: twice as many after each look that finds it at it still."""
_COUNTED = 20_000
"""Samples that are counted by one query."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples that are scored together."""

    items: list[str]
    """The names of their claims."""
    tasks: list[tuple[Scoring, list[StoredSample]]]
    samples: int


@dataclass(slots=True)
class ScoreStage:
    """Scorers at work for one persona in one run.

    Plain scorers go over the samples together, so that each sample is read once; one that is declared ``async`` needs
    a stage of its own. One that turns out to return awaitables is asked as that one is, batch by batch.
    """

    database: Database
    writer: Writer
    run_id: int
    scorers: Sequence[Scorer]
    plan: ScoringPlan
    begun: Begun
    lifecycle: Lifecycle
    workers: int = 1
    """So many share the work: see :func:`charbench.store.claims.claimed_together`."""
    shared_run: int | None = None
    """The run that they share, None where one is alone: what one of them tries in vain, no other tries again."""
    others: int = 0
    """So many runs were at work when this one began: they begin with other groups."""
    rescue: Rescue | None = None
    """Takes the scores that the store does not take."""
    tally: ScoreTally = field(default_factory=ScoreTally)
    _sampled: Mapping[int, StoredSettings] = field(default_factory=dict)
    _scorings: list[Scoring] = field(default_factory=list)
    _lots: Lots = field(init=False)
    _claimed: set[str] = field(default_factory=set)
    """What this run has claimed and is not done with."""
    _breaker: CircuitBreaker = field(default_factory=CircuitBreaker)

    def run(self, group_ids: Sequence[int], progress: Progress) -> ScoreTally:
        """Score the samples of these groups that are not scored yet."""
        group_ids, wait = shared_out(sorted(group_ids), self.others), FIRST_WAIT
        made = (self.plan, self.run_id, self.tally, self.begun)
        scorings = [Scoring(self.database, scorer, *made) for scorer in self.scorers]
        for scoring in (one for one in scorings if one.is_held):
            self._note_held(scoring, group_ids)
        self._scorings = [one for one in scorings if not one.is_held]
        wanted = [scoring.rows.scoring_id for scoring in self._scorings]
        pending = sum(map(len, pending_samples(self.database, wanted, group_ids, _COUNTED))) if wanted else 0
        if not pending:
            return self.tally
        with self.database.read() as connection:
            self._sampled = settings_of_groups(connection, group_ids)
        progress.expect(pending)
        # Each worker has three lots: what is written, what is scored, and what is claimed ahead. A run that shares the
        # work with nobody it knows of leaves half of it, where it is little, to one that may come.
        share = -(-pending // 4)
        size = claimed_together(BATCH, pending, 3 * self.workers) if self.workers > 1 else min(BATCH, share)
        self._lots = Lots(self.database, self.run_id, self._scorings, self.shared_run)
        while self._scorings:
            self._lots.elsewhere, before = False, self.tally.scored
            lots = self._taken(self._lots.of(group_ids, size))
            if any(waits(scoring.scorer) for scoring in self._scorings):
                self._run_async(self._batches(lots), progress)
            else:
                with one_ahead(lots) as ahead:
                    self._run_plain(self._batches(ahead), group_ids, progress)
            self._let_go()
            self.writer.flush()
            if not self._lots.elsewhere or self._over:
                break
            wait = FIRST_WAIT if self.tally.scored > before else min(2 * wait, LONGEST_WAIT)
            time.sleep(wait)
        return self.tally

    def _note_held(self, scoring: Scoring, group_ids: Sequence[int]) -> None:
        """Tell how many samples stay without a score, since they would be scored by other code than the rest."""
        earlier = [] if scoring.earlier is None else [scoring.earlier]
        if count := sum(map(len, pending_samples(self.database, earlier, group_ids, BATCH))):
            self.tally.warnings.append(f"{scoring.who}: {held_line(scoring.scorer, f'{count:,} samples')}")

    def _rescued(self, scoring: Scoring, outcomes: Sequence[Outcome]) -> None:
        if self.rescue is not None:
            scoring.rescue(self.rescue, self._sampled, outcomes)

    def _rescued_all(self, results: Sequence[tuple[Scoring, Sequence[Outcome]]]) -> None:
        for scoring, outcomes in results:
            self._rescued(scoring, outcomes)

    def _let_go(self) -> None:
        """Let other runs have what this one claimed and did not get to."""
        if self._claimed:
            self.writer.put(partial(release, stage=STAGE, run_id=self.run_id, items=sorted(self._claimed)))
            self._claimed = set()

    @property
    def _over(self) -> bool:
        return self.plan.stopping() or self.writer.fault is not None or not self._scorings

    def _taken(self, lots: Iterator[Lot]) -> Iterator[Lot]:
        """Remember what is claimed."""
        for lot in lots:
            self._claimed.update(lot.items)
            yield lot

    def _batches(self, lots: Iterator[Lot]) -> Iterator[Batch]:
        """Yield what is this run's to score, read as it is claimed."""
        reader = SampleReader()
        for lot in lots:
            if self._over:  # what was claimed ahead is for another run
                return
            numbers = sorted({number for _, mine in lot.lacking for number in mine})
            with self.database.read() as connection:
                read = {stored.id: stored for stored in reader.read(connection, numbers)}
            tasks = [(scoring, [read[number] for number in mine]) for scoring, mine in lot.lacking]
            yield Batch(lot.items, tasks, len(numbers))

    def _note(self, scoring: Scoring, outcomes: Sequence[Outcome]) -> None:
        """Remember what failed."""
        scoring.note_again()
        self._lots.note_failed(scoring, [outcome.stored.id for outcome in outcomes if outcome.scores is None])

    # Scorers that ask somebody else.

    def _run_async(self, batches: Iterator[Batch], progress: Progress) -> None:
        (scoring,) = self._scorings
        first = next(batches, None)
        if first is None:
            return
        samples = (
            stored for batch in chain([first], batches) for _, mine in batch.tasks for stored in mine if not self._over
        )
        self._ask(scoring, samples, progress)

    def _ask(self, scoring: Scoring, samples: Iterator[StoredSample], progress: Progress) -> None:
        """Score these samples in the event loop; once its scorer is not asked any more, it is no part of the stage."""

        def done(outcome: Outcome) -> None:
            self._note(scoring, [outcome])
            self._claimed.discard(score_item(scoring.scoring_id, outcome.stored.id))

        stopped = len(self.tally.stopped)
        rescue = partial(self._rescued, scoring)
        self.lifecycle.run(score_async(scoring, samples, self.writer, progress, self._breaker, done, rescue))
        if len(self.tally.stopped) > stopped:
            self._scorings.remove(scoring)

    # Scorers that only compute.

    def _run_plain(self, batches: Iterator[Batch], group_ids: Sequence[int], progress: Progress) -> None:
        batch = next(batches, None)
        while batch is not None:
            results: list[tuple[Scoring, list[Outcome]]] = []
            for scoring, mine in batch.tasks:
                if not self._may_score(scoring):
                    self._scorings.remove(scoring)
                    continue
                outcomes, rest = self._score_plainly(scoring, mine)
                if rest and not scoring.may_wait:
                    self._note_held(scoring, group_ids)
                    self._scorings.remove(scoring)
                    continue
                results.append((scoring, outcomes))
                if rest:
                    self._ask(scoring, iter(rest), progress)
            ready = [(scoring, scoring.prepared(outcomes), outcomes) for scoring, outcomes in results]
            work = partial(self._write, results=ready, items=batch.items)
            self.writer.put(work, partial(self._rescued_all, results))
            self._claimed.difference_update(batch.items)
            for scoring, outcomes in results:
                self._note(scoring, outcomes)
            progress.advance(batch.samples)
            batch = next(batches, None) if self._scorings else None

    def _may_score(self, scoring: Scoring) -> bool:
        return type(scoring.scorer).begin is Scorer.begin or self.lifecycle.run(scoring.begin())

    def _score_plainly(
        self, scoring: Scoring, samples: Sequence[StoredSample]
    ) -> tuple[list[Outcome], Sequence[StoredSample]]:
        """Score samples one by one; return the outcomes, and the samples whose scores have to be awaited."""
        outcomes: list[Outcome] = []
        with printing_to_stderr():  # once for all: `guarded` would do it for each
            for number, stored in enumerate(samples):
                outcome = None if scoring.is_async else guarded(self._scores, scoring, stored)
                if outcome is None:
                    return outcomes, samples[number:]
                if isinstance(outcome, Broken):
                    scoring.note_broken(outcome)
                    outcomes.append(Outcome(stored, None, (outcome.failure,)))
                else:
                    outcomes.append(Outcome(stored, outcome))
        return outcomes, ()

    def _scores(self, scoring: Scoring, stored: StoredSample) -> tuple[Score, ...] | None:
        """Return a sample's scores; None where the scorer turns out to give something to await."""
        given: Any = scoring.scorer.score(stored.sample, self.plan.persona)
        if must_be_awaited(given):
            scoring.is_async = True
            if close := getattr(given, "close", None):  # a coroutine that has not begun: it is asked for anew
                close()
            return None
        return scoring.checked(stored.sample, all_of(scoring.scorer, given))

    def _write(
        self,
        connection: Connection,
        results: Sequence[tuple[Scoring, Sequence[NewScores], Sequence[Outcome]]],
        items: Sequence[str],
    ) -> None:
        """Add what several scorers gave for the same samples, and let go of these: a sample counts once.

        In the order of the scorings' numbers, whatever order the scorers were named in: two writers cannot deadlock.
        """
        in_order = sorted(results, key=lambda result: result[0].scoring_id)
        self.tally.scored += max(
            (scoring.add(connection, new, outcomes) for scoring, new, outcomes in in_order), default=0
        )
        release(connection, STAGE, self.run_id, items)
