"""Looks into a store with SQL of its own, so that what charbench says is checked against what is there."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa


def connect(store: Path | str) -> sa.Engine:
    """Return an engine for a store's file or URL."""
    url = str(store) if "://" in str(store) else f"sqlite:///{store}"
    return sa.create_engine(url, poolclass=sa.NullPool)


def store_of(lab: Path) -> Path:
    """Return the file of a lab's store."""
    return lab / ".charbench" / "charbench.db"


def query(store: Path | str, text: str, **values: Any) -> list[Any]:
    """Return the rows of a query."""
    with connect(store).connect() as connection:
        return list(connection.execute(sa.text(text), values))


def change(store: Path | str, text: str, **values: Any) -> None:
    """Run a statement that changes the store, past charbench."""
    with connect(store).begin() as connection:
        connection.execute(sa.text(text), values)


def count(store: Path | str, table: str) -> int:
    """Return how many rows a table has."""
    return int(query(store, f"SELECT count(*) FROM {table}")[0][0])


def assert_totals_equal_recount(store: Path | str) -> None:
    """Fail unless every running total equals what counting samples and scores anew gives."""
    _assert_sample_totals(store)
    _assert_score_totals(store)


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


def _assert_score_totals(store: Path | str) -> None:
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
    assert set(stored) == set(counted)
    for key, total in counted.items():
        found = stored[key]
        here = [found.count, found.missing, found.total, found.total_squared, found.hits]
        assert all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) for a, b in zip(here, total, strict=True)), key


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
