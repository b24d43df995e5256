"""Scores in the store: adding them with their totals, and finding what is still to be scored."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.keys import digest
from charbench.domain.sample import Channel, Failure
from charbench.domain.score import Metric, Role, Score
from charbench.store.code_versions import OldScores, by_code, key_of_code, note_code, note_wanted
from charbench.store.database import Database
from charbench.store.dialect import add_totals, among, get_or_add, insert_new, insert_tuples
from charbench.store.evidence import evidence_to_json
from charbench.store.prompt_totals import HeadlineScore, ScoresByPrompt
from charbench.store.samples import attempt_row
from charbench.store.tables import attempts, samples, score_totals, scored, scores, scorings, series
from charbench.text.redaction import redact_all

STAGE = "score"
_DECIDES = ("role", "aggregate", "higher_is_better", "low", "high", "threshold")
"""What of a metric's declaration decides what its scores mean; its title does not."""


@dataclass(frozen=True, slots=True)
class ScoringSettings:
    """What scores of one series of work have in common: the scorer, as it is set up, and the persona."""

    scorer: str
    protocol: int
    persona: str
    config: dict[str, Any]
    fingerprint: str
    declaration: str = ""
    """A hash of the metrics that are declared otherwise than when they were first scored; empty: none is."""
    code: str | None = None
    """A digest of the scorer's source files; None: its version alone tells what it is. It is in no key."""
    apart: str = ""
    """The digest of the code, where the first scores are of another one (see ``code_versions``); else empty."""

    @property
    def key(self) -> str:
        """The settings' key."""
        declared = [self.declaration] if self.declaration else []
        key = digest(self.scorer, self.protocol, self.persona, self.config, self.fingerprint, *declared)
        return key_of_code(key, self.apart) if self.apart else key


@dataclass(frozen=True, slots=True)
class NewScores:
    """What a scorer gave for one sample; no scores at all is a result too."""

    sample_id: int
    group_id: int
    prompt_id: int
    scores: tuple[Score, ...]
    evidence: str | None = None
    """Their :func:`evidence_text`, where it was made before the transaction began; None: it is made in it."""


def evidence_text(given: Sequence[Score]) -> str:
    """Return the evidence of a sample's scores as the store keeps it."""
    evidence = evidence_to_json(given)
    return "null" if evidence is None else json.dumps(evidence)


@dataclass(frozen=True, slots=True)
class Redeclared:
    """A metric that the store has scores of, declared otherwise than the scorer declares it today."""

    metric: str
    was: dict[str, Any]
    now: dict[str, Any]

    def __str__(self) -> str:
        changed = [
            f"{name.replace('_', ' ')} {_shown(old)}, now {_shown(self.now[name])}"
            for name, old in self.was.items()
            if old != self.now[name]
        ]
        return f"metric {self.metric} was declared with {'; '.join(changed)}"


def as_stored(
    connection: Connection, settings: ScoringSettings, same: Callable[[Mapping[str, Any]], bool]
) -> ScoringSettings:
    """Return the settings under which the store has these very scores: the same, or with options that mean the same.

    ``same`` says of stored options whether their scores are today's (:meth:`BaseScorer.same_scores`). Those that the
    newest run wanted are taken.
    """
    mine = (
        (scorings.c.scorer == settings.scorer)
        & (scorings.c.protocol == settings.protocol)
        & (scorings.c.persona == settings.persona)
        & (scorings.c.fingerprint == settings.fingerprint)
    )
    query = sa.select(scorings.c.key, scorings.c.config).where(mine)
    rows = connection.execute(query.order_by(scorings.c.last_run_id.desc(), scorings.c.id.desc())).all()
    if any(row.key == settings.key for row in rows):
        return settings
    found = (replace(settings, config=row.config) for row in rows if same(row.config))
    by_key = {row.key for row in rows}
    return next((one for one in found if one.key in by_key), settings)


def redeclared(
    connection: Connection, settings: ScoringSettings, metrics: Sequence[Metric]
) -> tuple[ScoringSettings, list[Redeclared]]:
    """Return the settings under which these metrics are scored today, and the metrics whose declaration has changed.

    A change is returned once: not where samples were scored under the new declaration before.
    Scores are kept under the declaration that they were made by. Where one has changed since the first score, the
    settings get a key of their own, so that values by two declarations never meet in a rate; otherwise the key is
    the same as ever.
    """
    rows = connection.execute(
        sa.select(series).join(scorings, scorings.c.id == series.c.scoring_id).where(scorings.c.key == settings.key)
    )
    stored = {row.metric: {name: getattr(row, name) for name in _DECIDES} for row in rows}
    today = {metric.name: _declaration(metric) for metric in metrics}
    changed = [
        Redeclared(name, was, {field: today[name][field] for field in was})
        for name, was in stored.items()
        if name in today and any(today[name][field] != value for field, value in was.items())
    ]
    if not changed:
        return settings, []
    declared = {one.metric: one.now for one in changed}
    settings = replace(settings, declaration=digest(declared))
    is_known = connection.scalar(sa.select(scorings.c.id).where(scorings.c.key == settings.key)) is not None
    return settings, [] if is_known else changed


