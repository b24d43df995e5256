"""What reports read: the running totals, never the samples themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.headline import ScoredMetric, choose_headline
from charbench.domain.sample import DEFAULT_CONDITION
from charbench.store.dialect import MAX_PARAMETERS, among, chunks
from charbench.store.tables import (
    GROUP_TOTALS,
    checkpoints,
    games,
    groups,
    samples,
    samplings,
    score_totals,
    scored,
    scores,
    scorings,
    series,
)

ADHOC = "adhoc"
"""Condition of samples that were taken to look at: they are neither scored nor counted."""
REMOVED = "removed"
"""Condition of samples that were taken out of every report."""
UNREAD = (ADHOC, REMOVED)


def sampled_uris(connection: Connection) -> set[str]:
    """Return the checkpoints that some run has had an answer from, whatever it was."""
    query = (
        sa.select(checkpoints.c.uri)
        .join(groups, groups.c.checkpoint_id == checkpoints.c.id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .where(groups.c.samples > groups.c.errors, samplings.c.condition.not_in(UNREAD))
    )
    return set(connection.scalars(query))


@dataclass(frozen=True, slots=True)
class GroupTotals:
    """The samples of one checkpoint under one sampling: who they are of, and their totals.

    ``personas`` are those that it counts for, and ``prompts`` the keys of those of its prompts that count then, None
    where all of them do: a group stands here once for each of the choices (:mod:`charbench.store.selection`).
    """

    id: int
    uri: str
    name: str
    persona: str | None
    kind: str
    base_model: str | None
    sampler: str
    protocol: int
    condition: str
    params: dict[str, Any]
    last_run_id: int
    totals: dict[str, float]
    personas: tuple[str, ...] = ()
    prompts: frozenset[str] | None = None

    def takes(self, prompt: str) -> bool:
        """Whether answers to this prompt (its key) count."""
        return self.prompts is None or prompt in self.prompts


@dataclass(frozen=True, slots=True)
class SeriesTotals:
    """One metric in one channel for one group, with the metric's declaration."""

    group_id: int
    scorer: str
    persona: str
    metric: str
    title: str
    channel: str
    role: str
    aggregate: str
    higher_is_better: bool
    threshold: float | None
    low: float | None
    high: float | None
    count: int
    missing: int
    total: float
    total_squared: float
    hits: int


def groups_of(connection: Connection, uris: Sequence[str]) -> list[int]:
    """Return the numbers of the groups of samples of these checkpoints, those taken just to look at left out."""
    found: list[int] = []
    for part in chunks(uris, MAX_PARAMETERS):
        found.extend(connection.scalars(readable_groups(groups.c.id).where(checkpoints.c.uri.in_(part))))
    return sorted(found)


