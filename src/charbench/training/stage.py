"""The train stage: does the jobs that wait, several at once, each from its last saved state."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from charbench.components.calling import takes
from charbench.components.containment import Broken, guarded
from charbench.components.lifecycle import Lifecycle
from charbench.components.trainer import Note, StateSaved, StepDone, Trained, Trainer, TrainingEvent, TrainingTask
from charbench.concurrency.interrupt import StopSignal
from charbench.concurrency.threads import in_threads
from charbench.config.private_files import private_folder
from charbench.datasets.forms import SkippedRows, read_examples
from charbench.datasets.health import faults, measure, skipped_lines
from charbench.discovery.register import take_in
from charbench.domain.checkpoint import Checkpoint, Evidence
from charbench.domain.dataset import JobStatus, TrainingJob
from charbench.errors import ConfigError, DataError, RefusedError, SamplingError, StoreError, TrainingError
from charbench.store import training
from charbench.store.claims import claim, release
from charbench.store.database import Database
from charbench.store.jobs import STAGE, ended_jobs, update_job
from charbench.store.rescue import Rescue
from charbench.text.bounded_files import LIMITS, ReadLimits
from charbench.training.display import FAILED
from charbench.training.events import events_of

Say = Callable[[str, TrainingEvent | str], None]
"""Told of each event of each job: the job's id, and the event, or a line of text."""


@dataclass(frozen=True, slots=True)
class TrainingPolicy:
    """How jobs are trained: the recipe, how many at once, and whether bad data is taken all the same."""

    recipe: str = ""
    """The recipe that somebody asked for; empty for each trainer's default."""
    parallel: int = 1
    force: bool = False
    max_refusal_share: float = 0.2
    limits: ReadLimits = LIMITS
    """The most that is read of a dataset."""


@dataclass(slots=True)
class TrainTally:
    """What the stage did."""

    complete: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    interrupted: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    trace: str = ""


