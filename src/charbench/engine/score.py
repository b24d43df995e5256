"""The score stage: gives every sample the scores that it does not have yet."""

from __future__ import annotations

import asyncio
import inspect
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from charbench.boundary import Broken, guarded, guarded_async
from charbench.components.scorer import Scorer
from charbench.domain.persona import Persona
from charbench.domain.sample import Failure
from charbench.domain.score import Score
from charbench.engine.interrupt import StopSignal
from charbench.engine.progress import Progress
from charbench.engine.writer import Writer
from charbench.store.claims import claim
from charbench.store.database import Database
from charbench.store.samples import SampleReader, StoredSample
from charbench.store.scores import STAGE, NewScores, ScoreWriter, ScoringSettings

BATCH = 500
WAIT_SECONDS = 0.5


@dataclass(slots=True)
class ScoreTally:
    """What the stage did: samples scored, scores that could not be given, and the first faults."""

    scored: int = 0
    failed: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    trace: str = ""


@dataclass(slots=True)
class ScoreStage:
    """One scorer at work for one persona in one run."""

    database: Database
    writer: Writer
    run_id: int
    scorer: Scorer
    persona: Persona
    stop: StopSignal
    tally: ScoreTally = field(default_factory=ScoreTally)

    def run(self, group_ids: Sequence[int], progress: Progress) -> ScoreTally:
        """Score the samples of these groups that are not scored yet."""
        settings = ScoringSettings(
            self.scorer.name,
            self.scorer.protocol,
            self.persona.name,
            self.scorer.content_config(),
            self.scorer.fingerprint(self.persona),
        )
        with self.database.write() as connection:
            rows = ScoreWriter(connection, settings, type(self.scorer).metrics, self.run_id)
        reader = SampleReader()
        again = True
        while again and not self.stop.requested:
            again = False
            for ids in rows.pending(self.database, group_ids, BATCH):
                if self.stop.requested:
                    break
                items = {rows.item(number): number for number in ids}
                claimed = claim(self.database, STAGE, self.run_id, list(items), rows.present)
                again |= claimed.elsewhere > 0
                with self.database.read() as connection:
                    batch = list(reader.read(connection, [items[item] for item in claimed.mine]))
                self._score(batch, rows)
                progress.advance(len(batch))
            if again:
                self.writer.flush()
                time.sleep(WAIT_SECONDS)
        self.writer.flush()
        return self.tally

    def _score(self, batch: Sequence[StoredSample], rows: ScoreWriter) -> None:
        new: list[NewScores] = []
        failed: list[tuple[int, Failure]] = []
        for stored, outcome in zip(batch, self._ask(batch), strict=True):
            if isinstance(outcome, Broken):
                failure = outcome.failure
                failed.append((stored.id, failure))
                self.tally.faults[failure.message] = self.tally.faults.get(failure.message, 0) + 1
                self.tally.trace = self.tally.trace or outcome.trace
            else:
                new.append(NewScores(stored.id, stored.group_id, outcome))
        self.tally.failed += len(failed)
        if new:
            self.writer.put(lambda connection: self._write(connection, rows, new))
        if failed:
            self.writer.put(lambda connection: rows.add_failures(connection, failed))

    def _write(self, connection: Connection, rows: ScoreWriter, new: Sequence[NewScores]) -> None:
        self.tally.scored += rows.add(connection, new)

    def _ask(self, batch: Sequence[StoredSample]) -> list[tuple[Score, ...] | Broken]:
        if inspect.iscoroutinefunction(self.scorer.score):
            return asyncio.run(self._ask_all(batch))
        return [guarded(self._one, stored) for stored in batch]

    def _one(self, stored: StoredSample) -> tuple[Score, ...]:
        given = self.scorer.score(stored.sample, self.persona)
        return self._checked(tuple(given))  # type: ignore[arg-type]

    async def _ask_all(self, batch: Sequence[StoredSample]) -> list[tuple[Score, ...] | Broken]:
        async def one(stored: StoredSample) -> tuple[Score, ...]:
            return self._checked(tuple(await self.scorer.score(stored.sample, self.persona)))  # type: ignore[misc]

        return list(await asyncio.gather(*(guarded_async(one, stored) for stored in batch)))

    def _checked(self, given: tuple[Score, ...]) -> tuple[Score, ...]:
        """Raise unless every score is of a declared metric, once a channel, and a finite number in range."""
        metrics = {metric.name: metric for metric in type(self.scorer).metrics}
        seen: set[tuple[str, str]] = set()
        for score in given:
            metric = metrics.get(score.metric)
            if metric is None:
                declared = ", ".join(metrics)
                raise ValueError(f"{self.scorer.name} scored {score.metric!r}, which it does not declare ({declared})")
            if (score.metric, score.channel) in seen:
                raise ValueError(f"{self.scorer.name} scored {score.metric!r} twice for the {score.channel}")
            seen.add((score.metric, score.channel))
            if score.value is None:
                continue
            low, high = metric.range
            inside = (low is None or score.value >= low) and (high is None or score.value <= high)
            if not math.isfinite(score.value) or not inside:
                raise ValueError(f"{self.scorer.name}: {score.metric} is {score.value}, outside {low} to {high}")
        return given
