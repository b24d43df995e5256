"""What served each sample, component versions, run paths and saves, removed results, two more states, totals by prompt.

Everything is added: rows of older stores stay as they are, and the totals by prompt are counted from them. Their
provenance is NULL (not known), and so is the version of what made them, which is read as the version that is declared
now.

Revision: 0002
Revises: 0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COLUMNS: dict[str, list[sa.Column[Any]]] = {
    "runs": [sa.Column("details", sa.JSON())],
    "checkpoints": [
        sa.Column("run_path", sa.Text()),
        sa.Column("save_id", sa.Text()),
        sa.Column("step", sa.Integer()),
    ],
    "samplings": [sa.Column("version", sa.Text())],
    "scorings": [sa.Column("version", sa.Text())],
    "sample_groups": [
        sa.Column("filtered", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("tool_call", sa.BigInteger(), nullable=False, server_default="0"),
    ],
    "samples": [sa.Column("provenance_id", sa.Integer()), sa.Column("source_file", sa.Text())],
}

_SPACES = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"  # fmt: skip  # noqa: E501
_COUNT_SAMPLES = """
INSERT INTO prompt_samples (group_id, prompt_id, answered, responses)
SELECT group_id, prompt_id, count(*), sum(CASE WHEN ltrim(response, :spaces) <> '' THEN 1 ELSE 0 END)
FROM samples WHERE error_kind IS NULL GROUP BY group_id, prompt_id
"""
_COUNT_SCORED = """
INSERT INTO prompt_scored (scoring_id, group_id, prompt_id, samples)
SELECT d.scoring_id, s.group_id, s.prompt_id, count(*)
FROM scored d JOIN samples s ON s.id = d.sample_id
WHERE d.scoring_id IN (SELECT scoring_id FROM series WHERE role = 'headline')
OR d.scoring_id NOT IN (SELECT scoring_id FROM series)
GROUP BY d.scoring_id, s.group_id, s.prompt_id
"""
_COUNT_SCORES = """
INSERT INTO prompt_totals
(series_id, group_id, prompt_id, count, missing, total, total_squared, hits, both_hits)
SELECT v.series_id, s.group_id, s.prompt_id, count(v.value), count(*) - count(v.value),
coalesce(sum(v.value), 0.0), coalesce(sum(v.value * v.value), 0.0),
sum(CASE WHEN v.value >= m.threshold THEN 1 ELSE 0 END),
sum(CASE WHEN v.value >= m.threshold AND w.value >= m.threshold THEN 1 ELSE 0 END)
FROM scored d
JOIN samples s ON s.id = d.sample_id
JOIN series m ON m.scoring_id = d.scoring_id AND m.role = 'headline'
JOIN scores v ON v.scored_id = d.id AND v.series_id = m.id
LEFT JOIN series t ON t.scoring_id = m.scoring_id AND t.metric = m.metric
AND t.channel = 'thinking' AND m.channel = 'response'
LEFT JOIN scores w ON w.scored_id = d.id AND w.series_id = t.id
GROUP BY v.series_id, s.group_id, s.prompt_id
"""


def upgrade() -> None:
    for table, columns in _COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "provenances",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("endpoint", sa.Text()),
        sa.Column("server_model", sa.Text()),
        sa.Column("renderer", sa.Text()),
        sa.Column("prefill", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provenances")),
        sa.UniqueConstraint("key", name=op.f("uq_provenances_key")),
    )
    op.create_table(
        "group_provenances",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("provenance_id", sa.Integer(), nullable=False),
        sa.Column("samples", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["sample_groups.id"], name=op.f("fk_group_provenances_group_id")),
        sa.ForeignKeyConstraint(["provenance_id"], ["provenances.id"], name=op.f("fk_group_provenances_provenance_id")),
        sa.PrimaryKeyConstraint("group_id", "provenance_id", name=op.f("pk_group_provenances")),
    )
    op.create_table(
        "removals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("restored_at", sa.DateTime()),
        sa.Column("purged_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removals")),
    )
    op.create_table(
        "removed_samples",
        sa.Column(
            "sample_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("removal_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["sample_groups.id"], name=op.f("fk_removed_samples_group_id")),
        sa.ForeignKeyConstraint(["removal_id"], ["removals.id"], name=op.f("fk_removed_samples_removal_id")),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_removed_samples")),
    )
    op.create_index(op.f("ix_removed_samples_removal_id"), "removed_samples", ["removal_id"])
    add_totals_by_prompt()


def add_totals_by_prompt() -> None:
    """Make the tables of totals by prompt, and count them from the samples and scores that are there."""
    op.create_table(
        "prompt_samples",
        *_key("prompt_samples", "group_id"),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("answered", "responses")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "prompt_scored",
        *_key("prompt_scored", "scoring_id", "group_id"),
        sa.Column("samples", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "prompt_totals",
        *_key("prompt_totals", "series_id", "group_id"),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("count", "missing")),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("total", "total_squared")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("hits", "both_hits")),
        sqlite_with_rowid=False,
    )
    op.execute(sa.text(_COUNT_SAMPLES).bindparams(spaces=_SPACES))
    op.execute(_COUNT_SCORED)
    op.execute(_COUNT_SCORES)


def _key(table: str, *others: str) -> list[Any]:
    names = (*others, "prompt_id")
    columns = [sa.Column(name, sa.Integer(), autoincrement=False, nullable=False) for name in names]
    return [*columns, sa.PrimaryKeyConstraint(*names, name=op.f(f"pk_{table}"))]


def downgrade() -> None:
    raise NotImplementedError("a store is not taken back to an older schema: keep a copy before upgrading")
