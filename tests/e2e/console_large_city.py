"""Some thousand cases in the made-up city at once: more than a page may hold."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from console_city import City, place
from sqlalchemy import Connection

from dispatch_api.store import schema
from dispatch_api.store.bulk import write_rows
from dispatch_api.store.dialects import put_boxes

# How many kilometres east and north of the middle a quarter lies, and how many open and closed cases it has.
QUARTERS = ((0.0, 0.0, 900, 600), (9.0, 4.0, 500, 300), (-8.0, 6.0, 200, 100), (-3.0, -9.0, 12, 400))
CLOSED = sum(quarter[3] for quarter in QUARTERS)
SPREAD_M = 900.0
FIRST_SEQ, FAR_SEQ = 1000, 9001
FAR_LONLAT = (179.9995, -16.5)
MATTERS = ("dumping.household", "waterlogging.road", "river.rubbish")


def settle(city: City, *, seed: int = 5) -> None:
    """Fill the city; every fifteenth case is red, every other fifth yellow. One case lies at the meridian of 180°."""
    rng = random.Random(seed)
    now = datetime.now(UTC)
    rows = []
    for east_km, north_km, is_open, closed in QUARTERS:
        for number in range(is_open + closed):
            spot = place(1000 * east_km + rng.gauss(0, SPREAD_M), 1000 * north_km + rng.gauss(0, SPREAD_M))
            at = now - timedelta(days=2, minutes=rng.uniform(0, 60_000))
            rows.append(_row(FIRST_SEQ + len(rows), spot, at, "closed" if number >= is_open else "in_progress"))

    rows.append(_row(FAR_SEQ, FAR_LONLAT, now - timedelta(days=60), "in_progress"))

    near = 4e-4
    boxes = [(r["seq"], (r["lon"] - near, r["lat"] - near, r["lon"] + near, r["lat"] + near)) for r in rows]

    def write(connection: Connection) -> None:
        write_rows(connection, schema.case, rows)
        put_boxes(connection, boxes)

    city.store.write(write)


def _row(seq: int, spot: tuple[float, float], at: datetime, state: str) -> dict[str, Any]:
    lon, lat = spot
    matter = MATTERS[seq % 7 % 3]
    return {
        "seq": seq, "case_id": f"many-{seq}", "number": f"20250101-{seq:04d}", "matter": matter,
        "family": matter.split(".", 1)[0], "label": "thing", "state": state,
        "colour": "red" if seq % 15 == 0 else "yellow" if seq % 5 == 0 else "green", "confidence": 0.9,
        "lon": lon, "lat": lat, "cov_ee_m2": 4.0, "cov_en_m2": 0.5, "cov_nn_m2": 3.0, "footprint": None,
        "extent_m2": None, "extent_sigma_m2": None, "address": f"第{seq}号", "zones": [], "grid_code": None,
        "grid_name": None, "first_seen_at": at, "last_seen_at": at, "frames": 1, "observations": 1,
        "review_reasons": [], "suggestions": [], "rule": None, "duplicate_of": None, "recurrence_of": None,
        "repeats": 0, "refusals": 0, "reworks": 0, "reporters": [], "created_at": at, "verify_deadline_at": None,
        "opened_at": at, "dispatched_at": None, "suspended_at": None, "suspended_until": None,
        "ended_at": at if state == "closed" else None,
    }  # fmt: skip
