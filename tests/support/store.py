"""Looks into a store with SQL of its own, so that what charbench says is checked against what is there."""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from charbench.store.prompt_totals import AnswersByPrompt, count_scores
from charbench.store.tables import metadata, prompt_samples, prompt_scored, prompt_totals, samples


def connect(store: Path | str) -> sa.Engine:
    """Return an engine for a store's file or URL."""
    engine = sa.create_engine(url_of(store), poolclass=sa.NullPool)
    if engine.dialect.name == "postgresql":
        from psycopg.types.json import set_json_loads

        sa.event.listen(engine, "connect", lambda connection, _: set_json_loads(_as_text, connection))
    return engine


def _as_text(stored: str | bytes) -> str:
    """Return JSON as its text, as a query of SQLite's does."""
    return stored if isinstance(stored, str) else stored.decode()


def url_of(store: Path | str) -> str:
    """Return a store's URL."""
    return str(store) if "://" in str(store) else f"sqlite:///{store}"


def store_of(lab: Path) -> Path | str:
    """Return the file of a lab's store; on PostgreSQL the URL of the test's database."""
    return os.environ.get("CHARBENCH_STORE") or lab / ".charbench" / "charbench.db"


def query(store: Path | str, text: str, **values: Any) -> list[Any]:
    """Return the rows of a query."""
    with connect(store).connect() as connection:
        return list(connection.execute(sa.text(text), values))


def change(store: Path | str, text: str, **values: Any) -> None:
    """Run a statement that changes the store, past charbench."""
    with connect(store).begin() as connection:
        connection.execute(sa.text(text), values)


def recount_by_prompt(store: Path | str) -> None:
    """Count the totals by prompt anew, where a test has changed samples or scores behind their back."""
    with connect(store).begin() as connection:
        for table in (prompt_samples, prompt_scored, prompt_totals):
            connection.execute(sa.delete(table))
        answers = AnswersByPrompt()
        there = sa.select(samples.c.group_id, samples.c.prompt_id, samples.c.response)
        for row in connection.execute(there.where(samples.c.error_kind.is_(None))):
            answers.count(row.group_id, row.prompt_id, answered=1, responses=bool(row.response.strip()))
        answers.add(connection)
        count_scores(connection, sa.true(), +1)


def contents(store: Path | str) -> dict[str, list[str]]:
    """Return every row of every table as the database holds it; JSON as text."""
    found = {}
    with connect(store).connect() as connection:
        for table in metadata.sorted_tables:
            columns = [sa.cast(one, sa.Text) if isinstance(one.type, sa.JSON) else one for one in table.columns]
            found[table.name] = sorted(str(tuple(row)) for row in connection.execute(sa.select(*columns)))
    return found


def count(store: Path | str, table: str) -> int:
    """Return how many rows a table has."""
    return int(query(store, f"SELECT count(*) FROM {table}")[0][0])


def assert_totals_equal_recount(store: Path | str, *, emptied: bool = False) -> None:
    """Fail unless every running total equals what counting samples and scores anew gives.

    ``emptied``: scores were taken away, so that there may be totals of none.
    """
    _assert_sample_totals(store)
    _assert_score_totals(store, emptied)
    _assert_totals_by_prompt(store)


def _assert_sample_totals(store: Path | str) -> None:
    names = (
        "samples", "errors", "responses", "response_chars", "thinking_chars", "latency_total", "latency_count",
        "prompt_tokens", "completion_tokens", "closed", "closed_empty", "unclosed_stop", "unclosed_length",
        "unclosed_unknown", "misfiled", "none",
    )  # fmt: skip
    counted: dict[int, Counter[str]] = defaultdict(Counter)
    for row in query(store, "SELECT * FROM samples"):
        total = counted[row.group_id]
        total["samples"] += 1
        if row.error_kind is not None:
            total["errors"] += 1
            continue
        total["responses"] += bool(row.response.strip())
        total["response_chars"] += len(row.response)
        total["thinking_chars"] += len(row.thinking)
        total["prompt_tokens"] += row.prompt_tokens or 0
        total["completion_tokens"] += row.completion_tokens or 0
        total[row.state] += 1
        if row.latency is not None:
            total["latency_total"] += row.latency
            total["latency_count"] += 1
    stored = query(store, "SELECT * FROM sample_groups")
    assert {row.id for row in stored} >= set(counted)
    for row in stored:
        for name in names:
            here = getattr(row, name)
            assert math.isclose(here, counted[row.id][name], abs_tol=1e-6), (row.id, name, here, counted[row.id][name])


