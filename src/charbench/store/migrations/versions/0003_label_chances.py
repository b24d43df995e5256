"""By what chance each text was drawn to be labelled.

A table is added; what older versions drew has no rows in it.

Revision: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "label_chances",
        sa.Column("draw", sa.String(length=16), nullable=False),
        sa.Column("item", sa.String(length=16), nullable=False),
        sa.Column("stratum", sa.String(length=20), nullable=False),
        sa.Column("chance", sa.Float(), nullable=False),
        sa.Column("texts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("draw", "item", name=op.f("pk_label_chances")),
    )
    op.create_index(op.f("ix_label_chances_item"), "label_chances", ["item"])


def downgrade() -> None:
    raise NotImplementedError("a store is not taken back to an older schema: keep a copy before upgrading")
