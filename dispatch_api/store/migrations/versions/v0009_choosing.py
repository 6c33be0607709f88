"""Cases of a department and of a matter are found, chosen and ordered by an index alone."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an index of departments, and to that of matters all that a list may be chosen by."""
    of_departments = ["departments", "seq", "state", "matter", "colour", "lon", "lat"]
    op.create_index("case_file_of_departments", "case_file", of_departments)
    chosen_by = ["colour", "departments", "lon", "lat", "first_seen_at", "last_seen_at", "number"]
    op.drop_index("case_file_of_matter", "case_file")
    op.create_index("case_file_of_matter", "case_file", ["matter", "state", "seq", *chosen_by])
