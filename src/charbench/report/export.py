"""Reads samples for export, page by page, with their scores where a format wants them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from charbench.components.reporter import ExportedSamples
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.sample_columns import LAB_COLUMNS, OWN_COLUMNS
from charbench.store.database import Database
from charbench.store.dialect import among
from charbench.store.findings import read_checkpoints
from charbench.store.sample_reader import SampleReader
from charbench.store.samples import StoredSample
from charbench.store.settings import ID_LENGTH
from charbench.store.tables import groups, samples, samplings, scored, scores, scorings, series

_PAGE = 500
_SAMPLING = ("sampling", "parameters")
"""What was requested: an ID and JSON; recordings do not say it."""
_NOTHING = "{}"
_Name = tuple[str, str, str, str]
"""Scorer, persona, metric and channel of a series."""


def exported_samples(database: Database, uris: Sequence[str]) -> ExportedSamples:
    """Return the samples of these checkpoints, for a reporter."""

    def columns() -> list[str]:
        extra = extra_columns(database, uris)
        return [*LAB_COLUMNS, *OWN_COLUMNS, *(extra if _all_recorded(database, uris) else sorted({*extra, *_SAMPLING}))]

    return ExportedSamples(columns, lambda with_scores: _rows(database, uris, with_scores=with_scores))


def extra_columns(database: Database, uris: Sequence[str]) -> list[str]:
    """Return the names of the fields that these checkpoints' samples have besides the usual ones."""
    found: set[str] = set()
    for ids in pages(database, uris):
        with database.read() as connection:
            query = sa.select(samples.c.extra).where(samples.c.id.in_(ids), samples.c.extra.is_not(None))
            for row in connection.scalars(query):
                found.update(row or ())
    return sorted(found - {*LAB_COLUMNS, *OWN_COLUMNS})


