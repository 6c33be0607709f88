"""Cases of a store that wait for proof, as targets of re-flights."""

from __future__ import annotations

import math
from zoneinfo import ZoneInfo

from sqlalchemy import select

from dispatch_api.cases.model import CaseState, Colour
from dispatch_api.cases.records import CaseRow
from dispatch_api.store.schema import case
from dispatch_api.store.store import open_store
from flightplan.errors import CannotPlan
from flightplan.reflight.model import Spread, Target, View

_PRIORITY = {Colour.RED: 9, Colour.YELLOW: 5, Colour.GREEN: 2}


def waiting_cases(url: str, *, view: View, resolution_m: float, time_zone: ZoneInfo) -> list[Target]:
    """Every case that waits to be verified: its number, its place with what it covers, and its deadline.

    Args:
        url: Of the store, which must exist.
        view: Wanted of all.
        resolution_m: Metres of ground per pixel, wanted of all.
        time_zone: In which deadlines are days.

    Raises:
        CannotPlan: A case's place is too unsure to be looked for from the air.
        StoreUrlError: No store can lie at that URL.
        StoreSchemaError: The store is missing, or of another version.
    """
    query = select(case).where(case.c.state == CaseState.PENDING_VERIFY.value).order_by(case.c.seq)
    with open_store(url) as store, store.read() as connection:
        rows = connection.execute(query).all()
    return [_target(row, view, resolution_m, time_zone) for row in rows]


def _target(row: CaseRow, view: View, resolution_m: float, time_zone: ZoneInfo) -> Target:
    deadline = row.verify_deadline_at
    try:
        return Target(
            target_id=row.number,
            lon=row.lon,
            lat=row.lat,
            spread=_spread(row),
            view=view,
            resolution_m=resolution_m,
            priority=_PRIORITY[Colour(row.colour)],
            due_on=None if deadline is None else deadline.astimezone(time_zone).date(),
        )
    except ValueError as error:
        raise CannotPlan(
            problem=f"case {row.number} cannot be looked for from the air ({error})",
            remedy="Have it looked at on foot, and close it by hand",
        ) from error


def _spread(row: CaseRow) -> Spread:
    """The 95 % ellipse of the place, and the thing's own size around it."""
    place = Spread.of_covariance(row.cov_ee_m2, row.cov_nn_m2, row.cov_en_m2)
    own_m = math.sqrt((row.extent_m2 or 0.0) / math.pi)
    return Spread(
        half_length_m=place.half_length_m + own_m,
        half_width_m=place.half_width_m + own_m,
        bearing_deg=place.bearing_deg,
    )
