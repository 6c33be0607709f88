"""From cues to usable points: which number is the latitude, and what cannot be a place."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from geo.telemetry.entry import Entry
from geo.telemetry.screening import Account
from geo.telemetry.srt_cues import Cue
from geo.telemetry.srt_dialects import GPS_ORDERS, NAMED_DIALECT, RADIANS_BOX, Order

# A position that stays the same to the last digit for less than this was only not measured anew.
_HELD_S = 1.05


@dataclass(frozen=True, kw_only=True)
class Point:
    """A usable cue: its number, time and figures with the place in order."""

    number: int
    time_s: float
    clock: datetime | None
    lon: float
    lat: float
    decimals: int
    swapped: bool
    figures: Mapping[str, float]


def order_of(cues: Sequence[Cue], flags: Counter[str]) -> tuple[Order | None, str]:
    """The order of an unnamed position's numbers (None where they are named), and the name of the dialect."""
    pairs = [(cue.figures["gps_1"], cue.figures["gps_2"]) for cue in cues if {"gps_1", "gps_2"} <= cue.figures.keys()]
    if any({"lat", "lon"} <= cue.figures.keys() for cue in cues) or not pairs:
        angles = any("yaw" in cue.figures for cue in cues)
        return None, NAMED_DIALECT + ("_gimbal" if angles else "")
    text = next(cue.text for cue in cues if "gps_1" in cue.figures)
    row = next((row for row in GPS_ORDERS if row.sign.search(text)), None)
    if row is None:
        flags["dialect_unknown"] += len(cues)
    proven = _proven_order(pairs)
    if proven is not None and row is not None and proven != row.order:
        flags["axes_swapped"] += len(pairs)
    order = proven or (row.order if row is not None else None)
    return order, row.dialect if row is not None else "gps_unknown"


def _proven_order(pairs: Sequence[tuple[float, float]]) -> Order | None:
    """The order that the numbers themselves prove: no latitude lies beyond 90 degrees."""
    first, second = (max((abs(pair[i]) for pair in pairs if math.isfinite(pair[i])), default=0.0) for i in (0, 1))
    if first > 90 >= second:
        return "lon_lat"
    return "lat_lon" if second > 90 >= first else None


def in_degrees(points: Sequence[Point]) -> tuple[list[Point], bool]:
    """The points with their places in degrees, and whether they were in radians, as some firmware wrote them."""
    if not points or not all(_in_box(point.lon, point.lat) for point in points):
        return list(points), False
    turned = [replace(point, lon=math.degrees(point.lon), lat=math.degrees(point.lat)) for point in points]
    if any(_in_box(point.lon, point.lat) for point in turned):
        return list(points), False
    return turned, True


def _in_box(lon: float, lat: float) -> bool:
    return abs(lon) <= RADIANS_BOX[0] and abs(lat) <= RADIANS_BOX[1]


def points_of(cues: Sequence[Cue], order: Order | None, account: Account) -> Iterator[Point]:
    """The cues that tell a usable place, and the account counts why the others do not."""
    for cue in cues:
        place = _place(cue, order)
        reason = _unusable(place) if place is not None else "no_position"
        if place is None or reason is not None or cue.time_s is None:
            account.drop(reason or "incomplete", f"cue {cue.number}")
            continue
        lon, lat = place
        swapped = abs(lat) > 90 >= abs(lon)
        yield Point(
            number=cue.number,
            time_s=cue.time_s,
            clock=cue.clock,
            lon=lat if swapped else lon,
            lat=lon if swapped else lat,
            decimals=_decimals(cue.text),
            swapped=swapped,
            figures=cue.figures,
        )


def _place(cue: Cue, order: Order | None) -> tuple[float, float] | None:
    """Longitude and latitude as written, None where the cue tells neither, or not which is which."""
    figures = cue.figures
    if {"lon", "lat"} <= figures.keys():
        return figures["lon"], figures["lat"]
    if order is None or not {"gps_1", "gps_2"} <= figures.keys():
        return None
    pair = figures["gps_1"], figures["gps_2"]
    return pair if order == "lon_lat" else (pair[1], pair[0])


def _unusable(place: tuple[float, float]) -> str | None:
    lon, lat = place
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return "not_a_number"
    if lon == 0 and lat == 0:
        return "no_fix"
    if max(abs(lon), abs(lat)) > 180 or min(abs(lon), abs(lat)) > 90:
        return "out_of_range"
    return None


def _decimals(text: str) -> int:
    """How many decimals the positions are written with."""
    found = re.search(r"(?:latitude\s*:\s*|GPS\s*\(\s*)[+-]?\d+\.(\d+)", text, re.IGNORECASE)
    return len(found.group(1)) if found else 0


def unstepped(points: Sequence[Entry]) -> list[Entry]:
    """Positions written again and again between two measurements, put on the straight way between those."""
    starts = [
        index
        for index, point in enumerate(points)
        if index == 0 or (point.lon, point.lat) != (points[index - 1].lon, points[index - 1].lat)
    ]
    smooth = list(points)
    for start, following in pairwise(starts):
        here, there = points[start], points[following]
        here_s, here_lon, here_lat = _known(here)
        there_s, there_lon, there_lat = _known(there)
        if there_s - here_s > _HELD_S:
            continue
        for index in range(start + 1, following):
            share = (_known(points[index])[0] - here_s) / (there_s - here_s)
            lon, lat = here_lon + (there_lon - here_lon) * share, here_lat + (there_lat - here_lat) * share
            smooth[index] = replace(points[index], lon=lon, lat=lat)
    return smooth


def _known(point: Entry) -> tuple[float, float, float]:
    """Time and place of a screened record."""
    assert point.time_s is not None
    assert point.lon is not None
    assert point.lat is not None
    return point.time_s, point.lon, point.lat
