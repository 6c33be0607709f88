"""A citizen's report that names no place can be dismissed, with a reason."""

import sqlalchemy as sa
from alembic import op

from dispatch_api.store.types import TEXT

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add who dismissed a report, when and why."""
    op.add_column("citizen_report", sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("citizen_report", sa.Column("dismissed_by", TEXT, nullable=True))
    op.add_column("citizen_report", sa.Column("dismissed_why", TEXT, nullable=True))
