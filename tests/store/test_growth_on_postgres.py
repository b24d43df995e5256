"""What a run over a finished store asks of PostgreSQL grows with its samples, and no faster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from charbench.store.database import Database
from charbench.store.scores import pending_samples
from support.command import Charbench

pytestmark = pytest.mark.peer


def test_what_is_left_to_score_is_looked_up_sample_by_sample(charbench: Charbench, studio: Path, store: str) -> None:
    """A plan that reads all scores for each list of samples makes the whole grow with their square."""
    run = ("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", "--scorer", "refusal")
    charbench.ok(*run, "--store", store, lab=studio)
    database = Database.open(store)
    plans: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.startswith("EXPLAIN") and "scored" in statement:
            plans.append("\n".join(row[0] for row in cursor.execute(f"EXPLAIN {statement}", parameters).fetchall()))

    sa.event.listen(database.engine, "before_cursor_execute", explain)
    ours = "FROM sample_groups g JOIN checkpoints c ON c.id = g.checkpoint_id WHERE c.persona = 'pirate'"
    with database.write() as connection:
        connection.execute(sa.text("ANALYZE"))
        scorings = list(connection.scalars(sa.text("SELECT id FROM scorings WHERE persona = 'pirate'")))
        groups = list(connection.scalars(sa.text(f"SELECT g.id {ours}")))
        samples = connection.scalar(
            sa.text(f"SELECT count(*) FROM samples WHERE error_kind IS NULL AND group_id IN (SELECT g.id {ours})")
        )
    plans.clear()
    assert len(scorings) > 1
    assert list(pending_samples(database, scorings, groups, 500)) == []
    assert plans
    assert not any("hashed SubPlan" in plan for plan in plans)
    assert sum(map(len, pending_samples(database, [*scorings, max(scorings) + 1], groups, 500))) == samples
    database.close()
