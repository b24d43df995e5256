"""Datasets know which model they were made for.

Revision: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("datasets", sa.Column("base_model", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("datasets", "base_model")
