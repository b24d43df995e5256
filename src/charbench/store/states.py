"""Which choices were in force together: of samplers' options, and of scorers as they were set up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.store.runs import change_details
from charbench.store.tables import runs

T = TypeVar("T")
_WANTED = "scorers"
"""Among a run's details: the keys of the scorings that it wanted."""


def newest_states(events: Sequence[T], slot: Callable[[T], str]) -> list[tuple[Mapping[str, T], bool]]:
    """Return the states that a sequence of choices went through, each with whether the next one replaces a choice.

    Those are the states that were complete at some time; the last one is too.
    """
    return states_of_batches([[event] for event in events], slot)


def states_of_batches(batches: Sequence[Sequence[T]], slot: Callable[[T], str]) -> list[tuple[Mapping[str, T], bool]]:
    """Return the same of choices of which several were made at once."""
    states: list[tuple[Mapping[str, T], bool]] = []
    state: Mapping[str, T] = {}
    for batch in batches:
        made = {slot(event): event for event in batch}
        if states and any(state.get(name, one) is not one for name, one in made.items()):
            states[-1] = (states[-1][0], True)
        if (changed := {**state, **made}) != state or not states:
            state = changed
            states.append((state, False))
    if states:
        states[-1] = (states[-1][0], True)
    return states


def note_scorers(connection: Connection, run_id: int, key: str) -> None:
    """Note with a run that it wanted the scores of a scoring."""

    def added(known: Mapping[str, object]) -> Mapping[str, object]:
        mine = known.get(_WANTED)
        return {**known, _WANTED: sorted({*(mine if isinstance(mine, list) else ()), key})}

    change_details(connection, run_id, added)


def read_scorers(connection: Connection) -> dict[int, frozenset[str]]:
    """Return the keys of the scorings that each run wanted, the earliest run first, as far as runs say."""
    query = sa.select(runs.c.id, runs.c.details).where(runs.c.details.is_not(None)).order_by(runs.c.id)
    return {
        number: frozenset(details[_WANTED])
        for number, details in connection.execute(query)
        if _WANTED in (details or ())
    }
