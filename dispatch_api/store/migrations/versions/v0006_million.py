"""Throttles shared by processes, log-out at the provider, versions of storms and of lines of visits."""

import sqlalchemy as sa
from alembic import op

from dispatch_api.store.types import TEXT, WHOLE, words

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table and columns."""
    op.create_table(
        "attempt",
        sa.Column("key", words(64), nullable=False),
        sa.Column("count", WHOLE, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_attempt_expires_at"), "attempt", ["expires_at"], unique=False)
    op.add_column("session", sa.Column("id_token", TEXT, nullable=True))
    op.add_column("session", sa.Column("provider_session", words(255), nullable=True))
    op.add_column("storm", sa.Column("version", WHOLE, server_default="1", nullable=False))
    op.add_column("visit_line", sa.Column("version", WHOLE, server_default="1", nullable=False))
