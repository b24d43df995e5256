"""Runs: who is at work on the store, and whether it still lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.errors import UnknownNameError
from charbench.store.database import Database
from charbench.store.dialect import among
from charbench.store.tables import attempts, claims, jobs, runs, samples
from charbench.text.redaction import redact

HEARTBEAT_SECONDS = 5.0
PROGRESS = "progress"
"""Among the details of a run that is at work, or was killed: its stages, and what it has spent."""
DEAD_AFTER = timedelta(seconds=60)
"""A run on another machine that has not been heard of for so long is dead."""


def utc_now() -> datetime:
    """Return the time in UTC, without a zone, as the store keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: its host, number, and the time the system says it started."""

    host: str
    pid: int
    process_started: str

    @classmethod
    def this_process(cls) -> Owner:
        """Return the running process."""
        return cls(socket.gethostname(), os.getpid(), process_start(os.getpid()) or "")

    def is_alive(self, heartbeat: datetime) -> bool:
        """Whether it still runs: asked of the system on its own host, told by its heartbeat elsewhere."""
        if self.host == socket.gethostname():
            started = process_start(self.pid)
            return started is not None and started == self.process_started
        return utc_now() - heartbeat < DEAD_AFTER


def process_start(pid: int) -> str | None:
    """Return what tells two processes with one number apart, None if ``pid`` does not run.

    The start time in clock ticks where ``/proc`` has it; elsewhere an empty text for a live process.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return ""
    return ""


def start_run(database: Database, command: str, version: str) -> int:
    """Note a new run of this process; return its number."""
    owner, now = Owner.this_process(), utc_now()
    with database.write() as connection:
        end_dead_runs(connection)
        result = connection.execute(
            sa.insert(runs).values(
                command=redact(command),
                version=version,
                status="running",
                started_at=now,
                heartbeat_at=now,
                host=owner.host,
                pid=owner.pid,
                process_started=owner.process_started,
                counts={},
            )
        )
        key = result.inserted_primary_key
        assert key is not None
        return int(key[0])


def heartbeat(connection: Connection, run_id: int, progress: Mapping[str, Any] | None = None) -> None:
    """Say that the run still lives, and how far it is; None: it does not say."""
    values: dict[str, Any] = {"heartbeat_at": utc_now()}
    if progress is not None:
        change_details(connection, run_id, lambda known: {**known, PROGRESS: dict(progress)})
    connection.execute(sa.update(runs).where(runs.c.id == run_id).values(values))


