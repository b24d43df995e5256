"""At which endpoints samples of served models were taken, and how they follow an endpoint to its name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.components.endpoint import Endpoint
from charbench.components.sampler import Sampler, sample_key
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.keys import digest
from charbench.domain.sample import Provenance
from charbench.store.dialect import among, chunks, get_or_add
from charbench.store.served import count_provenances
from charbench.store.summaries import REMOVED
from charbench.store.tables import checkpoints, groups, prompts, provenances, samples, samplings
from charbench.text.redaction import redact

APART = "endpoint"
"""The parameter of samplings that keeps samples of an endpoint apart from those that another gave before."""
UNKNOWN = "(unknown)"
"""The endpoint of samples that do not say where they were taken."""
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class TakenAt:
    """Samples of one group that were taken at one endpoint; ``endpoint`` None: it was not noted."""

    group: int
    endpoint: str | None
    samples: int
    apart: str | None = None
    """What tells the group from that of another endpoint, where samples of the checkpoint were taken before."""


def taken_at(connection: Connection, uri: str, sampler: str) -> list[TakenAt]:
    """Return where a sampler took the samples of a checkpoint that did not fail."""
    query = (
        sa.select(groups.c.id, samplings.c.params)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .where(checkpoints.c.uri == uri, samplings.c.sampler == sampler, samplings.c.condition != REMOVED)
        .where(groups.c.samples > groups.c.errors)
    )
    mine = {row.id: row.params.get(APART) for row in connection.execute(query)}
    if not mine:
        return []
    counted = (
        sa.select(samples.c.group_id, provenances.c.endpoint, sa.func.count().label("samples"))
        .outerjoin(provenances, provenances.c.id == samples.c.provenance_id)
        .where(among(connection, samples.c.group_id, list(mine)), samples.c.error_kind.is_(None))
        .group_by(samples.c.group_id, provenances.c.endpoint)
        .order_by(samples.c.group_id)
    )
    return [TakenAt(row.group_id, row.endpoint, row.samples, mine[row.group_id]) for row in connection.execute(counted)]


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store has of a served model: samples of the endpoint that would be asked now, and of others."""

    here: list[TakenAt]
    others: list[TakenAt]

    def apart(self, endpoint: Endpoint) -> str | None:
        """Return what tells the endpoint's groups of samples from another's; None where they have no other beside.

        Those of the endpoint that was asked first have nothing, and an endpoint keeps what it had when it is renamed.
        """
        if self.here:
            return None if any(one.apart is None for one in self.here) else self.here[0].apart
        return redact(endpoint.identity) if self.others else None


def stored_samples(connection: Connection, sampler: Sampler, checkpoint: Checkpoint, endpoint: Endpoint) -> Stored:
    """Return what a sampler has taken of a checkpoint that is served at this endpoint."""
    addresses = endpoint.formerly or (endpoint.base_url,)
    mine = {redact(one) for one in (endpoint.identity, *addresses)}
    identities = [sampler.identity_at(checkpoint, one) for one in (endpoint.identity, *addresses)]
    stored = Stored([], [])
    for one in taken_at(connection, checkpoint.uri, sampler.name):
        is_mine = one.endpoint in mine if one.endpoint else was_asked_as(connection, one.group, identities)
        (stored.here if is_mine else stored.others).append(one)
    return stored


_KEYED = (
    sa.select(
        samples.c.id, samples.c.key, samples.c.epoch, samples.c.group_id, samples.c.provenance_id,
        prompts.c.key.label("prompt_key"),
        samplings.c.params, samplings.c.condition, samplings.c.sampler, samplings.c.protocol,
        provenances.c.endpoint, provenances.c.server_model, provenances.c.renderer, provenances.c.prefill,
    )
    .join(prompts, prompts.c.id == samples.c.prompt_id)
    .join(groups, groups.c.id == samples.c.group_id)
    .join(samplings, samplings.c.id == groups.c.sampling_id)
    .outerjoin(provenances, provenances.c.id == samples.c.provenance_id)
)  # fmt: skip


def was_asked_as(connection: Connection, group: int, identities: Collection[str]) -> bool:
    """Whether the samples of a group that do not say where they were taken have the keys of these identities."""
    unsaid = provenances.c.endpoint.is_(None) & (samples.c.group_id == group) & samples.c.error_kind.is_(None)
    row = connection.execute(_KEYED.where(unsaid).order_by(samples.c.id).limit(1)).first()
    return row is not None and any(_key(row, identity) == row.key for identity in identities)


def rename_endpoint(
    connection: Connection, taken: Sequence[TakenAt], name: str, identity_at: Callable[[str], str], urls: Sequence[str]
) -> int:
    """Give samples that were taken at one of these URLs the keys that they have under the endpoint's name.

    What has other keys, as samples of a model that was mapped otherwise, is left as it is. Returns how many changed.
    """
    earlier = [identity_at(url) for url in urls]
    numbers = sorted({one.group for one in taken})
    unnamed = provenances.c.endpoint.is_(None) | (provenances.c.endpoint != name)
    query = _KEYED.where(among(connection, samples.c.group_id, numbers), unnamed).order_by(samples.c.id)
    rows = [
        row for row in connection.execute(query).all() if any(_key(row, identity) == row.key for identity in earlier)
    ]
    changed = {row.id: _key(row, identity_at(name)) for row in rows}
    count = 0
    for part in chunks(rows, _CHUNK):
        news = [changed[row.id] for row in part]
        there = set(connection.scalars(sa.select(samples.c.key).where(among(connection, samples.c.key, news))))
        mine = [row for row in part if changed[row.id] not in there]
        count += len(mine)
        _rename(connection, mine, changed, name)
    return count


def _rename(connection: Connection, rows: Sequence[Any], keys: dict[int, str], name: str) -> None:
    before = [{"group_id": row.group_id, "provenance_id": row.provenance_id} for row in rows]
    after = []
    for row in rows:
        served = Provenance(
            endpoint=name, server_model=row.server_model, renderer=row.renderer, prefill=row.prefill
        )  # fmt: skip
        values = asdict(served)
        number = get_or_add(connection, provenances, {"key": digest(*values.values())}, values)
        after.append({"group_id": row.group_id, "provenance_id": number})
        update = sa.update(samples).where(samples.c.id == row.id)
        connection.execute(update.values(key=keys[row.id], provenance_id=number))
    count_provenances(connection, before, -1)
    count_provenances(connection, after, +1)


def _key(row: Any, identity: str) -> str:
    params = {name: value for name, value in row.params.items() if name != APART}
    return sample_key(identity, row.prompt_key, params, row.condition, row.sampler, row.protocol, row.epoch)
