"""Finds a setting by an ID that somebody has noted: reports name a setting by it long after others took its place.

Of earlier runs a store does not hold which scorers were used together, as each scorer only has the last run that
wanted it. So an ID that is not among the settings of the newest states is looked for among all that the samples and
scores can stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.errors import UnknownNameError
from charbench.store.dialect import among
from charbench.store.settings import Answers, Known, Setting
from charbench.store.tables import removals, removed_samples

MOST = 100_000
"""So many combinations are tried, which takes some seconds."""


def find_setting(
    connection: Connection, known: Known, name: str, as_if: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> Setting:
    """Return the setting of this ID.

    Raises :class:`UnknownNameError`, which says what became of it where the store tells, and which IDs there are.
    """
    if (setting := known.resolvable.get(name)) is not None:
        return setting
    for removed in (False, True):
        answers = Answers.read(connection, as_if, removed=removed)
        every = (one for persona in sorted(answers.personas) for one, _ in answers.settings(persona, every_state))
        found = next((one for one in islice(every, MOST) if one.id == name), None)
        if found is not None and not removed:
            return found
        if found is not None and (why := _where_to(connection, found)):
            raise _unknown(known, name, f": {why}")
    raise _unknown(known, name, ": the store has no samples and scores that it can stand for")


def _unknown(known: Known, name: str, hint: str) -> UnknownNameError:
    ids = [one.id for mine in known.by_persona.values() for one in mine]
    return UnknownNameError("setting", name, ids, f"{hint}; charbench report --list-settings says what each of them is")


def _where_to(connection: Connection, setting: Setting) -> str:
    """Say by which removals a setting's samples are out of reports."""
    query = sa.select(removals.c.what, removals.c.purged_at).distinct()
    query = query.join(removed_samples, removed_samples.c.removal_id == removals.c.id)
    query = query.where(among(connection, removed_samples.c.group_id, [group.id for group in setting.groups]))
    rows = connection.execute(query.order_by(removals.c.what)).all()
    words = ", ".join(f"{row.what}{' (erased)' if row.purged_at else ''}" for row in rows)
    return f"its samples are out of reports, as these were removed: {words}" if words else ""


def every_state(events: Sequence[Any], slot: Callable[[Any], str]) -> list[tuple[Mapping[str, Any], bool]]:
    """Return every combination of at most one choice for each slot, the newest choices first."""
    by_slot: dict[str, list[Any]] = {}
    for event in reversed(events):
        by_slot.setdefault(slot(event), []).append(event)
    return list(islice(_combined(by_slot), MOST))


def _combined(by_slot: Mapping[str, Sequence[Any]]) -> Iterator[tuple[Mapping[str, Any], bool]]:
    for chosen in product(*([*choices, None] for choices in by_slot.values())):
        state = {name: one for name, one in zip(by_slot, chosen, strict=True) if one is not None}
        if state:
            yield state, False