def change_details(
    connection: Connection, run_id: int, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> None:
    """Change what is noted with a run besides its columns; what another thread notes meanwhile is not lost."""
    mine = runs.c.id == run_id
    known = connection.scalar(sa.select(runs.c.details).where(mine).with_for_update()) or {}
    connection.execute(sa.update(runs).where(mine).values(details=dict(change(known)) or sa.null()))


def is_noted(connection: Connection, run_id: int) -> bool:
    """Whether the store knows this run, and as one of this process."""
    mine = (runs.c.id == run_id) & (runs.c.pid == os.getpid())
    return connection.scalar(sa.select(runs.c.id).where(mine)) is not None


def finish_run(
    database: Database,
    run_id: int,
    status: str,
    counts: dict[str, int],
    details: dict[str, Any] | None = None,
) -> None:
    """Note how the run ended and what else there is to know of it, and let go of what it had claimed."""
    values: dict[str, Any] = {"status": status, "finished_at": utc_now(), "counts": counts}
    with database.write() as connection:
        change_details(connection, run_id, lambda known: {**_without_progress(known), **(details or {})})
        connection.execute(sa.update(runs).where(runs.c.id == run_id).values(values))
        _let_go(connection, [run_id])


def _without_progress(details: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in details.items() if name != PROGRESS}


def end_dead_runs(connection: Connection) -> None:
    """Mark runs whose process is gone as killed, and free what they had claimed."""
    if dead := dead_runs(connection):
        connection.execute(sa.update(runs).where(runs.c.id.in_(dead)).values(status="killed"))
        _let_go(connection, dead)


def dead_runs(connection: Connection) -> list[int]:
    """Return the runs that are said to run, and whose process is gone."""
    return [run_id for run_id, lives in _running(connection) if not lives]


def live_runs(connection: Connection) -> list[int]:
    """Return the runs that are at work on the store."""
    return [run_id for run_id, lives in _running(connection) if lives]


def jobs_in_training(connection: Connection, run_ids: Sequence[int]) -> set[str]:
    """Return the jobs that these runs have begun to train and not ended."""
    return set(connection.scalars(sa.select(jobs.c.job_id).where(_in_training(run_ids))))


def _running(connection: Connection) -> Iterator[tuple[int, bool]]:
    for row in connection.execute(sa.select(runs).where(runs.c.status == "running")).all():
        yield row.id, Owner(row.host, row.pid, row.process_started).is_alive(row.heartbeat_at)


def _let_go(connection: Connection, run_ids: Sequence[int]) -> None:
    connection.execute(sa.update(jobs).where(_in_training(run_ids)).values(status="pending"))
    connection.execute(sa.delete(claims).where(claims.c.run_id.in_(run_ids)))


def _in_training(run_ids: Sequence[int]) -> sa.ColumnElement[bool]:
    mine = sa.select(claims.c.item).where(claims.c.run_id.in_(run_ids), claims.c.stage == "train")
    return (jobs.c.status == "running") & jobs.c.job_id.in_(mine)


def spent_by_killed(connection: Connection, command: str) -> float:
    """Return what runs of this command that did not end had spent when they were last heard of."""
    query = sa.select(runs.c.details).where(_not_ended([command]))
    return sum(((details or {}).get(PROGRESS) or {}).get("spent") or 0.0 for details in connection.scalars(query))


def taken_by_killed(connection: Connection, commands: Sequence[str]) -> int:
    """Return how many samples are from runs of these commands that did not end."""
    killed = list(connection.scalars(sa.select(runs.c.id).where(_not_ended(commands))))
    if not killed:
        return 0  # without a look at all samples
    return connection.scalar(sa.select(sa.func.count()).where(samples.c.run_id.in_(killed))) or 0


def part_of_run(run_id: int, worker: int) -> str:
    """Return what the store adds to the command of a run for one worker's part of it."""
    return f"(worker {worker} of run {run_id})"


def failed_in_parts(connection: Connection, run_id: int, stage: str, items: Sequence[str]) -> set[str]:
    """Return which of these items a worker of the run has tried in vain."""
    parts = sa.select(runs.c.id).where(runs.c.id > run_id, runs.c.command.endswith(f" of run {run_id})"))
    mine = (attempts.c.stage == stage) & among(connection, attempts.c.item, list(items))
    return set(connection.scalars(sa.select(attempts.c.item).where(mine, attempts.c.run_id.in_(parts))))


def _not_ended(commands: Sequence[str]) -> sa.ColumnElement[bool]:
    return runs.c.command.in_([redact(command) for command in commands]) & runs.c.finished_at.is_(None)


def latest_runs(connection: Connection, limit: int = 5) -> list[sa.Row[tuple[object, ...]]]:
    """Return the newest runs, newest first."""
    return list(connection.execute(sa.select(runs).order_by(runs.c.id.desc()).limit(limit)))


def require_run(connection: Connection, run_id: int) -> None:
    """Raise :class:`UnknownNameError` where there is no run of this number."""
    if connection.scalar(sa.select(runs.c.id).where(runs.c.id == run_id)) is None:
        raise UnknownNameError("run", str(run_id), [str(row.id) for row in latest_runs(connection, 12)])


def newest_that_added(connection: Connection, most: int = 50) -> int | None:
    """Return the newest run that may have added anything; None: one is at work, or none of the newest is known to.

    A run that ended well with nothing to count has added nothing.
    """
    query = sa.select(runs.c.id, runs.c.status, runs.c.counts).order_by(runs.c.id.desc()).limit(most)
    for number, status, counts in connection.execute(query):
        if status == "running":
            return None
        if status != "done" or any(counts.values()):
            return int(number)
    return None
