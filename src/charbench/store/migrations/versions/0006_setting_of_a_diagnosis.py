"""How a diagnosed checkpoint was asked.

Of an earlier diagnosis that is known where the store has samples of the checkpoint by its sampler that were all asked
in the same way: those that it began from are among them. Of others it stays NULL (not known).

Revision: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("diagnoses", sa.Column("sampling", sa.String(length=32)))
    op.execute(
        "UPDATE diagnoses SET sampling = ("
        " SELECT CASE WHEN count(*) = 1 THEN min(samplings.key) END FROM sample_groups"
        " JOIN checkpoints ON checkpoints.id = sample_groups.checkpoint_id"
        " JOIN samplings ON samplings.id = sample_groups.sampling_id"
        " WHERE checkpoints.uri = diagnoses.checkpoint AND samplings.condition = 'default'"
        " AND (diagnoses.sampler = samplings.sampler OR diagnoses.sampler LIKE samplings.sampler || ', %'))"
    )


def downgrade() -> None:
    raise NotImplementedError("a store is not taken back to an older schema: keep a copy before upgrading")
