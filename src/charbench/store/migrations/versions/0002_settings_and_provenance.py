"""What served each sample, component versions, run paths and saves, removed results, two more states.

Everything is added: rows of older stores stay as they are. Their provenance is NULL (not known), and so is the version
of what made them, which is read as the version that is declared now.

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


def downgrade() -> None:
    raise NotImplementedError("a store is not taken back to an older schema: keep a copy before upgrading")
