"""Keeps what a run has done and its store does not take: in a recovery file, which the next run reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from charbench.domain.dataset import TrainingJob
from charbench.errors import StoreError
from charbench.store.database import Database
from charbench.store.faults import reason
from charbench.store.findings import add_bare_checkpoints
from charbench.store.jobs import save_planned_jobs, update_job
from charbench.store.recovery import make_private, remove
from charbench.store.runs import finish_run, start_run
from charbench.store.samples import NewSample, SampleWriter


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
            add_bare_checkpoints(connection, sorted({one.sample.checkpoint for one in new}))
            rows.add(connection, new)

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
