"""Cases of a department are found, chosen and ordered by an index alone, instead of by its tasks one by one."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    columns = ["departments", "seq", "state", "matter", "colour", "lon", "lat"]
    op.create_index("case_file_of_departments", "case_file", columns)
