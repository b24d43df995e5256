"""Diagnoses in the store, and the samples that one begins from."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.sample import DEFAULT_CONDITION
from charbench.store.runs import utc_now
from charbench.store.tables import checkpoints, diagnoses, groups, samples, samplings


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


def newest_keys(connection: Connection, uri: str, most: int) -> list[str]:
    """Return the keys of a checkpoint's newest samples that enter headlines, at most ``most``."""
    query = (
        sa.select(samples.c.key)
        .join(groups, groups.c.id == samples.c.group_id)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .where(checkpoints.c.uri == uri, samplings.c.condition == DEFAULT_CONDITION)
        .order_by(samples.c.id.desc())
        .limit(most)
    )
    return list(connection.scalars(query))
