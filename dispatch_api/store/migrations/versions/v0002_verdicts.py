"""What pictures show is kept with the evidence, and sightings near a threshold wait for a label."""

import sqlalchemy as sa
from alembic import op

from dispatch_api.store.types import WHOLE, words

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the look of a picture to its evidence, and the table of near misses."""
    op.add_column("evidence", sa.Column("look", sa.JSON(), nullable=True))
    op.create_table(
        "near_miss",
        sa.Column("near_miss_id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("flight_id", words(100), nullable=False),
        sa.Column("picture_sha256", words(64), nullable=False),
        sa.Column("source_sha256", words(64), nullable=True),
        sa.Column("label", words(64), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("look", sa.JSON(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("near_miss_id"),
    )
    op.create_index(op.f("ix_near_miss_flight_id"), "near_miss", ["flight_id"], unique=False)
