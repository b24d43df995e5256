"""A sample can be in several removals; it is back in reports when the last of them is restored.

Removals of older stores stay as they are: each of their samples is in one.

Revision: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE TABLE removed_before AS SELECT sample_id, removal_id, group_id FROM removed_samples")
    op.drop_table("removed_samples")
    op.create_table(
        "removed_samples",
        sa.Column(
            "sample_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("removal_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["sample_groups.id"], name=op.f("fk_removed_samples_group_id")),
        sa.ForeignKeyConstraint(["removal_id"], ["removals.id"], name=op.f("fk_removed_samples_removal_id")),
        sa.PrimaryKeyConstraint("sample_id", "removal_id", name=op.f("pk_removed_samples")),
    )
    op.create_index(op.f("ix_removed_samples_removal_id"), "removed_samples", ["removal_id"])
    op.execute(
        "INSERT INTO removed_samples (sample_id, removal_id, group_id)"
        " SELECT sample_id, removal_id, group_id FROM removed_before"
    )
    op.drop_table("removed_before")


def downgrade() -> None:
    raise NotImplementedError("a store is not taken back to an older schema: keep a copy before upgrading")
