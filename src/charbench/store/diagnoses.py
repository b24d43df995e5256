"""Diagnoses in the store, and the samples that one begins from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.sample import DEFAULT_CONDITION
from charbench.store.runs import utc_now
from charbench.store.settings import Setting
from charbench.store.tables import checkpoints, diagnoses, groups, samples, samplings

Causes = Mapping[tuple[str, str], str]
"""What diagnoses have found, by persona and URI."""


def save_diagnosis(
    connection: Connection,
    uri: str,
    persona: str | None,
    sampler: str,
    cause: str,
    evidence: Sequence[str],
    diagnosed: str,
) -> None:
    """Keep a diagnosis; older ones stay. ``diagnosed`` is the key of a sample that was taken as configured."""
    query = sa.select(samplings.c.key).join(groups, groups.c.sampling_id == samplings.c.id)
    query = query.join(samples, samples.c.group_id == groups.c.id).where(samples.c.key == diagnosed)
    connection.execute(
        sa.insert(diagnoses).values(
            checkpoint=uri, persona=persona, sampler=sampler, cause=cause, evidence=list(evidence), at=utc_now(),
            sampling=connection.scalar(query),
        )
    )  # fmt: skip


def causes_in(connection: Connection, settings: Mapping[str, Setting]) -> Causes:
    """Return the newest diagnosis' cause for each checkpoint that has one in the setting of a persona.

    One that was made in another setting, or for another persona, explains nothing; nor does one of which the setting
    is not known. Only of recordings, where nothing says how they were sampled, any diagnosis is taken.
    """
    found: dict[tuple[str, str], str] = {}
    for row in connection.execute(sa.select(diagnoses).order_by(diagnoses.c.id)):
        for persona, setting in settings.items():
            is_same = row.sampling in {one.key for one in setting.samplings.values()}
            is_recorded = not setting.shared and row.sampler.split(", ")[0] not in setting.samplings
            if row.persona in (None, persona) and (is_same or is_recorded):
                found[persona, row.checkpoint] = row.cause
    return found


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
