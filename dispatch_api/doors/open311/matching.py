"""Which case a citizen means."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from dispatch_api.cases.merging import Spot, squared_distance, time_gap
from dispatch_api.cases.model import ENDED_STATES, CaseState
from dispatch_api.cases.observation import Covariance
from dispatch_api.cases.records import CaseRow, near_cases, spot_of
from dispatch_api.doors.open311.report import PIN_SIGMA_M
from geo.position import scale_of_probability

PROBABILITY = 0.95

PIN_COVARIANCE_M2: Covariance = ((PIN_SIGMA_M**2, 0.0), (0.0, PIN_SIGMA_M**2))


def the_case_meant(
    connection: Connection, *, lon: float, lat: float, family: str, window: timedelta, at: datetime
) -> CaseRow | None:
    """The one open case of a family that a pin may mean with 95 %; None where none or several lie within its error.

    A pin's ellipse is wider than 30 m, so it never merges with a case: it is linked to it, and moves nothing.

    Args:
        connection: Of the store.
        lon: Degrees east, WGS 84.
        lat: Degrees north.
        family: The family of the reported matter.
        window: How far apart in time a report and a sighting of one thing of this family may be.
        at: When it was reported.
    """
    pin = Spot(
        lon=lon, lat=lat, covariance_m2=PIN_COVARIANCE_M2, footprint_lonlat=None, first_seen_at=at, last_seen_at=at
    )
    within = scale_of_probability(PROBABILITY) ** 2
    meant = [
        row
        for row in near_cases(connection, pin, family=family, probability=PROBABILITY)
        if CaseState(row.state) not in ENDED_STATES
        and squared_distance(pin, spot_of(row)) < within
        and time_gap(pin, spot_of(row)) <= window
    ]
    return meant[0] if len(meant) == 1 else None
