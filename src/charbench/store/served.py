"""What served the samples of each group: counting it, and reading it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.sample import Provenance
from charbench.store.dialect import add_totals, among
from charbench.store.tables import group_provenances, provenances


@dataclass(frozen=True, slots=True)
class Served:
    """What served some samples of a group, and how many."""

    provenance: Provenance
    samples: int


def served_by(connection: Connection, groups: Sequence[int]) -> dict[int, list[Served]]:
    """Return what served the samples of each group, most samples first; what is not known is left out."""
    query = (
        sa.select(group_provenances.c.group_id, group_provenances.c.samples, provenances)
        .join(provenances, provenances.c.id == group_provenances.c.provenance_id)
        .where(among(connection, group_provenances.c.group_id, groups), group_provenances.c.samples > 0)
        .order_by(group_provenances.c.group_id, group_provenances.c.samples.desc(), provenances.c.key)
    )
    found: dict[int, list[Served]] = {}
    for row in connection.execute(query):
        provenance = Provenance(
            endpoint=row.endpoint, server_model=row.server_model, renderer=row.renderer, prefill=row.prefill
        )
        found.setdefault(row.group_id, []).append(Served(provenance, row.samples))
    return found


def count_provenances(connection: Connection, rows: Sequence[Mapping[Any, Any]], sign: int) -> None:
    """Add rows of samples to the totals of what served them, or with ``sign`` -1 take them from these."""
    counts = Counter((row["group_id"], row["provenance_id"]) for row in rows if row["provenance_id"] is not None)
    summed = [
        {"group_id": group, "provenance_id": served, "samples": sign * count}
        for (group, served), count in sorted(counts.items())
    ]
    add_totals(connection, group_provenances, ("group_id", "provenance_id"), summed)
