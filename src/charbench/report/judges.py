"""Who judged, said beside what they judged: the judges of a scorer, how and when, and what they made of control items.

A scorer is a judge where its ``content_config`` names its judges: ``judges``, each with ``model`` and what is known of
its ``endpoint`` and ``protocol``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.components.control_items import ControlResult
from charbench.report.render.cells import finite
from charbench.store.controls import read_controls, started_at
from charbench.store.selection import Selection
from charbench.store.tables import games, score_totals, series

MOST = 3
"""So many personas' judges are written out below a table."""


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """The judges of one metric for one persona.

    ``judges`` hold model, endpoint and protocol as far as they are known. ``date`` is when they were last tested and
    asked (UTC, ISO 8601, without the time), in run ``run``; where no run has kept control results (``controls`` is
    empty) it is the last run that asked for these scores. ``unscored`` of ``texts`` have no score.
    """

    persona: str
    scorer: str
    metric: str | None
    version: int
    judges: tuple[Mapping[str, Any], ...]
    run: int
    date: str
    controls: tuple[ControlResult, ...]
    texts: int
    unscored: int

    @property
    def passed(self) -> bool | None:
        """Whether the newest test was passed; None: no test is recorded."""
        return all(one.passed is not False for one in self.controls) if self.controls else None


def judged_by(
    connection: Connection, selection: Selection, metric: str | None, *, alone: bool = False
) -> list[JudgedBy]:
    """Return the judges of each persona's scores in the selected settings; with ``alone`` only those of ``metric``.

    ``metric`` is ``scorer.metric``; of another scorer it is its headline, and games of a pair scorer.
    """
    scorer, _, chosen = (metric or "").partition(".")
    rows = [
        (persona, one)
        for persona, setting in selection.settings.items()
        for name, one in setting.scorers.items()
        if one.config.get("judges") and (name == scorer or not alone)
    ]
    numbers = [one.id for _, one in rows]
    headlines = _headlines(connection, numbers)
    kept = read_controls(connection, numbers)
    dates = started_at(connection, {kept[one.id].run if one.id in kept else one.last_run for _, one in rows})
    found = []
    for persona, one in rows:
        mine = kept.get(one.id)
        run = mine.run if mine else one.last_run
        name = chosen if one.scorer == scorer else headlines.get(one.id, "")
        texts, unscored = _counts(connection, one.id, name)
        judges = [
            {key: judge[key] for key in ("model", "endpoint", "protocol") if key in judge}
            for judge in one.config["judges"]
        ]
        results = [result for result in mine.results if not name or result.metric == name] if mine else []
        date = dates[run].date().isoformat() if run in dates else ""
        title = f"{one.scorer}.{name}" if name else None
        found.append(
            JudgedBy(
                persona, one.scorer, title, one.protocol, tuple(judges), run, date, tuple(results), texts, unscored
            )
        )
    return found


def _headlines(connection: Connection, scoring_ids: Sequence[int]) -> dict[int, str]:
    """Return the name of each scoring's headline metric."""
    query = sa.select(series.c.scoring_id, series.c.metric).where(series.c.role == "headline").distinct()
    return {number: name for number, name in connection.execute(query) if number in set(scoring_ids)}


def _counts(connection: Connection, scoring_id: int, metric: str) -> tuple[int, int]:
    """Return how many texts (games, without a metric) there are, and how many of them have no score."""
    if not metric:
        query = sa.select(sa.func.count(), sa.func.count(games.c.result)).where(games.c.scoring_id == scoring_id)
        number, told = connection.execute(query).one()
        return int(number), int(number - told)
    totals = sa.select(sa.func.sum(score_totals.c.count), sa.func.sum(score_totals.c.missing))
    totals = totals.join(series, series.c.id == score_totals.c.series_id)
    known, missing = connection.execute(
        totals.where(series.c.scoring_id == scoring_id, series.c.metric == metric)
    ).one()
    return int(known or 0) + int(missing or 0), int(missing or 0)


def judge_lines(found: Sequence[JudgedBy]) -> list[str]:
    """Return a sentence or two for each of a few: who judged, how, when, and how well."""
    lines = [_line(one, several=len(found) > 1) for one in found[:MOST]]
    if len(found) > MOST:
        lines.append(f"... and the judges of {len(found) - MOST} more personas or scorers (--json has all).")
    return lines


def _line(one: JudgedBy, *, several: bool) -> str:
    what = one.metric or one.scorer
    names = " and ".join(_named(judge) for judge in one.judges)
    when = f"{'' if one.controls else 'last asked for in '}run {one.run}" + (f", {one.date}" if one.date else "")
    whose = f" for {one.persona}" if several else ""
    texts = "texts" if one.metric else "games"
    share = f" ({one.unscored / one.texts:.0%})" if one.texts else ""
    without = f"No score: {one.unscored:,} of {one.texts:,} {texts}{share}."
    who = f"{what}{whose} is judged by {names} (scorer version {one.version}; {when}). {_controls(one)} {without}"
    failed = "The newest test of this judge failed: these are scores of earlier runs. " if one.passed is False else ""
    return failed + who


def _named(judge: Mapping[str, Any]) -> str:
    method = f" by protocol {judge['protocol']}" if "protocol" in judge else ""
    return f"{judge.get('model', '(unnamed)')}{method}"


def _controls(one: JudgedBy) -> str:
    if not one.controls:
        return "Control items: not recorded."
    several = len({result.judge for result in one.controls}) > 1
    return f"Control items: {'; '.join(f'{r.judge}: {r}' if several else str(r) for r in one.controls)}."


def judge_dicts(found: Sequence[JudgedBy]) -> list[dict[str, Any]]:
    """Return the same for JSON; rates are 0 to 1, and None where there is nothing to tell."""
    return [
        {
            "persona": one.persona,
            "scorer": one.scorer,
            "metric": one.metric,
            "version": one.version,
            "judges": [dict(judge) for judge in one.judges],
            "run": one.run,
            "date": one.date or None,
            "controls_passed": one.passed,
            "controls": [_result_dict(result) for result in one.controls],
            "texts": one.texts,
            "unscored": one.unscored,
            "share_unscored": finite(one.unscored / one.texts) if one.texts else None,
        }
        for one in found
    ]


def _result_dict(result: ControlResult) -> dict[str, Any]:
    rate = result.rate
    known = rate.total > 0
    figures = (
        {"share": finite(rate.share), "low": finite(rate.low), "high": finite(rate.high)}
        if known
        else dict.fromkeys(("share", "low", "high"))
    )
    return asdict(result) | figures
