"""Samples, scores, spans and checkpoints as tidy tables: a row for each, a column for what is known of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from charbench.components.reporter import ExportedTable, Row
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.sample_columns import LAB_COLUMNS, OWN_COLUMNS, SAMPLE_KINDS, ColumnKind
from charbench.report.export import StoredScore, extra_columns, pages, read_scores, sample_row, samplings_of
from charbench.store.database import Database
from charbench.store.dialect import among
from charbench.store.findings import read_checkpoints
from charbench.store.sample_reader import SampleReader
from charbench.store.settings import ID_LENGTH
from charbench.store.summaries import readable_groups
from charbench.store.tables import checkpoints as checkpoint_rows
from charbench.store.tables import groups, prompts, samples, samplings, scorings, series

TABLES = ("samples", "scores", "spans")
_SAMPLING = {"sampling": ColumnKind.CATEGORY, "parameters": ColumnKind.CATEGORY}
_OF_SAMPLE = ("key", "sampler_path", "checkpoint_name", "prompt_id", "prompt_family", "epoch", "condition")
"""What a row of scores or spans says of its sample."""
_ABOUT_SAMPLE = {name: SAMPLE_KINDS[name] for name in _OF_SAMPLE} | {
    "key": ColumnKind.CATEGORY,
    "sampling": ColumnKind.CATEGORY,
}
_ABOUT_SCORE = {
    **dict.fromkeys(("scorer", "scoring", "persona", "metric", "channel"), ColumnKind.CATEGORY),
    "newest_scoring": ColumnKind.BOOLEAN,
}
_SCORES = {
    **_ABOUT_SAMPLE, **_ABOUT_SCORE, "role": ColumnKind.CATEGORY, "value": ColumnKind.NUMBER,
    "threshold": ColumnKind.NUMBER, "has_trait": ColumnKind.BOOLEAN, "explanation": ColumnKind.TEXT,
}  # fmt: skip
_SPANS = {
    **_ABOUT_SAMPLE, **_ABOUT_SCORE, "start": ColumnKind.INTEGER, "end": ColumnKind.INTEGER,
    "text": ColumnKind.CATEGORY, "marker": ColumnKind.CATEGORY, "tier": ColumnKind.CATEGORY,
    "flags": ColumnKind.CATEGORY,
}  # fmt: skip
_CHECKPOINTS = {
    **dict.fromkeys(("sampler_path", "checkpoint_name", "checkpoint_type", "persona", "base_model", "run", "parent",
                     "dataset", "renderer", "recipe"), ColumnKind.CATEGORY),
    "step": ColumnKind.INTEGER, "created_at": ColumnKind.TIME, "expires_at": ColumnKind.TIME,
    "samples": ColumnKind.INTEGER, "failed": ColumnKind.INTEGER,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Series:
    """What is declared of a series, and of the scoring that it is of."""

    scoring: str
    newest: bool
    role: str
    threshold: float | None


def sample_table(database: Database, uris: Sequence[str]) -> ExportedTable:
    """Return a row for each sample: the columns of an export, the sampling (an ID) and its parameters (JSON)."""

    def columns() -> Mapping[str, ColumnKind]:
        own = {name: SAMPLE_KINDS[name] for name in (*LAB_COLUMNS, *OWN_COLUMNS)}
        more = [name for name in extra_columns(database, uris) if name not in _SAMPLING]
        return own | _SAMPLING | dict.fromkeys(more, ColumnKind.TEXT)

    def rows(names: Sequence[str]) -> Iterator[Row]:
        with database.read() as connection:
            known = {checkpoint.uri: checkpoint for checkpoint in read_checkpoints(connection)}
        sampling: dict[int, tuple[str, str]] = {}
        reader = SampleReader()
        for ids in pages(database, uris):
            with database.read() as connection:
                for stored in reader.read(connection, ids):
                    row = sample_row(stored, known[stored.sample.checkpoint])
                    row["timestamp"] = stored.sample.sampled_at
                    if stored.group_id not in sampling:  # a run may be adding groups meanwhile
                        sampling |= samplings_of(connection)
                    row["sampling"], row["parameters"] = sampling[stored.group_id]
                    yield tuple(row.get(name) for name in names)

    return ExportedTable("samples", columns, rows)


def score_table(database: Database, uris: Sequence[str]) -> ExportedTable:
    """Return a row for each score.

    ``scoring`` is an ID of the scorer as it was set up; ``newest_scoring`` says whether a newer one (other markers,
    another judge) has scored for this persona. ``has_trait`` is None where no threshold is declared, and where there
    is no value.
    """
    return ExportedTable("scores", lambda: _SCORES, partial(_rows, database, uris, _scores_of_sample, _SCORES))


def span_table(database: Database, uris: Sequence[str]) -> ExportedTable:
    """Return a row for each span that a score rests on: where it stands in its channel's text (in characters), its
    text, the marker, and flags (negated, quoted, ...) separated by spaces."""
    return ExportedTable("spans", lambda: _SPANS, partial(_rows, database, uris, _spans_of_sample, _SPANS))


def checkpoint_table(database: Database, chosen: Sequence[Checkpoint]) -> ExportedTable:
    """Return a row for each checkpoint, with the number of its samples and of those that failed."""

    def rows(names: Sequence[str]) -> Iterator[Row]:
        with database.read() as connection:
            found = connection.execute(sa.select(checkpoint_rows.c.uri, checkpoint_rows.c.step))
            steps = {row.uri: row.step for row in found}
            taken, failed = _counts(connection)
        for one in chosen:
            row = {
                "sampler_path": one.uri,
                "checkpoint_name": one.name,
                "checkpoint_type": one.kind.value,
                "persona": one.persona,
                "base_model": one.base_model,
                "run": one.run,
                "parent": one.lineage.parent,
                "dataset": one.lineage.dataset,
                "renderer": one.lineage.renderer,
                "recipe": one.lineage.recipe,
                "step": steps.get(one.uri),
                "created_at": one.created_at,
                "expires_at": one.expires_at,
                "samples": taken[one.uri],
                "failed": failed[one.uri],
            }
            yield tuple(row[name] for name in names)

    return ExportedTable("checkpoints", lambda: _CHECKPOINTS, rows)


_About = tuple[Any, ...]
_Make = Callable[[_About, StoredScore, _Series, str], Iterator[Row]]


def _rows(
    database: Database, uris: Sequence[str], make: _Make, known: Mapping[str, ColumnKind], names: Sequence[str]
) -> Iterator[Row]:
    """Yield what ``make`` makes of each score, in the order of ``names``."""
    places = None if tuple(names) == tuple(known) else [list(known).index(name) for name in names]
    declared: dict[int, _Series] = {}
    with_texts = make is _spans_of_sample and "text" in names
    for ids in pages(database, uris):
        with database.read() as connection:
            about = _about_samples(connection, ids)
            texts = _texts(connection, ids) if with_texts else {}
            for score in read_scores(connection, ids):
                if score.series_id not in declared:  # a run may be adding series meanwhile
                    declared |= _declared(connection)
                text = texts.get((score.sample_id, score.channel), "")
                for row in make(about[score.sample_id], score, declared[score.series_id], text):
                    yield row if places is None else tuple(row[place] for place in places)


def _scores_of_sample(about: _About, score: StoredScore, declared: _Series, _text: str) -> Iterator[Row]:
    low, value = declared.threshold, score.value
    has_trait = None if low is None or value is None else value >= low
    yield (
        *about, score.scorer, declared.scoring, score.persona, score.metric, score.channel, declared.newest,
        declared.role, value, low, has_trait, score.evidence.get("why"),
    )  # fmt: skip


def _spans_of_sample(about: _About, score: StoredScore, declared: _Series, text: str) -> Iterator[Row]:
    for start, end, marker, tier, *flags in score.evidence.get("spans", ()):
        yield (
            *about, score.scorer, declared.scoring, score.persona, score.metric, score.channel, declared.newest,
            start, end, text[start:end], marker, tier, " ".join(map(str, flags)),
        )  # fmt: skip


def _about_samples(connection: sa.Connection, ids: Sequence[int]) -> dict[int, _About]:
    query = (
        sa.select(samples.c.id, samplings.c.key, samples.c.key, checkpoint_rows.c.uri, checkpoint_rows.c.name,
                  prompts.c.prompt_id, prompts.c.family, samples.c.epoch, samplings.c.condition)
        .join(prompts, prompts.c.id == samples.c.prompt_id)
        .join(groups, groups.c.id == samples.c.group_id)
        .join(checkpoint_rows, checkpoint_rows.c.id == groups.c.checkpoint_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .where(among(connection, samples.c.id, ids))
    )  # fmt: skip
    return {number: (*rest, sampling[:ID_LENGTH]) for number, sampling, *rest in connection.execute(query)}


def _texts(connection: sa.Connection, ids: Sequence[int]) -> dict[tuple[int, str], str]:
    query = sa.select(samples.c.id, samples.c.response, samples.c.thinking)
    found = connection.execute(query.where(among(connection, samples.c.id, ids))).all()
    return {(row.id, channel): getattr(row, channel) for row in found for channel in ("response", "thinking")}


def _declared(connection: sa.Connection) -> dict[int, _Series]:
    newest: dict[tuple[str, str], tuple[int, int]] = {}
    for number, scorer, persona, run in connection.execute(
        sa.select(scorings.c.id, scorings.c.scorer, scorings.c.persona, scorings.c.last_run_id)
    ):
        newest[scorer, persona] = max(newest.get((scorer, persona), (0, 0)), (run, number))
    chosen = {number for _, number in newest.values()}
    query = sa.select(series.c.id, series.c.scoring_id, scorings.c.key, series.c.role, series.c.threshold)
    return {
        number: _Series(key[:ID_LENGTH], scoring in chosen, role, threshold)
        for number, scoring, key, role, threshold in connection.execute(
            query.join(scorings, scorings.c.id == series.c.scoring_id)
        )
    }


def _counts(connection: sa.Connection) -> tuple[Counter[str], Counter[str]]:
    """Return how many samples each checkpoint has, and how many of them failed."""
    taken: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for uri, count, errors in connection.execute(
        readable_groups(checkpoint_rows.c.uri, groups.c.samples, groups.c.errors)
    ):
        taken[uri] += count
        failed[uri] += errors
    return taken, failed