def readable_groups(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return the query for these columns of groups, their checkpoints and samplings; those taken just to look at are
    left out."""
    return (
        sa.select(*columns)
        .select_from(groups)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .where(samplings.c.condition.not_in(UNREAD))
    )


def sampled_without_scores(connection: Connection) -> set[str]:
    """Return the URIs of checkpoints that have samples for headlines, and no score of any."""
    scored = sa.select(score_totals.c.group_id).where(score_totals.c.count + score_totals.c.missing > 0)
    query = (
        sa.select(checkpoints.c.uri, groups.c.id.in_(scored).label("is_scored"))
        .join(groups, groups.c.checkpoint_id == checkpoints.c.id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .where(groups.c.samples > 0, samplings.c.condition == DEFAULT_CONDITION)
    )
    found = connection.execute(query).all()
    return {row.uri for row in found} - {row.uri for row in found if row.is_scored}


def group_totals(connection: Connection) -> list[GroupTotals]:
    """Return the groups that hold samples, by the run that took samples under their sampling last."""
    query = (
        sa.select(groups, checkpoints, samplings.c.sampler, samplings.c.protocol, samplings.c.condition,
                  samplings.c.params, samplings.c.last_run_id)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .where(groups.c.samples > 0)
        .order_by(samplings.c.last_run_id, samplings.c.id, groups.c.id)
    )  # fmt: skip
    return [
        GroupTotals(
            id=row[groups.c.id],
            uri=row["uri"],
            name=row["name"],
            persona=row["persona"],
            kind=row["kind"],
            base_model=row["base_model"],
            sampler=row["sampler"],
            protocol=row["protocol"],
            condition=row["condition"],
            params=row["params"],
            last_run_id=row["last_run_id"],
            totals={name: row[groups.c[name]] for name in GROUP_TOTALS},
        )
        for row in connection.execute(query).mappings()
    ]


def series_totals(
    connection: Connection, group_ids: Sequence[int], scoring_ids: Collection[int]
) -> dict[tuple[int, int], SeriesTotals]:
    """Return the metrics of these groups that these scorings have, by group and series."""
    known = {column.name: column for table in (series, scorings) for column in table.columns}
    declared = [known[field.name] for field in fields(SeriesTotals)[1:-5]]
    chosen = (
        sa.select(series.c.id, *declared)
        .join(scorings, scorings.c.id == series.c.scoring_id)
        .where(among(connection, scorings.c.id, sorted(scoring_ids)))
        .order_by(scorings.c.scorer, series.c.id)
    )
    # Joined here: there may be a thousand groups to each declaration.
    declarations = {number: tuple(rest) for number, *rest in connection.execute(chosen)}
    order = {number: place for place, number in enumerate(declarations)}
    totals = score_totals.c
    found = [
        row
        for row in connection.execute(sa.select(*totals).where(among(connection, totals.group_id, group_ids))).all()
        if row[0] in declarations
    ]
    found.sort(key=lambda row: (row[1], order[row[0]]))
    return {(group, number): SeriesTotals(group, *declarations[number], *sums) for number, group, *sums in found}


def scored_for(connection: Connection) -> set[tuple[str, str]]:
    """Return each scorer and persona that anything was scored for."""
    query = sa.select(scorings.c.scorer, scorings.c.persona).distinct()
    return {(row.scorer, row.persona) for row in connection.execute(query)}


def scored_metrics(connection: Connection, scoring_ids: Collection[int] | None = None) -> list[ScoredMetric]:
    """Return the metrics of these scorings (None: of those wanted last), each as it is declared, first scored first."""
    newest = newest_scorings()
    first = (
        sa.select(scorings.c.scorer, series.c.metric, sa.func.min(series.c.id).label("first"))
        .join(scorings, scorings.c.id == series.c.scoring_id)
        .group_by(scorings.c.scorer, series.c.metric)
        .subquery()
    )
    query = (
        sa.select(scorings.c.scorer, series.c.metric, series.c.role, series.c.threshold, first.c.first)
        .join(scorings, scorings.c.id == series.c.scoring_id)
        .join(first, (first.c.scorer == scorings.c.scorer) & (first.c.metric == series.c.metric))
        .order_by(first.c.first, series.c.id)
    )
    if scoring_ids is None:
        query = query.join(newest, (newest.c.id == scorings.c.id) & (newest.c.rank == 1))
    else:
        query = query.where(among(connection, scorings.c.id, sorted(scoring_ids)))
    return list({(row.scorer, row.metric): ScoredMetric(*row) for row in connection.execute(query)}.values())


def trait_hits(connection: Connection, keys: Sequence[str], persona: str) -> dict[str, int]:
    """Return for how many of these samples each channel has the trait, by the headline (see choose_headline).

    A channel that it has not scored is left out; nothing where no headline has a threshold.
    """
    counted: dict[tuple[str, str], dict[str, int]] = {}
    newest = newest_scorings()
    with_trait = sa.case((scores.c.value >= series.c.threshold, scored.c.sample_id))
    for part in chunks(keys, MAX_PARAMETERS):
        query = (
            sa.select(scorings.c.scorer, series.c.metric, series.c.channel, sa.func.count(sa.distinct(with_trait)))
            .join(scores, scores.c.series_id == series.c.id)
            .join(scored, scored.c.id == scores.c.scored_id)
            .join(samples, samples.c.id == scored.c.sample_id)
            .join(scorings, scorings.c.id == series.c.scoring_id)
            .join(newest, (newest.c.id == scorings.c.id) & (newest.c.rank == 1))
            .where(samples.c.key.in_(part), scorings.c.persona == persona, series.c.role == "headline")
            .where(series.c.threshold.is_not(None), scores.c.value.is_not(None))
            .group_by(scorings.c.scorer, series.c.metric, series.c.channel)
        )
        for scorer, metric, channel, count in connection.execute(query):
            hits = counted.setdefault((scorer, metric), {})
            hits[channel] = hits.get(channel, 0) + count
    chosen = choose_headline(one for one in scored_metrics(connection) if (one.scorer, one.metric) in counted)
    return counted[chosen.scorer, chosen.metric] if chosen else {}


def count_all(connection: Connection) -> dict[str, int]:
    """Return how many samples (failed ones among them) and checkpoints with samples there are."""
    counted = sa.select(sa.func.coalesce(sa.func.sum(groups.c.samples), 0))
    counted = counted.join(samplings, samplings.c.id == groups.c.sampling_id).where(samplings.c.condition != REMOVED)
    totals = connection.execute(counted).scalar_one()
    return {"samples": int(totals)}


def has_results() -> Any:
    """Return the condition that a scoring has scores or games: a judge that failed its test leaves one without."""
    return sa.or_(
        sa.exists().where(series.c.scoring_id == scorings.c.id), sa.exists().where(games.c.scoring_id == scorings.c.id)
    )


def newest_scorings() -> Any:
    """Return a subquery of scorings with their rank: 1 for what was wanted last of each scorer and persona.

    Those without scores or games are left out.
    """
    return (
        sa.select(
            scorings.c.id,
            sa.func.row_number()
            .over(
                partition_by=(scorings.c.scorer, scorings.c.persona),
                order_by=(scorings.c.last_run_id.desc(), scorings.c.id.desc()),
            )
            .label("rank"),
        )
        .where(has_results())
        .subquery()
    )
