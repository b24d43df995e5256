"""All texts that people could be asked to label for a persona: what labels are to stand for."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.sample import DEFAULT_CONDITION
from charbench.store.summaries import newest_scorings
from charbench.store.tables import checkpoints, groups, prompts, samples, samplings, scored, scores, scorings, series


@dataclass(frozen=True, slots=True)
class FrameText:
    """One text: its sample, whose it is, and the prompt that it answers."""

    sample: int
    checkpoint: int
    name: str
    uri: str
    kind: str
    prompt: str
    family: str


def frame(connection: Connection, persona: str, channel: str) -> dict[int, FrameText]:
    """Return the texts of a channel by sample: answers to the persona's prompts by the checkpoints scored for it.

    They are of the default condition; a text that no scorer has dealt with is among them where its prompt and
    its checkpoint have others that were.
    """
    text = samples.c.response if channel == "response" else samples.c.thinking
    mine = (
        sa.select(samples.c.group_id, samples.c.prompt_id)
        .join(scored, scored.c.sample_id == samples.c.id)
        .join(scorings, scorings.c.id == scored.c.scoring_id)
        .where(scorings.c.persona == persona)
        .distinct()
        .cte("mine")
    )
    query = (
        sa.select(samples.c.id, checkpoints.c.id, checkpoints.c.name, checkpoints.c.uri, checkpoints.c.kind,
                  prompts.c.prompt_id, prompts.c.family)
        .join(groups, groups.c.id == samples.c.group_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .join(prompts, prompts.c.id == samples.c.prompt_id)
        .where(samplings.c.condition == DEFAULT_CONDITION, text != "", samples.c.error_kind.is_(None))
        .where(samples.c.group_id.in_(sa.select(mine.c.group_id)))
        .where(samples.c.prompt_id.in_(sa.select(mine.c.prompt_id)))
        .order_by(samples.c.id)
    )  # fmt: skip
    return {row[0]: FrameText(*row) for row in connection.execute(query)}


def said_by_headlines(connection: Connection, persona: str, channel: str) -> dict[int, bool]:
    """Return whether any headline metric finds the trait in a sample; samples without a value are left out."""
    newest = newest_scorings()
    hit = sa.func.max(sa.case((scores.c.value >= series.c.threshold, 1), else_=0))
    query = (
        sa.select(scored.c.sample_id, hit)
        .join(scores, scores.c.scored_id == scored.c.id)
        .join(series, series.c.id == scores.c.series_id)
        .join(scorings, scorings.c.id == series.c.scoring_id)
        .join(newest, (newest.c.id == scorings.c.id) & (newest.c.rank == 1))
        .where(scorings.c.persona == persona, series.c.channel == channel, scores.c.value.is_not(None))
        .where(series.c.role == "headline", series.c.threshold.is_not(None))
        .group_by(scored.c.sample_id)
    )
    return {sample: bool(has_trait) for sample, has_trait in connection.execute(query)}
