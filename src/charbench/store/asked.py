"""Which prompts each run asked for: kept with the run, so that prompts of an earlier file are told from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.store.runs import change_details
from charbench.store.tables import runs

_NAME = "asked"
_AGAIN = "asked_again"
"""What a run asked for that had nothing to sample, as all of it was there: no report but its own is about that."""
_PARTLY = "asked_partly"
"""Samplings of which the run has not planned everything: it is at it, or was stopped or killed."""
_DIAGNOSIS = "diagnosis"
NO_PERSONA = ""
"""Under which the prompts of base models and of checkpoints without a persona stand."""


@dataclass(frozen=True, slots=True)
class Asked:
    """By run, by the sampling's key and by persona: the keys of the prompts that the run asked for."""

    by_run: Mapping[int, Mapping[str, Mapping[str, frozenset[str]]]]
    diagnoses: frozenset[int] = frozenset()
    """The runs that looked for a cause: what they ask is no evaluation."""
    partly: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """By run: the samplings of which it does not say everything that was to be asked."""

    def runs(self, persona: str, samplings: Iterable[str]) -> list[int]:
        """Return the runs that asked a persona's checkpoints with one of these samplings."""
        wanted = set(samplings)
        return [
            run for run, asked in self.by_run.items() if any(persona in asked[key] for key in wanted & asked.keys())
        ]

    def is_partly(self, run: int, samplings: Iterable[str]) -> bool:
        """Whether the run had not planned everything yet that it was to ask with these samplings when it last said."""
        return not self.partly.get(run, frozenset()).isdisjoint(samplings)

    def is_of(self, run: int, persona: str, samplings: Iterable[str], prompts: frozenset[str] | None) -> bool:
        """Whether the run asked for these prompts, or for some of them before it was stopped or killed."""
        samplings = set(samplings)
        mine = self.prompts(run, persona, samplings)
        some = mine is not None and prompts is not None and mine < prompts and self.is_partly(run, samplings)
        return mine == prompts or some

    def prompts(self, run: int, persona: str, samplings: Iterable[str]) -> frozenset[str] | None:
        """Return what the run asked the persona's checkpoints with these samplings; None: it does not say.

        Base models are asked the prompts of every persona: where only they were asked, all of these.
        """
        asked = self.by_run.get(run, {})
        mine = [asked[key] for key in set(samplings) & asked.keys()]
        for name in (persona, NO_PERSONA):
            if found := [keys for one in mine if (keys := one.get(name))]:
                return frozenset().union(*found)
        return None


def note_asked(
    connection: Connection, run_id: int, sampling: str, by_persona: Mapping[str, Iterable[str]], *, whole: bool = True
) -> None:
    """Note with a run what it asks for with one sampling, and whether that is the whole plan; other details stay."""
    asked = {sampling: {name: sorted(keys) for name, keys in by_persona.items()}}

    def added(known: Mapping[str, Any]) -> dict[str, Any]:
        partly = {*known.get(_PARTLY, ())} - {sampling} | (set() if whole else {sampling})
        rest = {name: value for name, value in known.items() if name != _PARTLY}
        return {**rest, _NAME: {**known.get(_NAME, {}), **asked}, **({_PARTLY: sorted(partly)} if partly else {})}

    change_details(connection, run_id, added)


def note_asked_again(connection: Connection, run_id: int, asked: Mapping[str, Mapping[str, Iterable[str]]]) -> None:
    """Note with a run what it asked for, by sampling and by persona, where all of it was there already."""
    said = {sampling: {name: sorted(keys) for name, keys in mine.items()} for sampling, mine in asked.items()}
    change_details(connection, run_id, lambda known: {**known, _AGAIN: {**known.get(_AGAIN, {}), **said}})


def read_asked_in(connection: Connection, run_id: int) -> Asked:
    """Return what one run asked for, whether it was there already or not."""
    details = connection.execute(sa.select(runs.c.details).where(runs.c.id == run_id)).scalar() or {}
    return Asked({run_id: _frozen({**details.get(_AGAIN, {}), **details.get(_NAME, {})})})


def note_diagnosis(connection: Connection, run_id: int) -> None:
    """Note with a run that it looks for a cause."""
    change_details(connection, run_id, lambda known: {**known, _DIAGNOSIS: True})


def read_asked(connection: Connection) -> Asked:
    """Return what all runs asked for, as far as they say."""
    found = {}
    diagnoses, partly = set(), {}
    columns = runs.c.id, runs.c.command, runs.c.details
    for row in connection.execute(sa.select(*columns).where(runs.c.details.is_not(None))):
        details = row.details or {}  # JSON has a null of its own
        asked = details.get(_NAME, {})
        # Earlier versions noted no more than the command.
        if details.get(_DIAGNOSIS) or row.command.split()[1:2] == ["diagnose"]:
            diagnoses.add(row.id)
        found[row.id] = _frozen(asked)
        if details.get(_PARTLY):
            partly[row.id] = frozenset(details[_PARTLY])
    return Asked(found, frozenset(diagnoses), partly)


def _frozen(asked: Mapping[str, Mapping[str, Iterable[str]]]) -> dict[str, dict[str, frozenset[str]]]:
    return {
        sampling: {name: frozenset(keys) for name, keys in by_persona.items()} for sampling, by_persona in asked.items()
    }
