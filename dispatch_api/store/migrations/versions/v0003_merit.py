"""How well each picture shows its case's thing is kept beside it, so that lists of cases can show the best one."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the merit of a picture; of pictures that are there already it stays unknown."""
    op.add_column("evidence", sa.Column("merit", sa.Float(), nullable=True))
