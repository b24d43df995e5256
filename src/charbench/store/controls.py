"""What judges made of their control items, kept with the run that tested them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.components.control_items import ControlResult
from charbench.store.database import Database
from charbench.store.runs import change_details, utc_now
from charbench.store.tables import runs, scorings

DETAIL = "controls"


@dataclass(frozen=True, slots=True)
class KeptControls:
    """The results of one test of the judges of a scoring (its number), and the run that made it."""

    scoring_id: int
    run: int
    results: tuple[ControlResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every judge passed everything that was decided."""
        return all(one.passed is not False for one in self.results)


def keep_controls(database: Database, run_id: int, scoring_id: int, results: Sequence[ControlResult]) -> None:
    """Add results to the details of the run, at once: a run that is killed later has them."""
    now = utc_now().replace(microsecond=0).isoformat()
    with database.write() as connection:
        key = connection.scalar(sa.select(scorings.c.key).where(scorings.c.id == scoring_id))
        dated = [asdict(replace(one, asked_at=one.asked_at or now)) for one in results]
        entry = {"scoring": key, "results": dated}
        change_details(connection, run_id, lambda known: {**known, DETAIL: [*known.get(DETAIL, ()), entry]})


def read_controls(connection: Connection, scoring_ids: Collection[int]) -> dict[int, KeptControls]:
    """Return the newest results for each of these scorings, by its number; none where no run kept any."""
    wanted = set(scoring_ids)
    query = sa.select(scorings.c.key, scorings.c.id)
    numbers = {key: number for key, number in connection.execute(query) if number in wanted}
    found: dict[int, KeptControls] = {}
    query_runs = sa.select(runs.c.id, runs.c.details).where(runs.c.details.is_not(None)).order_by(runs.c.id)
    for run, details in connection.execute(query_runs) if numbers else ():
        for entry in (details or {}).get(DETAIL, ()):
            if (number := numbers.get(entry["scoring"])) is not None:
                results = tuple(ControlResult(**one) for one in entry["results"])
                found[number] = KeptControls(number, run, results)
    return found


def started_at(connection: Connection, run_ids: Collection[int]) -> dict[int, datetime]:
    """Return when these runs began, in UTC."""
    query = sa.select(runs.c.id, runs.c.started_at)
    return {number: when for number, when in connection.execute(query) if number in set(run_ids)}
