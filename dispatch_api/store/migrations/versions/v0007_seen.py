"""PostgreSQL finds the cases of a day by an index alone: it holds the number of a row only if it is told to."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the number of the case to two indexes."""
    if op.get_bind().dialect.name != "postgresql":
        return
    long = sa.text("last_seen_at - first_seen_at > interval '30 days'")
    for name, only in (("case_file_seen", None), ("case_file_seen_long", long)):
        op.drop_index(name, "case_file")
        columns = ["last_seen_at", "first_seen_at"]
        op.create_index(name, "case_file", columns, postgresql_include=["seq"], postgresql_where=only)