def scoring_number(connection: Connection, settings: ScoringSettings, run_id: int) -> int:
    """Return the scoring's number, adding it where it is new, and note that this run wants it."""
    rest = {name: value for name, value in asdict(settings).items() if name not in ("declaration", "code", "apart")}
    rest |= {"config": redact_all(settings.config), "last_run_id": run_id}
    number = get_or_add(connection, scorings, {"key": settings.key}, rest)
    note_wanted(connection, number, run_id)
    note_code(connection, scorings, number, settings.code, only=True)
    return number


@dataclass(frozen=True, slots=True)
class Wanted:
    """The scoring that a run is to add to, and what is to be known of it."""

    scoring_id: int
    redeclared: Sequence[Redeclared]
    settings: ScoringSettings
    """Those of the scoring, whose key it is known by in any store."""
    earlier: int | None = None
    """The scoring of earlier code, where today's has scored nothing."""

    @property
    def is_held(self) -> bool:
        """Whether nothing is to be added: it is the scoring of the earlier code, whose scores stay."""
        return self.scoring_id == self.earlier


def wanted_scoring(
    connection: Connection, settings: ScoringSettings, metrics: Sequence[Metric], run_id: int, old: OldScores
) -> Wanted:
    """Return the scoring of these settings, metrics and code, adding it where it is new."""
    settings, changed = redeclared(connection, settings, metrics)
    found = by_code(connection, settings)
    if found.earlier is not None and old is OldScores.KEPT:
        note_code(connection, scorings, found.earlier, settings.code)
        found = by_code(connection, settings)
    if found.earlier is not None and old is OldScores.LEFT:
        note_wanted(connection, found.earlier, run_id)
        return Wanted(found.earlier, changed, found.settings, found.earlier)
    return Wanted(scoring_number(connection, found.settings, run_id), changed, found.settings, found.earlier)


class ScoreWriter:
    """Adds the scores of one scoring; knows the numbers of its metrics."""

    def __init__(
        self,
        connection: Connection,
        settings: ScoringSettings,
        metrics: Sequence[Metric],
        run_id: int,
        old: OldScores = OldScores.LEFT,
    ) -> None:
        self.run_id = run_id
        self.metrics = {metric.name: metric for metric in metrics}
        self._headlines = {metric.name for metric in metrics if metric.role is Role.HEADLINE}
        self.wanted = wanted_scoring(connection, settings, metrics, run_id, old)
        self.scoring_id = self.wanted.scoring_id
        self._series: dict[tuple[str, Channel], tuple[int, float | None]] = {}
        """The number of each series, and from which value on a sample has the trait."""

    def add(self, connection: Connection, new: Sequence[NewScores]) -> int:
        """Add scores and their totals; return for how many samples they were new."""
        by_sample = {item.sample_id: item for item in new}
        rows = [
            (item.sample_id, self.scoring_id, evidence_text(item.scores) if item.evidence is None else item.evidence)
            for item in new
        ]
        columns = "sample_id", "scoring_id", "evidence"
        ids = insert_new(connection, scored, columns, rows, ("id", "sample_id"))
        shapes = {item.sample_id: _metrics_and_channels(item.scores) for item in new}
        self._number_series(connection, {shapes[item.sample_id]: item.scores for item in new}.values())
        values: list[tuple[int, int, float | None]] = []
        given: defaultdict[tuple[int, int, float | None], list[float | None]] = defaultdict(list)
        # Most samples of a group have the same metrics and channels: their series, and where their values go.
        places: dict[tuple[int, tuple[str, ...]], list[tuple[int, list[float | None]]]] = {}
        by_prompt = ScoresByPrompt(self.scoring_id)
        for scored_id, sample_id in ids:
            item = by_sample[sample_id]
            group_id = item.group_id
            if self._headlines:
                by_prompt.count(group_id, item.prompt_id, self._of_headlines(item.scores))
            shape = group_id, shapes[sample_id]
            if (known := places.get(shape)) is None:
                numbered = (self._series[score.metric, score.channel] for score in item.scores)
                known = places[shape] = [(number, given[number, group_id, least]) for number, least in numbered]
            for score, (series_id, mine) in zip(item.scores, known, strict=True):
                value = score.value
                values.append((scored_id, series_id, value))
                mine.append(value)
        insert_tuples(connection, scores, values)
        summed = [
            {"series_id": series_id, "group_id": group_id, **asdict(totals_of(mine, threshold))}
            for (series_id, group_id, threshold), mine in given.items()
        ]
        add_totals(connection, score_totals, ("series_id", "group_id"), summed)
        by_prompt.add(connection)
        return len(ids)

    def _of_headlines(self, given: Sequence[Score]) -> list[HeadlineScore]:
        return [
            HeadlineScore(series_id, score.metric, score.channel, _known(score.value), threshold)
            for score in given
            if score.metric in self._headlines
            for series_id, threshold in (self._series[score.metric, score.channel],)
        ]

    def add_failures(self, connection: Connection, failures: Sequence[tuple[int, Sequence[Failure]]]) -> None:
        """Note the tries that failed for each sample; what could not be scored is tried again by the next run."""
        rows = [
            attempt_row(STAGE, score_item(self.scoring_id, sample), self.run_id, number, failure)
            for sample, tries in failures
            for number, failure in enumerate(tries, 1)
        ]
        connection.execute(sa.insert(attempts), rows)

    def _number_series(self, connection: Connection, scores: Iterable[Sequence[Score]]) -> None:
        """Look up the series of these scores, adding those that are new, in an order that is every writer's."""
        given = chain.from_iterable(scores)
        fresh = {key: score for score in given if (key := (score.metric, score.channel)) not in self._series}
        for key, score in sorted(fresh.items()):
            self._series[key] = self._add_series(connection, score), self.metrics[score.metric].threshold

    def _add_series(self, connection: Connection, score: Score) -> int:
        metric = self.metrics[score.metric]
        return get_or_add(
            connection,
            series,
            {"scoring_id": self.scoring_id, "metric": metric.name, "channel": score.channel.value},
            {
                "title": metric.title or metric.name.replace("_", " "),
                **_declaration(metric),
            },
        )


