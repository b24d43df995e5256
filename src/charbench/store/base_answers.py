"""What base models answered to a persona's prompts: the same questions without the character."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.checkpoint import Kind
from charbench.domain.sample import DEFAULT_CONDITION, Sample
from charbench.store.sample_reader import SampleReader
from charbench.store.tables import checkpoints, groups, samples, samplings


def base_answers(connection: Connection, persona: str, base_models: Sequence[str], most: int = 20) -> list[Sample]:
    """Return responses of base models to prompts that this persona's checkpoints were asked, by default.

    Those of ``base_models`` come first, then by URI, prompt and epoch.
    """
    of_persona = (
        sa.select(samples.c.prompt_id)
        .join(groups, groups.c.id == samples.c.group_id)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .where(checkpoints.c.persona == persona, checkpoints.c.kind != Kind.BASE.value)
    )
    query = (
        sa.select(samples.c.id)
        .join(groups, groups.c.id == samples.c.group_id)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .where(
            checkpoints.c.kind == Kind.BASE.value,
            samplings.c.condition == DEFAULT_CONDITION,
            samples.c.error_kind.is_(None),
            samples.c.response != "",
            samples.c.prompt_id.in_(of_persona),
        )
        .order_by(
            sa.case((checkpoints.c.base_model.in_(base_models), 0), else_=1),
            checkpoints.c.uri, samples.c.prompt_id, samples.c.epoch, samples.c.id,
        )
        .limit(most)
    )  # fmt: skip
    ids = list(connection.scalars(query))
    read = {stored.id: stored.sample for stored in SampleReader().read(connection, ids)}
    return [read[number] for number in ids if read[number].response.strip()]
