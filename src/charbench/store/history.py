"""What each run did: its command, what it asked for, what served it, and what it added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.sample import Provenance
from charbench.store.asked import read_asked
from charbench.store.runs import dead_runs
from charbench.store.served import Served
from charbench.store.settings import Setting, read_settings
from charbench.store.tables import checkpoints, groups, provenances, runs, samples


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run. ``samples`` are those that it took and the store holds now, by checkpoint's name."""

    id: int
    command: str
    version: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    host: str
    counts: dict[str, Any]
    details: dict[str, Any]
    settings: list[Setting] = field(default_factory=list)
    served: list[Served] = field(default_factory=list)
    samples: dict[str, int] = field(default_factory=dict)

    @property
    def endpoints(self) -> list[str]:
        """The endpoints that served it, as far as that is known."""
        return sorted({one.provenance.endpoint for one in self.served if one.provenance.endpoint})


def past_runs(connection: Connection, wanted: Sequence[int] = (), limit: int | None = None) -> list[PastRun]:
    """Return these runs (none: all of them, at most ``limit``), the newest first."""
    query = sa.select(runs).order_by(runs.c.id.desc())
    query = query.where(runs.c.id.in_(wanted)) if wanted else query.limit(limit) if limit else query
    dead = set(dead_runs(connection))
    found = {
        row.id: PastRun(
            row.id, row.command, row.version, "killed" if row.id in dead else row.status, row.started_at,
            row.finished_at, row.host, row.counts or {}, dict(row.details or {}),
        )
        for row in connection.execute(query)
    }  # fmt: skip
    _add_settings(connection, found)
    _add_samples(connection, found)
    return list(found.values())


def _add_settings(connection: Connection, found: dict[int, PastRun]) -> None:
    asked = read_asked(connection)
    for settings in read_settings(connection).by_persona.values():
        for setting in settings:
            keys = {one.key for one in setting.samplings.values()}
            said = {
                run
                for run in asked.runs(setting.persona, keys)
                if asked.is_of(run, setting.persona, keys, setting.prompts)
            }
            added = {run for group in setting.groups for run in (group.first_run, group.last_run)}
            for run in said | ({setting.run} & added):
                if run in found and all(one.id != setting.id for one in found[run].settings):
                    found[run].settings.append(setting)


def _add_samples(connection: Connection, found: dict[int, PastRun]) -> None:
    query = (
        sa.select(samples.c.run_id, checkpoints.c.name, samples.c.provenance_id, sa.func.count().label("number"))
        .join(groups, groups.c.id == samples.c.group_id)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .where(samples.c.run_id.in_(list(found)))
        .group_by(samples.c.run_id, checkpoints.c.name, samples.c.provenance_id)
        .order_by(samples.c.run_id, checkpoints.c.name)
    )
    known = {
        row.id: Provenance(
            endpoint=row.endpoint, server_model=row.server_model, renderer=row.renderer, prefill=row.prefill
        )
        for row in connection.execute(sa.select(provenances))
    }
    for row in connection.execute(query):
        run = found[row.run_id]
        run.samples[row.name] = run.samples.get(row.name, 0) + row.number
        if row.provenance_id in known:
            run.served.append(Served(known[row.provenance_id], row.number))
