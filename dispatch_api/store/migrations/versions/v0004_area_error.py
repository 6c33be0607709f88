"""The error of an area is kept with it, and boxes of the spatial index are wide enough for any rules of identity."""

import json
import math
from typing import Any

import sqlalchemy as sa
from alembic import op

from dispatch_api.store.dialects import put_boxes

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SIGMAS = 5.256521769751461  # holds 0.999999 in two dimensions; boxes were made for 0.999 before


def upgrade() -> None:
    """Add the error of the area, unknown for what is there already, and widen the boxes."""
    for table in ("observation", "case_file"):
        op.add_column(table, sa.Column("extent_sigma_m2", sa.Float(), nullable=True))
    connection = op.get_bind()
    query = "SELECT seq, lon, lat, cov_ee_m2, cov_nn_m2, footprint FROM case_file"
    put_boxes(connection, [(row.seq, _box(row)) for row in connection.execute(sa.text(query))])


def _box(row: sa.Row[Any]) -> tuple[float, float, float, float]:
    lon_deg = _SIGMAS * math.sqrt(row.cov_ee_m2) / (111_000.0 * max(math.cos(math.radians(row.lat)), 0.01))
    lat_deg = _SIGMAS * math.sqrt(row.cov_nn_m2) / 110_000.0
    # The drivers differ: SQLite's gives the text, PostgreSQL's what it says.
    corners = json.loads(row.footprint) if isinstance(row.footprint, str) else row.footprint
    lons = [row.lon - lon_deg, row.lon + lon_deg, *(lon for lon, _ in corners or ())]
    lats = [row.lat - lat_deg, row.lat + lat_deg, *(lat for _, lat in corners or ())]
    return min(lons), min(lats), max(lons), max(lats)