@dataclass(slots=True)
class TrainStage:
    """The jobs of one run."""

    database: Database
    run_id: int
    trainers: Sequence[Trainer]
    lifecycle: Lifecycle
    policy: TrainingPolicy
    stop: StopSignal
    say: Say
    aliases: Mapping[str, str]
    """Every known persona's name and alias, with its name."""
    rescue: Rescue | None = None
    """Keeps what the store does not take."""
    tally: TrainTally = field(default_factory=TrainTally)
    _wrong_config: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, jobs: Sequence[TrainingJob], checkpoints: dict[str, Checkpoint]) -> TrainTally:
        """Train these jobs; one that fails does not stop the others.

        Raises :class:`ConfigError` where a trainer lacks what it needs, at once or when every job has ended.
        """
        for job in jobs:
            self._ready(job, checkpoints)
        # A job that another run has tried since these were read is not tried again; one that had failed before is.
        done = partial(ended_jobs, failed_before={job.job_id for job in jobs if job.status is JobStatus.FAILED})
        mine = claim(self.database, STAGE, self.run_id, [job.job_id for job in jobs], done).mine
        self.tally.elsewhere = [job.job_id for job in jobs if job.job_id not in mine]
        wanted = [job for job in jobs if job.job_id in mine]
        work = in_threads(lambda job: self._job(job, checkpoints), wanted, self.policy.parallel, "train")
        self.lifecycle.run(work)  # trainers that are async run in this thread
        if self._wrong_config:
            raise ConfigError(self._wrong_config)
        return self.tally

    def _ready(self, job: TrainingJob, checkpoints: dict[str, Checkpoint]) -> None:
        """Prepare the trainer of a job; a fault that is no configuration's is told when the job's turn comes."""
        outcome = guarded(self._trainer_for, self._start(job, checkpoints))
        if isinstance(outcome, Broken) and isinstance(outcome.error, ConfigError):
            raise outcome.error

    @staticmethod
    def _start(job: TrainingJob, checkpoints: dict[str, Checkpoint]) -> Checkpoint:
        return checkpoints.get(job.checkpoint) or Checkpoint(uri=job.checkpoint, persona=job.persona)

    def _job(self, job: TrainingJob, checkpoints: dict[str, Checkpoint]) -> None:
        if self.stop.requested:
            return
        outcome = guarded(self._train, job, checkpoints)
        if isinstance(outcome, Broken) and isinstance(outcome.error, StoreError):
            raise outcome.error  # no fault of the job's, which goes on from its last saved state
        job_id = job.job_id
        with self.database.write() as connection:
            if isinstance(outcome, Broken):
                status = JobStatus.PENDING if _is_trouble_outside(outcome.error) else JobStatus.FAILED
                update_job(connection, job_id, status=status.value, error=outcome.message)
            release(connection, STAGE, self.run_id, [job_id])
        with self._lock:
            if isinstance(outcome, Broken):
                self.tally.failed[job_id] = outcome.message
                self.tally.trace = self.tally.trace or outcome.trace
                if isinstance(outcome.error, ConfigError):
                    # Told at the end, once for all jobs.
                    self._wrong_config += [fault for fault in outcome.error.faults if fault not in self._wrong_config]
                else:
                    self.say(job_id, f"{FAILED}{outcome.message}")
            else:
                (self.tally.complete if outcome else self.tally.interrupted).append(job_id)

    def _train(self, job: TrainingJob, checkpoints: dict[str, Checkpoint]) -> bool:
        """Train one job; return whether it is complete (or was interrupted)."""
        start = self._start(job, checkpoints)
        trainer = self._trainer_for(start)
        dataset = self.lifecycle.root / job.dataset
        self._check_data(job, dataset)
        self._check_recipe(job)
        with self.database.write() as connection:
            attempt, state, recipe = training.begin_attempt(
                connection, job.job_id, trainer.recipe_for(self.policy.recipe)
            )
            running: dict[str, Any] = {"status": JobStatus.RUNNING.value, "trainer": trainer.name, "recipe": recipe}
            update_job(connection, job.job_id, **running, error=None)
        if state is not None:
            self.say(job.job_id, f"resuming from step {state.step} (attempt {attempt}, recipe {recipe})")
        workspace = private_folder(self.lifecycle.folder) / "training" / job.job_id
        workspace.mkdir(parents=True, exist_ok=True)
        task = TrainingTask(
            job=job, checkpoint=start, dataset=dataset, recipe=recipe, workspace=workspace,
            attempt=attempt, state=state, stopping=lambda: self.stop.requested, limits=self.policy.limits,
        )  # fmt: skip
        done = False
        for event in events_of(trainer, task):
            write = partial(self._write, job, attempt, recipe, trainer.name, event)
            done = self._note(job, attempt, write, event) or done
            self.say(job.job_id, event)
            if self.stop.requested and isinstance(event, StateSaved) and not done:
                with self.database.write() as connection:
                    update_job(connection, job.job_id, status=JobStatus.PENDING.value)
                return False
        if not done:
            raise TrainingError(f"trainer {trainer.name} ended without a checkpoint")
        return True

    def _trainer_for(self, checkpoint: Checkpoint) -> Trainer:
        for trainer in self.trainers:
            if takes(trainer, checkpoint):
                if (broken := self.lifecycle.try_prepare(trainer)) is not None:
                    raise broken.error
                trainer.recipe_for(self.policy.recipe)
                return trainer
        names = ", ".join(trainer.name for trainer in self.trainers) or "none"
        raise TrainingError(f"no trainer can continue {checkpoint.uri} (tried: {names})")

    def _check_data(self, job: TrainingJob, dataset: Path) -> None:
        if not dataset.is_file():
            raise DataError(f"{job.dataset}: its training data no longer exists")
        skipped = SkippedRows()
        health = measure(read_examples(dataset, job.dataset, self.policy.limits, skipped), skipped)
        for line in skipped_lines(health):
            self.say(job.job_id, f"{job.dataset}: {line}")
        found = faults(health, self.policy.max_refusal_share)
        if not found:
            return
        if not self.policy.force:
            raise DataError(f"{job.dataset}: {'; '.join(found)}; fix it, or train anyway with --force")
        self.say(job.job_id, f"training on bad data (--force): {'; '.join(found)}")

    def _check_recipe(self, job: TrainingJob) -> None:
        """Raise where a recipe is asked for that is not the one of the job's saved state: it would not be followed."""
        wanted = self.policy.recipe
        with self.database.read() as connection:
            begun = training.recipe_of(connection, job.job_id)
        if wanted and begun and begun != wanted:
            raise ConfigError(
                f"job {job.job_id} has a saved state of recipe {begun}, and {wanted} was requested: "
                f"resume with --recipe {begun}, or start over: charbench reset {job.job_id}"
            )

    def _note(self, job: TrainingJob, attempt: int, write: Callable[[Connection], None], event: TrainingEvent) -> bool:
        """Put an event into the store; return whether the job is complete."""
        if isinstance(event, Note):
            return False
        try:
            with self.database.write() as connection:
                write(connection)
        except StoreError:
            if self.rescue is not None and isinstance(event, StateSaved | Trained):
                self.rescue.training(job, attempt, write)
            raise
        return isinstance(event, Trained)

    def _write(
        self, job: TrainingJob, attempt: int, recipe: str, trainer: str, event: TrainingEvent, connection: Connection
    ) -> None:
        job_id = job.job_id
        if isinstance(event, StepDone):
            training.add_step(connection, job_id, attempt, event)
            update_job(connection, job_id, step=event.step + 1, total_steps=event.total_steps, loss=event.loss)
        elif isinstance(event, StateSaved):
            training.add_state(connection, job_id, attempt, event.state, recipe)
        elif isinstance(event, Trained):
            for checkpoint in event.checkpoints:
                place = Evidence(trainer, job_id, None, "trained")
                checkpoint = replace(checkpoint, evidence=checkpoint.evidence or (place,))
                take_in(connection, checkpoint, trainer, self.aliases)
            uris: dict[str, Any] = {"status": JobStatus.COMPLETE.value, "error": None}
            for checkpoint in event.checkpoints:
                if checkpoint.trainable:
                    uris["result"] = checkpoint.uri
                if checkpoint.sampleable:
                    uris["result_sampler"] = checkpoint.uri
            update_job(connection, job_id, **uris)


def _is_trouble_outside(error: BaseException) -> bool:
    """Whether it is not the job's fault (no network, no credit, a wrong option): then it waits, with its states."""
    if isinstance(error, SamplingError):
        return error.retryable or isinstance(error, RefusedError)
    return isinstance(error, ConfigError)
