"""Human labels: what was drawn to be labelled, and the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.components.sampler import DEFAULT_CONDITION
from charbench.store.dialect import among, insert, upsert
from charbench.store.runs import utc_now
from charbench.store.summaries import newest_scorings
from charbench.store.tables import (
    groups,
    label_items,
    labels,
    samples,
    samplings,
    scored,
    scores,
    scorings,
    series,
)

LONGEST_NAME = 100
"""Characters in a labeller's name, as the table has it."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One thing to label: a channel of a sample, for a persona."""

    item: str
    sample_id: int
    channel: str
    persona: str


@dataclass(frozen=True, slots=True)
class Label:
    """What one person said of one item."""

    item: str
    labeller: str
    label: int
    note: str = ""


def strata(connection: Connection, persona: str, channel: str) -> dict[tuple[int, bool], list[int]]:
    """Return the samples that can be labelled, by checkpoint and by whether they have the trait."""
    newest = newest_scorings()
    text = samples.c.response if channel == "response" else samples.c.thinking
    hit = sa.func.max(sa.case((scores.c.value >= series.c.threshold, 1), else_=0))
    query = (
        sa.select(groups.c.checkpoint_id, samples.c.id, hit)
        .join(groups, groups.c.id == samples.c.group_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .join(scored, scored.c.sample_id == samples.c.id)
        .join(scores, scores.c.scored_id == scored.c.id)
        .join(series, series.c.id == scores.c.series_id)
        .join(scorings, scorings.c.id == series.c.scoring_id)
        .join(newest, (newest.c.id == scorings.c.id) & (newest.c.rank == 1))
        .where(samplings.c.condition == DEFAULT_CONDITION, text != "", scorings.c.persona == persona)
        .where(series.c.channel == channel, series.c.role == "headline", series.c.threshold.is_not(None))
        .group_by(groups.c.checkpoint_id, samples.c.id)
        .order_by(samples.c.id)
    )
    found: dict[tuple[int, bool], list[int]] = {}
    for checkpoint, sample, has_trait in connection.execute(query):
        found.setdefault((checkpoint, bool(has_trait)), []).append(sample)
    return found


def save_items(connection: Connection, drawn: Sequence[Drawn]) -> None:
    """Note what was drawn, so that labels find their samples again."""
    rows = [asdict(one) | {"drawn_at": utc_now()} for one in drawn]
    if rows:
        connection.execute(insert(connection, label_items).on_conflict_do_nothing(), rows)


def drawn_items(connection: Connection, items: Sequence[str]) -> dict[str, Drawn]:
    """Return those of these items that were drawn from this store."""
    columns = label_items.c.item, label_items.c.sample_id, label_items.c.channel, label_items.c.persona
    query = sa.select(*columns).where(among(connection, label_items.c.item, items))
    return {row.item: Drawn(*row) for row in connection.execute(query)}


def save_labels(connection: Connection, given: Sequence[Label]) -> None:
    """Keep labels; a labeller's new label replaces the old one."""
    rows = [
        {"item": one.item, "labeller": one.labeller, "label": one.label, "note": one.note or None, "at": utc_now()}
        for one in given
    ]
    upsert(connection, labels, ("item", "labeller"), rows)


def read_labels(connection: Connection, persona: str, channel: str) -> dict[int, dict[str, int]]:
    """Return every label of a persona and channel: labellers' labels by sample, each one's newest."""
    query = (
        sa.select(label_items.c.sample_id, labels.c.labeller, labels.c.label)
        .join(label_items, label_items.c.item == labels.c.item)
        .where(label_items.c.persona == persona, label_items.c.channel == channel)
        .order_by(label_items.c.sample_id, labels.c.labeller, labels.c.at)
    )
    found: dict[int, dict[str, int]] = {}
    for sample, labeller, label in connection.execute(query):
        found.setdefault(sample, {})[labeller] = label
    return found


def labelled_personas(connection: Connection) -> list[tuple[str, str]]:
    """Return the (persona, channel) pairs that have labels."""
    query = (
        sa.select(label_items.c.persona, label_items.c.channel)
        .join(labels, labels.c.item == label_items.c.item)
        .distinct()
        .order_by(label_items.c.persona, label_items.c.channel)
    )
    return [(persona, channel) for persona, channel in connection.execute(query)]