def score_item(scoring_id: int, sample_id: int) -> str:
    """Return the name under which scoring a sample with one scorer is claimed, and its failures are kept."""
    return f"{scoring_id}:{sample_id}"


def scored_among(connection: Connection, scoring_ids: Iterable[int], sample_ids: Sequence[int]) -> set[tuple[int, int]]:
    """Return the numbers of scoring and sample of what is scored of these samples."""
    query = sa.select(scored.c.scoring_id, scored.c.sample_id).where(
        scored.c.scoring_id.in_(sorted(scoring_ids)), among(connection, scored.c.sample_id, sample_ids)
    )
    return {(scoring_id, sample_id) for scoring_id, sample_id in connection.execute(query)}


def pending_samples(
    database: Database, scoring_ids: Sequence[int], group_ids: Sequence[int], size: int
) -> Iterator[list[int]]:
    """Yield the numbers of samples in these groups, one after the other, that one of the scorings lacks, ``size`` each.

    Failed samples are never among them.
    """
    # Counted by sample: of "does not exist in one or in another" PostgreSQL makes a hash of everything scored, anew for
    # each list.
    wanted = sorted(set(scoring_ids))
    number = (
        sa.select(sa.func.count())
        .where(scored.c.sample_id == samples.c.id, scored.c.scoring_id.in_(wanted))
        .correlate(samples)
        .scalar_subquery()
    )
    for group in group_ids:
        last = -1
        while True:
            query = (
                sa.select(samples.c.id)
                .where(samples.c.group_id == group, samples.c.id > last)
                .where(samples.c.error_kind.is_(None), number < len(wanted))
                .order_by(samples.c.id)
                .limit(size)
            )
            with database.read() as connection:
                ids = list(connection.scalars(query))
            if not ids:
                break
            yield ids
            last = ids[-1]


def _metrics_and_channels(given: Sequence[Score]) -> tuple[str, ...]:
    return (*[score.metric for score in given], *[score.channel for score in given])


def _declaration(metric: Metric) -> dict[str, Any]:
    """Return what the table of series keeps of a declaration."""
    low, high = metric.range
    return {
        "role": str(metric.role),
        "aggregate": str(metric.aggregate),
        "higher_is_better": metric.higher_is_better,
        "low": low,
        "high": high,
        "threshold": metric.threshold,
    }


def _shown(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, int | float) else str(value)


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


@dataclass(slots=True)
class Totals:
    """What a batch adds to the running totals of one series in one group; named like their columns."""

    count: int = 0
    missing: int = 0
    total: float = 0.0
    total_squared: float = 0.0
    hits: int = 0


def totals_of(values: Sequence[float | None], threshold: float | None) -> Totals:
    """Return the totals of values of one series, None where there is no verdict; they are added up in their order."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    total = total_squared = 0.0
    for value in known:  # not sum(), which rounds otherwise from Python 3.12 on
        total += value
        total_squared += value * value
    hits = 0 if threshold is None else sum(value >= threshold for value in known)
    return Totals(len(known), len(values) - len(known), total, total_squared, hits)