def _assert_score_totals(store: Path | str, emptied: bool) -> None:
    counted: dict[tuple[int, int], list[float]] = defaultdict(lambda: [0, 0, 0.0, 0.0, 0])
    rows = query(
        store,
        "SELECT scores.series_id, samples.group_id, scores.value, series.threshold FROM scores"
        " JOIN scored ON scored.id = scores.scored_id JOIN samples ON samples.id = scored.sample_id"
        " JOIN series ON series.id = scores.series_id",
    )
    for row in rows:
        total = counted[row.series_id, row.group_id]
        if row.value is None:
            total[1] += 1
            continue
        total[0] += 1
        total[2] += row.value
        total[3] += row.value**2
        total[4] += row.threshold is not None and row.value >= row.threshold
    stored = {(row.series_id, row.group_id): row for row in query(store, "SELECT * FROM score_totals")}
    stored = {key: row for key, row in stored.items() if not emptied or row.count or row.missing}
    assert set(stored) == set(counted)
    for key, total in counted.items():
        found = stored[key]
        here = [found.count, found.missing, found.total, found.total_squared, found.hits]
        assert all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) for a, b in zip(here, total, strict=True)), key


def _assert_totals_by_prompt(store: Path | str) -> None:
    """Rows of zeros, of what was taken away again, count as none."""
    answers: dict[tuple[int, ...], list[int]] = defaultdict(lambda: [0, 0])
    for row in query(store, "SELECT group_id, prompt_id, response FROM samples WHERE error_kind IS NULL"):
        answers[row.group_id, row.prompt_id][0] += 1
        answers[row.group_id, row.prompt_id][1] += bool(row.response.strip())
    kept = query(store, "SELECT * FROM prompt_samples")
    _assert_same({(r.group_id, r.prompt_id): [r.answered, r.responses] for r in kept}, answers)
    dealt_with: dict[tuple[int, ...], list[int]] = defaultdict(lambda: [0])
    rows = query(
        store,
        "SELECT d.scoring_id, s.group_id, s.prompt_id FROM scored d JOIN samples s ON s.id = d.sample_id"
        " WHERE EXISTS (SELECT 1 FROM series WHERE series.scoring_id = d.scoring_id AND role = 'headline')",
    )
    for row in rows:
        dealt_with[tuple(row)][0] += 1
    kept = query(
        store,
        "SELECT * FROM prompt_scored d"
        " WHERE EXISTS (SELECT 1 FROM series WHERE series.scoring_id = d.scoring_id AND role = 'headline')",
    )
    _assert_same({(r.scoring_id, r.group_id, r.prompt_id): [r.samples] for r in kept}, dealt_with)
    _assert_headlines_by_prompt(store)


def _assert_headlines_by_prompt(store: Path | str) -> None:
    rows = query(
        store,
        "SELECT v.series_id, v.scored_id, v.value, m.metric, m.channel, m.threshold, s.group_id, s.prompt_id"
        " FROM scores v JOIN series m ON m.id = v.series_id JOIN scored d ON d.id = v.scored_id"
        " JOIN samples s ON s.id = d.sample_id WHERE m.role = 'headline'",
    )
    hits = {
        (row.scored_id, row.metric, row.channel)
        for row in rows
        if row.value is not None and row.threshold is not None and row.value >= row.threshold
    }
    counted: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0, 0, 0.0, 0.0, 0, 0])
    for row in rows:
        total = counted[row.series_id, row.group_id, row.prompt_id]
        if row.value is None:
            total[1] += 1
            continue
        is_hit = (row.scored_id, row.metric, row.channel) in hits
        total[0] += 1
        total[2] += row.value
        total[3] += row.value**2
        total[4] += is_hit
        total[5] += is_hit and row.channel == "response" and (row.scored_id, row.metric, "thinking") in hits
    names = ("count", "missing", "total", "total_squared", "hits", "both_hits")
    kept = query(store, "SELECT * FROM prompt_totals")
    _assert_same({(r.series_id, r.group_id, r.prompt_id): [getattr(r, n) for n in names] for r in kept}, counted)


def _assert_same(kept: Mapping[Any, Sequence[float]], counted: Mapping[Any, Sequence[float]]) -> None:
    for key in kept.keys() | counted.keys():
        width = len(next(iter([*kept.values(), *counted.values()])))
        here, there = kept.get(key, [0] * width), counted.get(key, [0] * width)
        same = (math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) for a, b in zip(here, there, strict=True))
        assert all(same), (key, here, there)


def assert_each_exactly_once(store: Path | str, samples: int) -> None:
    """Fail unless the store holds ``samples`` samples, each once, and each scored once by every scorer."""
    assert count(store, "samples") == samples
    assert query(store, "SELECT count(DISTINCT key) FROM samples")[0][0] == samples
    by_scorer = query(
        store, "SELECT count(*) AS number FROM scored JOIN scorings ON scorings.id = scoring_id GROUP BY scorer"
    )
    assert {row.number for row in by_scorer} == ({samples} if samples else set())
    doubles = query(store, "SELECT sample_id FROM scored GROUP BY sample_id, scoring_id HAVING count(*) > 1")
    assert doubles == []
    assert count(store, "claims") == 0
