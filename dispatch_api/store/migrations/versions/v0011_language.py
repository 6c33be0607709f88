"""What the people read whom a receiver tells: Chinese, unless it is said otherwise."""

import sqlalchemy as sa
from alembic import op

from dispatch_api.store.types import words

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("receiver", sa.Column("language", words(2), nullable=False, server_default="zh"))
