"""Which prompts each run asked for: kept with the run, so that prompts of an earlier file are told from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.store.runs import change_details
from charbench.store.tables import runs

_NAME = "asked"
_DIAGNOSIS = "diagnosis"
NO_PERSONA = ""
"""Under which the prompts of base models and of checkpoints without a persona stand."""


@dataclass(frozen=True, slots=True)
class Asked:
    """By run, by the sampling's key and by persona: the keys of the prompts that the run asked for."""

    by_run: Mapping[int, Mapping[str, Mapping[str, frozenset[str]]]]
    diagnoses: frozenset[int] = frozenset()
    """The runs that looked for a cause: what they ask is no evaluation."""

    def runs(self, persona: str, samplings: Iterable[str]) -> list[int]:
        """Return the runs that asked a persona's checkpoints with one of these samplings."""
        wanted = set(samplings)
        return [
            run for run, asked in self.by_run.items() if any(persona in asked[key] for key in wanted & asked.keys())
        ]

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


def note_asked(connection: Connection, run_id: int, sampling: str, by_persona: Mapping[str, Iterable[str]]) -> None:
    """Note with a run what it asks for with one sampling; other details of the run stay."""
    asked = {sampling: {name: sorted(keys) for name, keys in by_persona.items()}}
    change_details(connection, run_id, lambda known: {**known, _NAME: {**known.get(_NAME, {}), **asked}})


def note_diagnosis(connection: Connection, run_id: int) -> None:
    """Note with a run that it looks for a cause."""
    change_details(connection, run_id, lambda known: {**known, _DIAGNOSIS: True})


def read_asked(connection: Connection) -> Asked:
    """Return what all runs asked for, as far as they say."""
    found = {}
    diagnoses = set()
    columns = runs.c.id, runs.c.command, runs.c.details
    for row in connection.execute(sa.select(*columns).where(runs.c.details.is_not(None))):
        asked = (row.details or {}).get(_NAME, {})
        # Earlier versions noted no more than the command.
        if (row.details or {}).get(_DIAGNOSIS) or row.command.split()[1:2] == ["diagnose"]:
            diagnoses.add(row.id)
        found[row.id] = {
            sampling: {name: frozenset(keys) for name, keys in by_persona.items()}
            for sampling, by_persona in asked.items()
        }
    return Asked(found, frozenset(diagnoses))
