"""Versions of the code that made scores and samples: digests of a plugin's files, in the columns ``version``.

Of one and the same scorer, as it is set up, the scores of each version of its code are a scoring of their own: they
never meet in a rate, and going back to earlier code finds its scores again. A column holds several digests, the
newest last, where they count as one. NULL: not known; what there is then counts as made by today's code.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.keys import digest
from charbench.store.dialect import among
from charbench.store.states import note_scorers
from charbench.store.summaries import has_results
from charbench.store.tables import groups, samplings, scorings

if TYPE_CHECKING:
    from charbench.store.scores import ScoringSettings


class OldScores(StrEnum):
    """What becomes of scores that an earlier version of the scorer's code gave: as they are, made anew, or kept."""

    LEFT = "left"
    AGAIN = "again"
    KEPT = "kept"
    """They count as today's."""


@dataclass(frozen=True, slots=True)
class ByCode:
    """Where the scores of today's code belong; ``earlier``: the scoring of earlier code, where today's has no score."""

    settings: ScoringSettings
    earlier: int | None = None


def key_of_code(key: str, code: str) -> str:
    """Return the key of a scoring whose code is another one than that of the first scores under ``key``."""
    return digest(key, {"code": code})


def by_code(connection: Connection, settings: ScoringSettings) -> ByCode:
    """Tell whether the scores that the store has under these settings are of today's code."""
    today = settings.code
    if today is None:
        return ByCode(settings)
    key = settings.key
    query = sa.select(scorings.c.id, scorings.c.key, scorings.c.version, scorings.c.last_run_id).where(
        scorings.c.scorer == settings.scorer,
        scorings.c.persona == settings.persona,
        scorings.c.fingerprint == settings.fingerprint,
        has_results(),
    )
    newest_first = query.order_by(scorings.c.last_run_id.desc(), scorings.c.id.desc())
    mine = [row for row in connection.execute(newest_first) if row.key in (key, key_of_code(key, _first(row.version)))]
    for row in mine:
        if row.version is None or today in row.version.split():
            return ByCode(settings if row.key == key else replace(settings, apart=_first(row.version)))
    return ByCode(replace(settings, apart=today), mine[0].id) if mine else ByCode(settings)


def note_code(connection: Connection, table: sa.Table, number: int, code: str | None, *, only: bool = False) -> None:
    """Note that a version of the code has made what belongs to a row; ``only``: that none else has."""
    if code is None:
        return
    known = connection.scalar(sa.select(table.c.version).where(table.c.id == number)) or ""
    if code not in known.split():
        version = code if only else f"{known} {code}".strip()
        connection.execute(sa.update(table).where(table.c.id == number).values(version=version))


def note_wanted(connection: Connection, scoring_id: int, run_id: int) -> None:
    """Note that a run wanted the scores of this scoring: reports show what was wanted last."""
    connection.execute(sa.update(scorings).where(scorings.c.id == scoring_id).values(last_run_id=run_id))
    note_scorers(
        connection, run_id, str(connection.scalar(sa.select(scorings.c.key).where(scorings.c.id == scoring_id)))
    )


def adopt_samples(connection: Connection, keys: Collection[str], code: str) -> None:
    """Take samples of unknown code for today's: what changes from now on is then seen."""
    mine = among(connection, samplings.c.key, sorted(keys)) & samplings.c.version.is_(None)
    connection.execute(sa.update(samplings).where(mine).values(version=code))


def sampler_versions(connection: Connection, group_ids: Sequence[int]) -> dict[str, list[list[str]]]:
    """Return the versions of the code that made the samples of these groups, of each way of sampling, by sampler."""
    query = (
        sa.select(samplings.c.sampler, samplings.c.version)
        .join(groups, groups.c.sampling_id == samplings.c.id)
        .where(among(connection, groups.c.id, list(group_ids)), samplings.c.version.is_not(None))
        .distinct()
    )
    found: dict[str, list[list[str]]] = {}
    for sampler, version in connection.execute(query):
        found.setdefault(sampler, []).append(version.split())
    return found


def is_earlier(version: str | None, today: str | None) -> bool:
    """Whether what a column says is known to be another version than today's."""
    return version is not None and today is not None and today not in version.split()


def _first(version: str | None) -> str:
    return (version or "").split(" ", 1)[0]
