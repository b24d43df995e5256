"""Human labels: what was drawn to be labelled and by what chance, and the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.store.dialect import among, insert, upsert
from charbench.store.runs import utc_now
from charbench.store.tables import label_chances, label_items, labels

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
class DrawChance:
    """By what chance (above 0, up to 1) an item was drawn, in which draw, out of how many ``texts`` of a stratum."""

    draw: str
    item: str
    stratum: str
    chance: float
    texts: int


@dataclass(frozen=True, slots=True)
class Label:
    """What one person said of one item."""

    item: str
    labeller: str
    label: int
    note: str = ""


def save_items(connection: Connection, drawn: Sequence[Drawn]) -> None:
    """Note what was drawn, so that labels find their samples again."""
    rows = [asdict(one) | {"drawn_at": utc_now()} for one in drawn]
    if rows:
        connection.execute(insert(connection, label_items).on_conflict_do_nothing(), rows)


def save_chances(connection: Connection, chances: Sequence[DrawChance]) -> None:
    """Note by what chance items were drawn; drawing the same once more notes nothing new."""
    if chances:
        statement = insert(connection, label_chances).on_conflict_do_nothing()
        connection.execute(statement, [asdict(one) for one in chances])


def read_chances(connection: Connection, persona: str, channel: str) -> dict[int, list[DrawChance]]:
    """Return by what chances a persona's texts were drawn, by sample; those drawn by older versions have none."""
    query = (
        sa.select(label_items.c.sample_id, label_chances)
        .join(label_items, label_items.c.item == label_chances.c.item)
        .where(label_items.c.persona == persona, label_items.c.channel == channel)
        .order_by(label_chances.c.draw, label_chances.c.item)
    )
    found: dict[int, list[DrawChance]] = {}
    for sample, *row in connection.execute(query):
        found.setdefault(sample, []).append(DrawChance(*row))
    return found


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
