"""Addresses that named endpoints had, and what recorded rows said when they were read.

Rows of older stores stay as they are: what their recordings said is NULL (not known), and is noted when the files are
read next.

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "endpoint_addresses",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.PrimaryKeyConstraint("name", "url", name=op.f("pk_endpoint_addresses")),
    )
    op.add_column("samples", sa.Column("row_digest", sa.String(length=32)))


def downgrade() -> None:
    raise NotImplementedError("a store is not taken back to an older schema: keep a copy before upgrading")
