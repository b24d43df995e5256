"""What goes on in a store while runs add to it: read again and again, from where the last look ended."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.store.dialect import among
from charbench.store.runs import PROGRESS, dead_runs, jobs_in_training, latest_runs, live_runs, utc_now
from charbench.store.summaries import count_all
from charbench.store.tables import attempts, checkpoints, claims, groups, jobs, runs, samples, training_steps

_LOOK_BACK = 100_000
"""Rows before the first look that are searched for what the live runs have done already."""
_STEP = 5_000
_WINDOW = 10.0
"""Seconds over which a rate is told."""
_NEWEST = 8
_EXCERPT = 300
_LOSSES = 300
_PAST_RUNS = 5


@dataclass(slots=True)
class _Counts:
    """What one run has done, as far as it was seen: ``requests`` count each try, ``seen`` when how many."""

    samples: int = 0
    failed: int = 0
    requests: int = 0
    tokens: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    seen: deque[tuple[float, int, int]] = field(default_factory=deque)
    beat: datetime | None = None
    at_beat: int = 0
    """Samples when the run said last how far it is, and what it has spent."""

    def rates(self, now: float) -> tuple[float, float]:
        """Return samples and requests a second over the last seconds; notes what there is now."""
        self.seen.append((now, self.samples, self.requests))
        while now - self.seen[0][0] > _WINDOW:
            self.seen.popleft()
        then, samples_then, requests_then = self.seen[0]
        if now <= then:
            return 0.0, 0.0
        return (self.samples - samples_then) / (now - then), (self.requests - requests_then) / (now - then)


class LiveReader:
    """Looks at one store; each look reads only what is new since the last one. Not for several threads at once."""

    def __init__(self) -> None:
        self._last: dict[str, int] | None = None
        self._counts: dict[int, _Counts] = {}

    def read(self, connection: Connection) -> dict[str, Any]:
        """Return what goes on, fit for JSON: ``runs`` at work, ``jobs``, the ``newest`` samples, ``past`` runs."""
        alive = live_runs(connection)
        if self._last is None:
            self._last = {table.name: _before(connection, table, alive) for table in (samples, attempts)}
        self._count(connection)
        dead = dead_runs(connection)
        return {
            "samples": count_all(connection)["samples"],
            "runs": self._runs(connection, alive),
            "jobs": _jobs(connection, jobs_in_training(connection, alive)),
            "newest": _newest(connection),
            "past": [
                {"id": row.id, "status": "killed" if row.id in dead else row.status, "command": row.command,
                 "started_at": _time(row.started_at), "finished_at": _time(row.finished_at)}
                for row in latest_runs(connection, _PAST_RUNS + len(alive))
                if row.id not in alive
            ],
        }  # fmt: skip

    def _count(self, connection: Connection) -> None:
        assert self._last is not None
        columns = (samples.c.id, samples.c.run_id, samples.c.error_kind, samples.c.attempt, samples.c.completion_tokens)
        new = connection.execute(sa.select(*columns).where(samples.c.id > self._last["samples"]).order_by(samples.c.id))
        for row in new:
            counts = self._counts.setdefault(row.run_id, _Counts())
            counts.samples += 1
            counts.failed += row.error_kind is not None
            counts.requests += row.attempt
            counts.tokens += row.completion_tokens or 0
            self._last["samples"] = row.id
        tried = sa.select(attempts.c.id, attempts.c.run_id, attempts.c.error_kind)
        for one in connection.execute(tried.where(attempts.c.id > self._last["attempts"]).order_by(attempts.c.id)):
            if one.error_kind is not None:
                self._counts.setdefault(one.run_id, _Counts()).errors[one.error_kind] += 1
            self._last["attempts"] = one.id

    def _runs(self, connection: Connection, alive: Sequence[int]) -> list[dict[str, Any]]:
        self._counts = {number: self._counts.get(number, _Counts()) for number in alive}
        query = sa.select(claims.c.run_id, claims.c.stage, sa.func.count()).group_by(claims.c.run_id, claims.c.stage)
        held: dict[int, dict[str, int]] = {}
        for number, stage, count in connection.execute(query):
            held.setdefault(number, {})[stage] = count
        rows = connection.execute(sa.select(runs).where(among(connection, runs.c.id, alive)).order_by(runs.c.id))
        return [_run(row, self._counts[row.id], held.get(row.id, {})) for row in rows]


def _run(row: Any, counts: _Counts, held: Mapping[str, int]) -> dict[str, Any]:
    a_second, requests = counts.rates(time.monotonic())
    progress = (row.details or {}).get(PROGRESS, {})
    if counts.beat != row.heartbeat_at:
        counts.beat, counts.at_beat = row.heartbeat_at, counts.samples
    return {
        "id": row.id,
        "command": row.command,
        "host": row.host,
        "started_at": _time(row.started_at),
        "seconds": max(0, int((utc_now() - row.started_at).total_seconds())),
        "stages": progress.get("stages", []),
        "claimed": dict(held),
        "samples": counts.samples,
        "failed": counts.failed,
        "samples_a_second": round(a_second, 2),
        "requests_a_second": round(requests, 2),
        "completion_tokens": counts.tokens,
        "errors": dict(counts.errors.most_common()),
        "spent": progress.get("spent"),
        "expected": _expected(progress, counts.at_beat),
    }


def _expected(progress: Mapping[str, Any], taken: int) -> float | None:
    """Return what a run will have spent, if what is left of its sampling costs what its samples have; None: unknown."""
    spent = progress.get("spent")
    stage = next((one for one in progress.get("stages", ()) if not one["ended"] and one["total"] is not None), None)
    if spent is None or stage is None or not taken:
        return None
    return float(spent + spent / taken * max(0, stage["total"] - stage["done"]))


def _before(connection: Connection, table: sa.Table, alive: Sequence[int]) -> int:
    """Return a number below which a table has, as far as was looked, no row of the live runs."""
    floor = (connection.scalar(sa.select(sa.func.max(table.c.id))) or 0) + 1
    looked = 0
    while alive and looked < _LOOK_BACK:
        query = sa.select(table.c.id, table.c.run_id).where(table.c.id < floor).order_by(table.c.id.desc())
        rows = connection.execute(query.limit(_STEP)).all()
        mine = [row.id for row in rows if row.run_id in alive]
        if not mine:
            break
        floor = mine[-1] if len(rows) < _STEP else rows[-1].id
        looked += len(rows)
        if len(rows) < _STEP:
            break
    return floor - 1


def _jobs(connection: Connection, training: set[str]) -> list[dict[str, Any]]:
    """Return the jobs, those in training with their losses."""
    columns = [jobs.c[name] for name in ("job_id", "persona", "status", "step", "total_steps", "loss", "error")]
    found = []
    for row in connection.execute(sa.select(*columns).order_by(jobs.c.id)).mappings():
        job = dict(row) | {"loss": row["loss"] if math.isfinite(row["loss"] or 0) else None}
        if row["job_id"] in training:
            job["losses"] = _losses(connection, row["job_id"])
        elif row["status"] == "running":
            job["status"] = "pending"  # the run that was at it is dead
        found.append(job)
    return found


def _losses(connection: Connection, job: str) -> list[list[float]]:
    """Return step and loss of the newest steps of a job."""
    steps = training_steps.c
    query = sa.select(steps.step, steps.loss).where(steps.job_id == job, steps.superseded.is_(False))
    newest = connection.execute(query.order_by(steps.step.desc()).limit(_LOSSES))
    return [[step, loss] for step, loss in newest if math.isfinite(loss)][::-1]


def _newest(connection: Connection) -> list[dict[str, Any]]:
    columns = (
        samples.c.key, samples.c.state, samples.c.error_kind, checkpoints.c.name,
        sa.func.substr(samples.c.response, 1, _EXCERPT + 1).label("response"),
        sa.func.substr(samples.c.thinking, 1, _EXCERPT + 1).label("thinking"),
    )  # fmt: skip
    query = (
        sa.select(*columns)
        .join(groups, groups.c.id == samples.c.group_id)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .order_by(samples.c.id.desc())
        .limit(_NEWEST)
    )
    found = connection.execute(query).mappings()
    return [{**row, "response": _excerpt(row["response"]), "thinking": _excerpt(row["thinking"])} for row in found]


def _excerpt(text: str) -> str:
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]} […]"


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
