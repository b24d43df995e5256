"""A few samples of each group that a report counts, for formats that show texts beside the figures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.report.export import sample_row, scores_of
from charbench.store.database import Database
from charbench.store.dialect import chunks
from charbench.store.findings import read_checkpoints
from charbench.store.sample_reader import SampleReader
from charbench.store.selection import Selection
from charbench.store.summaries import GroupTotals
from charbench.store.tables import prompts, samples

_LOOK_AT = 20
"""Of each group the first samples are looked at, so many times as many as are shown: a store may hold millions."""
_PAGE = 250
"""Samples that are read together, with some twenty scores each."""


def shown_samples(
    database: Database,
    selection: Selection,
    groups: Sequence[GroupTotals],
    most: int,
    zeros_of: Collection[str] | None = None,
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield up to ``most`` samples, as many of each group and of its prompts as can be, with the selection's scores.

    They come group by group, in the order of ``groups``, and within one by prompt, oldest first. With ``zeros_of``
    scores of 0 are left out as :func:`~charbench.report.export.scores_of` does; None leaves out none.
    """
    each = max(1, most // max(1, len(groups)))
    with database.read() as connection:
        known = {checkpoint.uri: checkpoint for checkpoint in read_checkpoints(connection)}
        chosen = [number for group in groups[:most] for number in _some(connection, group, each)]
    reader = SampleReader()
    for ids in chunks(chosen, _PAGE):
        with database.read() as connection:
            given = scores_of(connection, ids, selection.scorings, zeros_of)
            found = {stored.id: stored for stored in reader.read(connection, ids)}
        for number in ids:
            if (stored := found.get(number)) is not None:
                yield sample_row(stored, known[stored.sample.checkpoint]), given.get(number, [])


def _some(connection: Connection, group: GroupTotals, most: int) -> list[int]:
    query = (
        sa.select(samples.c.id, prompts.c.key)
        .join(prompts, prompts.c.id == samples.c.prompt_id)
        .where(samples.c.group_id == group.id)
        .order_by(samples.c.id)
        .limit(most * _LOOK_AT)
    )
    by_prompt: dict[str, list[int]] = {}
    for number, prompt in connection.execute(query).all():
        if group.takes(prompt):
            by_prompt.setdefault(prompt, []).append(number)
    rounds = [number for round_ in zip_longest(*by_prompt.values()) for number in round_ if number is not None]
    taken = set(rounds[:most])
    return [number for numbers in by_prompt.values() for number in numbers if number in taken]
