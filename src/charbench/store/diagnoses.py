"""Diagnoses in the store."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.store.runs import utc_now
from charbench.store.tables import diagnoses


def save_diagnosis(
    connection: Connection, uri: str, persona: str | None, sampler: str, cause: str, evidence: Sequence[str]
) -> None:
    """Keep a diagnosis; older ones stay."""
    connection.execute(
        sa.insert(diagnoses).values(
            checkpoint=uri, persona=persona, sampler=sampler, cause=cause, evidence=list(evidence), at=utc_now()
        )
    )


def latest_causes(connection: Connection) -> dict[str, str]:
    """Return the newest diagnosis' cause for each checkpoint that has one, by URI."""
    query = sa.select(diagnoses.c.checkpoint, diagnoses.c.cause).order_by(diagnoses.c.id)
    return {row.checkpoint: row.cause for row in connection.execute(query)}
