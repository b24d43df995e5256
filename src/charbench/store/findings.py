"""What sources found: checkpoints with their evidence, datasets, training runs. It stays when the files go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.checkpoint import Checkpoint, CompleteListing, Evidence, Kind, Lineage
from charbench.domain.dataset import Dataset, Health, RunState, TrainingRun
from charbench.store.dialect import among, insert, upsert
from charbench.store.tables import checkpoints, datasets, evidence, training_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one piece of evidence says of a checkpoint: its fields (see :class:`Checkpoint`); None: nothing."""

    name: str | None = None
    kind: Kind | None = None
    persona: str | None = None
    base_model: str | None = None
    run: str | None = None
    parent: str | None = None
    dataset: str | None = None
    renderer: str | None = None
    recipe: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the form in the store: what is said, by field, dates in ISO 8601."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        said |= {name: value.isoformat() for name, value in said.items() if isinstance(value, datetime)}
        said["kind"] = None if self.kind is None else self.kind.value
        said["metadata"] = dict(self.metadata) or None
        return {name: value for name, value in said.items() if value is not None}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Facts:
        """Return what :meth:`to_json` has stored."""
        known: dict[str, Any] = {one.name: said[one.name] for one in fields(cls) if said.get(one.name) is not None}
        for name in ("created_at", "expires_at"):
            if name in known:
                known[name] = datetime.fromisoformat(known[name])
        if "kind" in known:
            known["kind"] = Kind(known["kind"])
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one piece of evidence says of the checkpoint at a URI."""

    uri: str
    evidence: Evidence
    says: Facts = Facts()


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """A dataset with what reading it told. ``examples`` None: it could not be read, and ``error`` says why."""

    dataset: Dataset
    examples: int | None
    health: Health = field(default_factory=Health)
    error: str = ""
    size: int | None = None
    modified: float | None = None


def add_claims(connection: Connection, claims: Iterable[Claim]) -> None:
    """Keep what sources say of checkpoints, in this order; a checkpoint met for the first time gets a row.

    A claim that is made again replaces what it said before. The number of statements does not grow with that of claims.
    """
    claims = list(claims)
    uris = list(dict.fromkeys(claim.uri for claim in claims))
    add_bare_checkpoints(connection, uris)
    query = sa.select(checkpoints.c.uri, checkpoints.c.id).where(among(connection, checkpoints.c.uri, uris))
    numbers = {row.uri: row.id for row in connection.execute(query)}
    rows = [
        {
            "checkpoint_id": numbers[claim.uri],
            "source": claim.evidence.source,
            "path": claim.evidence.path,
            "line": claim.evidence.line or 0,
            "note": claim.evidence.note,
            "says": claim.says.to_json(),
        }
        for claim in claims
    ]
    upsert(connection, evidence, ("checkpoint_id", "source", "path", "line", "note"), rows)


def add_bare_checkpoints(connection: Connection, uris: Sequence[str]) -> None:
    """Add checkpoints of which nothing is known but the URI, where they are not there."""
    if not uris:
        return
    rows = [{**_row(Checkpoint(uri=uri)), "metadata": {}} for uri in uris]
    connection.execute(insert(connection, checkpoints).on_conflict_do_nothing(index_elements=["uri"]), rows)


def mark_gone(connection: Connection, listing: CompleteListing, listed: Collection[str], day: str) -> list[str]:
    """Note on what a whole listing said before of URIs that are not among the ``listed`` that they are gone.

    Returns those that are newly so. A claim that is made again replaces the note.
    """
    source, path = listing.evidence.source, listing.evidence.path
    query = (
        sa.select(checkpoints.c.uri, evidence.c.id, evidence.c.says)
        .join(evidence, evidence.c.checkpoint_id == checkpoints.c.id)
        .where(evidence.c.source == source, evidence.c.path == path)
    )
    gone = []
    for row in connection.execute(query).all():
        known = row.says.get("metadata", {})
        elsewhere = listing.owners and known.get("owner") and known["owner"] not in listing.owners
        if row.uri in listed or elsewhere or known.get("gone_since"):
            continue
        says = {**row.says, "metadata": {**known, "gone_since": day}}
        connection.execute(sa.update(evidence).where(evidence.c.id == row.id).values(says=says))
        gone.append(row.uri)
    return gone


def read_claims(connection: Connection) -> dict[str, list[Claim]]:
    """Return every claim by URI, in the order in which they were first made."""
    query = (
        sa.select(checkpoints.c.uri, evidence)
        .outerjoin(evidence, evidence.c.checkpoint_id == checkpoints.c.id)
        .order_by(evidence.c.id)
    )
    found: dict[str, list[Claim]] = defaultdict(list)
    for row in connection.execute(query):
        if row.id is None:
            found[row.uri]
            continue
        place = Evidence(row.source, row.path, row.line or None, row.note)
        found[row.uri].append(Claim(row.uri, place, Facts.from_json(row.says)))
    return found


def save_checkpoints(connection: Connection, merged: Sequence[Checkpoint]) -> None:
    """Write the merged view of checkpoints."""
    upsert(connection, checkpoints, ("uri",), [_row(checkpoint) for checkpoint in merged])


def read_checkpoints(connection: Connection) -> list[Checkpoint]:
    """Return all checkpoints with their evidence, ordered by persona, name and URI."""
    claims = read_claims(connection)
    order = (checkpoints.c.persona, checkpoints.c.name, checkpoints.c.uri)
    return [
        Checkpoint(
            uri=row.uri,
            name=row.name,
            kind=Kind(row.kind),
            persona=row.persona,
            base_model=row.base_model,
            run=row.run,
            lineage=Lineage(row.parent, row.dataset, row.renderer, row.recipe),
            created_at=row.created_at,
            expires_at=row.expires_at,
            metadata=row.metadata,
            evidence=tuple(claim.evidence for claim in claims.get(row.uri, ())),
        )
        for row in connection.execute(sa.select(checkpoints).order_by(*order))
    ]


def save_datasets(connection: Connection, found: Sequence[StoredDataset]) -> None:
    """Write datasets with what reading them told."""
    rows = [
        {
            "path": item.dataset.path,
            "run": item.dataset.run,
            "persona": item.dataset.persona,
            "form": item.dataset.form,
            "base_model": item.dataset.base_model,
            "source": item.dataset.source,
            "size": item.size,
            "modified": item.modified,
            "examples": item.examples,
            "health": {"error": item.error} if item.error else asdict(item.health),
        }
        for item in found
    ]
    upsert(connection, datasets, ("path",), rows)


def read_datasets(connection: Connection) -> list[StoredDataset]:
    """Return all datasets by path."""
    return [
        StoredDataset(
            Dataset(
                path=row.path,
                run=row.run,
                persona=row.persona,
                form=row.form,
                base_model=row.base_model,
                source=row.source,
            ),
            row.examples,
            Health(**{one.name: row.health[one.name] for one in fields(Health) if one.name in row.health}),
            row.health.get("error", ""),
            row.size,
            row.modified,
        )
        for row in connection.execute(sa.select(datasets).order_by(datasets.c.path))
    ]


def save_training_runs(connection: Connection, found: Sequence[TrainingRun]) -> None:
    """Write training runs; a run's newest log replaces what an older one said."""
    rows = [
        {
            "name": run.name,
            "state": run.state.value,
            "persona": run.persona,
            "step": run.step,
            "total_steps": run.total_steps,
            "error": run.error,
            "source": run.evidence.source,
            "path": run.evidence.path,
            "line": run.evidence.line,
        }
        for run in found
    ]
    paths = sorted({run.evidence.path for run in found})
    there = sa.select(training_runs.c.name).where(among(connection, training_runs.c.path, paths))
    renamed = set(connection.scalars(there)) - {row["name"] for row in rows}
    connection.execute(sa.delete(training_runs).where(among(connection, training_runs.c.name, sorted(renamed))))
    upsert(connection, training_runs, ("name",), rows)


def read_training_runs(connection: Connection) -> list[TrainingRun]:
    """Return all training runs by name."""
    return [
        TrainingRun(
            name=row.name,
            state=RunState(row.state),
            persona=row.persona,
            step=row.step,
            total_steps=row.total_steps,
            error=row.error,
            evidence=Evidence(row.source, row.path, row.line),
        )
        for row in connection.execute(sa.select(training_runs).order_by(training_runs.c.name))
    ]


def _row(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "uri": checkpoint.uri,
        "name": checkpoint.name,
        "kind": checkpoint.kind.value,
        "persona": checkpoint.persona,
        "base_model": checkpoint.base_model,
        "run": checkpoint.run,
        "parent": checkpoint.lineage.parent,
        "dataset": checkpoint.lineage.dataset,
        "renderer": checkpoint.lineage.renderer,
        "recipe": checkpoint.lineage.recipe,
        "created_at": checkpoint.created_at,
        "expires_at": checkpoint.expires_at,
        "metadata": dict(checkpoint.metadata),
    }
