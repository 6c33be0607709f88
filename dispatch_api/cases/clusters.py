"""How many cases lie where, for a map of a whole city: a grid of counts in place of ten thousand points."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Integer, case, cast, func, select

from dispatch_api.accounts.model import Account
from dispatch_api.boxes import Box, box_of
from dispatch_api.cases.choice import Choice
from dispatch_api.cases.filters import CaseFilter
from dispatch_api.cases.listing import Page, places_query
from dispatch_api.cases.model import Colour

MOST_COUNTED = 50_000
"""So many cases of a state, the newest, are counted at most: half a million take a second."""

COLUMNS, MOST_COLUMNS = 24, 256
"""Into how many columns a box is cut, if nothing is said and at most."""


def case_clusters(connection: Connection, wanted: CaseFilter, *, account: Account, columns: int) -> dict[str, Any]:
    """Cells of a grid over the filter's box, each with how many cases lie in it and of which colours.

    A cell's point is the middle of its cases. `counted` is the sum; `truncated`: there may be more, older ones.

    Args:
        connection: A reading connection.
        wanted: The filter; it has a box.
        account: Who asks.
        columns: Into how many columns the box is cut; cells are square in degrees.

    Raises:
        InvalidRequest: The filter makes no sense.
    """
    box = box_of(wanted.bbox or "")
    choice = Choice.of(connection, wanted, account)
    features: list[dict[str, Any]] = []
    if choice.most:
        of = places_query(connection, choice, Page(limit=MOST_COUNTED)).subquery("places")
        size = (box.parts()[0][2] - box.parts()[0][0] + _beyond_180(box)) / columns or 1e-9
        # A box that runs over the meridian of 180° is counted on from there.
        east = case((of.c.lon >= box.west, of.c.lon - box.west), else_=of.c.lon + 360.0 - box.west)
        column, row = (cast(func.floor(way / size), Integer) for way in (east, of.c.lat - box.south))
        query = (
            select(
                func.count().label("cases"),
                func.avg(of.c.lon).label("lon"),
                func.avg(of.c.lat).label("lat"),
                *(func.sum(case((of.c.colour == one.value, 1), else_=0)).label(one.value) for one in Colour),
            )
            .group_by(column, row)
            .order_by(func.count().desc(), func.avg(of.c.lon))
        )
        features = [_feature(found._mapping) for found in connection.execute(query)]
    counted = sum(feature["properties"]["count"] for feature in features)
    truncated = counted >= MOST_COUNTED and choice.most_of_a_state > MOST_COUNTED
    return {"type": "FeatureCollection", "counted": counted, "truncated": truncated, "features": features}


def _beyond_180(box: Box) -> float:
    return box.east + 180.0 if box.west > box.east else 0.0


def _feature(found: Any) -> dict[str, Any]:  # noqa: ANN401 - a mapping of a row
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [round(found["lon"], 7), round(found["lat"], 7)]},
        "properties": {"count": int(found["cases"]), **{one.value: int(found[one.value]) for one in Colour}},
    }
