"""Keeps what a run has done and its store does not take: in a recovery file, which the next run reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.dataset import TrainingJob
from charbench.domain.score import Metric
from charbench.errors import StoreError
from charbench.store.code_versions import OldScores
from charbench.store.database import Database
from charbench.store.dialect import among
from charbench.store.faults import reason
from charbench.store.findings import add_bare_checkpoints
from charbench.store.games import NewGame, add_games
from charbench.store.jobs import save_planned_jobs, update_job
from charbench.store.recovery import make_private, remove
from charbench.store.runs import finish_run, start_run
from charbench.store.samples import NewSample, SampleWriter, SamplingSettings, StoredSample
from charbench.store.scores import NewScores, ScoreWriter, ScoringSettings, wanted_scoring
from charbench.store.tables import groups, samples, samplings


@dataclass(frozen=True, slots=True)
class StoredSettings(SamplingSettings):
    """Settings as they were read from a store, with the key that they have there."""

    stored_key: str = ""

    @property
    def key(self) -> str:
        """The settings' key."""
        return self.stored_key


def settings_of_groups(connection: Connection, group_ids: Sequence[int]) -> dict[int, StoredSettings]:
    """Return with which settings the samples of each group were taken."""
    query = sa.select(
        groups.c.id, samplings.c.sampler, samplings.c.protocol, samplings.c.params, samplings.c.condition,
        samplings.c.key,
    ).join(samplings, samplings.c.id == groups.c.sampling_id)  # fmt: skip
    rows = connection.execute(query.where(among(connection, groups.c.id, list(group_ids))))
    return {
        row.id: StoredSettings(row.sampler, row.protocol, row.params, row.condition, stored_key=row.key) for row in rows
    }


class Rescue:
    """The recovery file of one run; made when the first thing is put into it. Any thread may do so."""

    def __init__(self, path: Path, command: str, version: str) -> None:
        self.path = path
        self.kept = 0
        """Results that are kept."""
        self.lost = 0
        """Results that could not be kept."""
        self.why = ""
        """Why the first of them could not."""
        self._started = command, version
        self._open: tuple[Database, SampleWriter] | None = None
        self._lock = threading.Lock()

    def samples(self, new: Sequence[NewSample]) -> None:
        """Keep samples."""

        def work(connection: Connection, rows: SampleWriter) -> None:
            _add(connection, rows, new)

        self._keep(work, len(new))

    def scores(
        self,
        settings: ScoringSettings,
        metrics: Sequence[Metric],
        new: Sequence[tuple[StoredSample, NewScores]],
        sampled: Mapping[int, StoredSettings],
    ) -> None:
        """Keep what a scorer gave, with the samples that it is of.

        ``sampled`` is what :func:`settings_of_groups` gave for the samples' groups in the store that is lost.
        """

        def work(connection: Connection, rows: SampleWriter) -> None:
            here = _with_samples(connection, rows, [sample for sample, _ in new], sampled)
            writer = ScoreWriter(connection, settings, metrics, rows.run_id)
            mine = [NewScores(*here[scores.sample_id], scores.scores) for _, scores in new]
            writer.add(connection, mine)

        self._keep(work, len(new))

    def games(
        self,
        settings: ScoringSettings,
        new: Sequence[tuple[StoredSample, StoredSample, NewGame]],
        sampled: Mapping[int, StoredSettings],
    ) -> None:
        """Keep games, with the samples that played; see :meth:`scores`."""

        def work(connection: Connection, rows: SampleWriter) -> None:
            here = _with_samples(connection, rows, [one for *both, _ in new for one in both], sampled)
            scoring_id = wanted_scoring(connection, settings, (), rows.run_id, OldScores.LEFT).scoring_id
            mine = [replace(one, first_id=here[one.first_id][0], second_id=here[one.second_id][0]) for *_, one in new]
            add_games(connection, scoring_id, rows.run_id, mine)

        self._keep(work, len(new))

    def training(self, job: TrainingJob, attempt: int, write: Callable[[Connection], Any]) -> None:
        """Keep what ``write`` puts into a store of a job's attempt."""

        def work(connection: Connection, _rows: SampleWriter) -> None:
            save_planned_jobs(connection, [job])
            update_job(connection, job.job_id, attempts=attempt)
            write(connection)

        self._keep(work, 1)

    def close(self) -> None:
        """Be done: the next run may read the file."""
        with self._lock:
            if self._open is not None:
                database, rows = self._open
                finish_run(database, rows.run_id, "failed", {})
                database.close()
                self._open = None
            if not self.kept:  # what was begun and not finished would be taken for a damaged one
                remove(self.path)

    def _keep(self, work: Callable[[Connection, SampleWriter], None], number: int) -> None:
        with self._lock:
            try:
                if self._open is None:
                    make_private(self.path)
                    database = Database.open(f"sqlite:///{self.path}")
                    self._open = database, SampleWriter(start_run(database, *self._started))
                database, rows = self._open
                with database.write() as connection:
                    work(connection, rows)
                self.kept += number
            except (StoreError, OSError) as error:
                self.lost += number
                self.why = self.why or (str(error) if isinstance(error, StoreError) else reason(error))


def _add(connection: Connection, rows: SampleWriter, new: Sequence[NewSample]) -> None:
    add_bare_checkpoints(connection, sorted({one.sample.checkpoint for one in new}))
    rows.add(connection, new)


def _with_samples(
    connection: Connection, rows: SampleWriter, stored: Sequence[StoredSample], sampled: Mapping[int, StoredSettings]
) -> dict[int, tuple[int, int, int]]:
    """Add samples, and return the numbers that each has here (its own, its group's, its prompt's) by that there."""
    by_key = {one.sample.key: one for one in stored}
    _add(connection, rows, [NewSample(one.sample, sampled[one.group_id]) for one in by_key.values()])
    query = sa.select(samples.c.key, samples.c.id, samples.c.group_id, samples.c.prompt_id)
    here = connection.execute(query.where(among(connection, samples.c.key, list(by_key))))
    return {by_key[key].id: (number, group, prompt) for key, number, group, prompt in here}