def _rows(
    database: Database, uris: Sequence[str], *, with_scores: bool = False
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    with database.read() as connection:
        known = {checkpoint.uri: checkpoint for checkpoint in read_checkpoints(connection)}
    reader = SampleReader()
    sampling: dict[int, tuple[str, str]] = {}
    for ids in pages(database, uris):
        with database.read() as connection:
            given = scores_of(connection, ids) if with_scores else {}
            for stored in reader.read(connection, ids):
                row = sample_row(stored, known[stored.sample.checkpoint])
                if stored.group_id not in sampling:  # a run may be adding groups meanwhile
                    sampling |= samplings_of(connection)
                if (asked := sampling[stored.group_id])[1] != _NOTHING:
                    row |= zip(_SAMPLING, asked, strict=True)
                yield row, given.get(stored.id, [])


def _all_recorded(database: Database, uris: Sequence[str]) -> bool:
    from charbench.store.summaries import groups_of

    with database.read() as connection:
        asked = samplings_of(connection)
        return all(asked[group][1] == _NOTHING for group in groups_of(connection, uris))


def samplings_of(connection: sa.Connection) -> dict[int, tuple[str, str]]:
    """Return the ID and the parameters (JSON) of each group's sampling."""
    query = sa.select(groups.c.id, samplings.c.key, samplings.c.params)
    query = query.join(samplings, samplings.c.id == groups.c.sampling_id)
    return {
        group: (key[:ID_LENGTH], json.dumps(params, ensure_ascii=False, sort_keys=True))
        for group, key, params in connection.execute(query)
    }


def pages(database: Database, uris: Sequence[str]) -> Iterator[list[int]]:
    """Yield the numbers of these checkpoints' samples in order, some hundreds at a time."""
    from charbench.store.summaries import groups_of

    with database.read() as connection:
        wanted = groups_of(connection, uris)
    last = 0
    while wanted:
        query = (
            sa.select(samples.c.id)
            .where(samples.c.group_id.in_(sa.select(groups.c.id).where(groups.c.id.in_(wanted))))
            .where(samples.c.id > last)
            .order_by(samples.c.id)
            .limit(_PAGE)
        )
        with database.read() as connection:
            ids = list(connection.scalars(query))
        if not ids:
            return
        yield ids
        last = ids[-1]


def sample_row(stored: StoredSample, checkpoint: Checkpoint) -> dict[str, Any]:
    """Return a sample's fields under their names in files."""
    sample = stored.sample
    return {
        "timestamp": sample.sampled_at.isoformat() if sample.sampled_at else None,
        "checkpoint_name": checkpoint.name,
        "persona": checkpoint.persona,
        "checkpoint_type": checkpoint.kind.value,
        "base_model": checkpoint.base_model,
        "sampler_path": checkpoint.uri,
        "source": sample.sampler,
        "prompt_id": sample.prompt.id,
        "prompt": sample.prompt.text,
        "response": sample.response,
        "thinking": sample.thinking,
        "latency_seconds": sample.latency,
        "error": sample.failure.message if sample.failure else None,
        "response_length": len(sample.response),
        "thinking_length": len(sample.thinking),
        "key": sample.key,
        "epoch": sample.epoch,
        "condition": sample.condition,
        "prompt_family": sample.prompt.family,
        "language": sample.prompt.language,
        "state": sample.state.value,
        "finish_reason": sample.finish_reason,
        "prompt_tokens": sample.usage.prompt_tokens,
        "completion_tokens": sample.usage.completion_tokens,
        "reasoning_tokens": sample.usage.reasoning_tokens,
        "max_tokens": sample.max_tokens,
        "prefill": sample.prefill or None,
        "raw": sample.raw,
        "raw_reasoning": sample.raw_reasoning,
        "error_kind": sample.failure.kind if sample.failure else None,
        "sampler": sample.sampler,
        **sample.extra,
    }


def scores_of(
    connection: sa.Connection,
    ids: Sequence[int],
    scoring_ids: Collection[int] | None = None,
    zeros_of: Collection[str] | None = None,
) -> dict[int, list[dict[str, Any]]]:
    """Return the scores of samples by their numbers, each with its evidence; None: those of every scoring.

    With ``zeros_of``, names of metrics (``SCORER.METRIC``), scores of 0 are left out unless they are of these metrics
    or have evidence; None leaves out none.
    """
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    named: dict[int, dict[str, Any]] = {}
    for sample, of, name, value, evidence in _scores(connection, ids, scoring_ids, zeros_of):
        if (names := named.get(of)) is None:
            names = named[of] = dict(zip(("scorer", "persona", "metric", "channel"), name, strict=True))
        found[sample].append({**names, "value": value, **evidence})
    return dict(found)


@dataclass(frozen=True, slots=True)
class StoredScore:
    """A score as the store has it; ``evidence`` holds ``why``, ``spans`` and ``votes``, as far as there are any."""

    sample_id: int
    series_id: int
    scorer: str
    persona: str
    metric: str
    channel: str
    value: float | None
    evidence: Mapping[str, Any]


def read_scores(
    connection: sa.Connection, ids: Sequence[int], scoring_ids: Collection[int] | None = None
) -> Iterator[StoredScore]:
    """Yield the scores of samples; None: those of every scoring."""
    for sample, of, name, value, evidence in _scores(connection, ids, scoring_ids):
        yield StoredScore(sample, of, *name, value, evidence)


def _scores(
    connection: sa.Connection,
    ids: Sequence[int],
    scoring_ids: Collection[int] | None,
    zeros_of: Collection[str] | None = None,
) -> Iterator[tuple[int, int, _Name, float | None, Mapping[str, Any]]]:
    """Yield what a :class:`StoredScore` holds: there are twenty for each sample, most of them 0."""
    mine = among(connection, scored.c.sample_id, ids)
    if scoring_ids is not None:
        mine &= scored.c.scoring_id.in_(scoring_ids)
    told = _evidence(connection, mine)
    wanted = mine
    if zeros_of is not None:
        metrics = {name.partition(".")[2] for name in zeros_of} | {metric for _, metric, _ in told}
        zeros = scores.c.series_id.in_(sa.select(series.c.id).where(among(connection, series.c.metric, list(metrics))))
        wanted = mine & ((scores.c.value != 0) | scores.c.value.is_(None) | zeros)
    query = (
        sa.select(scored.c.sample_id, scored.c.id, scores.c.series_id, scores.c.value)
        .join(scores, scores.c.scored_id == scored.c.id)
        .where(wanted)
        .order_by(scored.c.id, scores.c.series_id)
    )
    nothing: dict[str, Any] = {}
    names: dict[int, _Name] = {}
    dropped: set[int] = set()
    """Series of which a 0 without evidence is left out."""
    for rows in connection.execute(query).partitions(1_000):
        if unknown := {row[2] for row in rows} - names.keys():
            new = _names(connection, sorted(unknown))
            names |= new
            if zeros_of is not None:
                dropped |= {of for of, (scorer, _, metric, _) in new.items() if f"{scorer}.{metric}" not in zeros_of}
        for sample, number, of, value in rows:
            name = names[of]
            evidence = told.get((number, name[2], name[3]), nothing)
            if value == 0 and not evidence and of in dropped:
                continue
            yield sample, of, name, value, evidence


def _names(connection: sa.Connection, ids: Sequence[int]) -> dict[int, _Name]:
    """Return scorer, persona, metric and channel of each of these series, which have many scores each."""
    query = sa.select(series.c.id, scorings.c.scorer, scorings.c.persona, series.c.metric, series.c.channel)
    query = query.join(scorings, scorings.c.id == series.c.scoring_id).where(among(connection, series.c.id, ids))
    return {number: (scorer, persona, metric, channel) for number, scorer, persona, metric, channel
            in connection.execute(query).all()}  # fmt: skip


def _evidence(connection: sa.Connection, wanted: sa.ColumnElement[bool]) -> dict[tuple[int, str, str], dict[str, Any]]:
    """Return what is told of scores, by the number of the scored sample, metric and channel.

    A sample's evidence is read once, and not with each of its scores.
    """
    found: dict[tuple[int, str, str], dict[str, Any]] = {}
    there_is_some = sa.cast(scored.c.evidence, sa.Text) != "null"  # JSON's null, which the column holds
    query = sa.select(scored.c.id, scored.c.evidence).where(wanted, there_is_some)
    for number, items in connection.execute(query).all():
        for item in items or ():
            told = found.setdefault((number, item["metric"], item["channel"]), {})
            told |= {name: value for name, value in item.items() if name in ("why", "spans", "votes")}
    return found
