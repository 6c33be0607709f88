"""From cues to usable points: which number is the latitude, and what cannot be a place."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from geo.telemetry.srt_cues import Cue
from geo.telemetry.srt_dialects import GPS_ORDERS, NAMED_DIALECT, Order

METRES_PER_DEGREE = 111_320.0
# A position that stays the same to the last digit for less than this was only not measured anew.
_HELD_S = 1.05
_FASTER_THAN_DRONES_M_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """A usable cue: its time and figures with the place in order."""

    time_s: float
    clock: datetime | None
    lon: float
    lat: float
    decimals: int
    swapped: bool
    figures: Mapping[str, float]


def order_of(cues: Sequence[Cue], flags: set[str]) -> tuple[Order | None, str]:
    """The order of an unnamed position's numbers (None where they are named), and the name of the dialect."""
    pairs = [(cue.figures["gps_1"], cue.figures["gps_2"]) for cue in cues if {"gps_1", "gps_2"} <= cue.figures.keys()]
    if any({"lat", "lon"} <= cue.figures.keys() for cue in cues) or not pairs:
        angles = any("yaw" in cue.figures for cue in cues)
        return None, NAMED_DIALECT + ("_gimbal" if angles else "")
    text = next(cue.text for cue in cues if "gps_1" in cue.figures)
    row = next((row for row in GPS_ORDERS if row.sign.search(text)), None)
    if row is None:
        flags.add("dialect_unknown")
    proven = _proven_order(pairs)
    if proven is not None and row is not None and proven != row.order:
        flags.add("axes_swapped")
    order = proven or (row.order if row is not None else None)
    return order, row.dialect if row is not None else "gps_unknown"


def _proven_order(pairs: Sequence[tuple[float, float]]) -> Order | None:
    """The order that the numbers themselves prove: no latitude lies beyond 90 degrees."""
    first, second = (max((abs(pair[i]) for pair in pairs if math.isfinite(pair[i])), default=0.0) for i in (0, 1))
    if first > 90 >= second:
        return "lon_lat"
    return "lat_lon" if second > 90 >= first else None


def points_of(cues: Sequence[Cue], order: Order | None, dropped: Counter[str]) -> Iterator[Point]:
    """The cues that tell a usable place, and `dropped` counts why the others do not."""
    for cue in cues:
        place = _place(cue, order)
        reason = _unusable(place, cue) if place is not None else "no_position"
        if place is None or reason is not None or cue.time_s is None:
            dropped[reason or "incomplete"] += 1
            continue
        lon, lat = place
        swapped = abs(lat) > 90 >= abs(lon)
        yield Point(
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


def _unusable(place: tuple[float, float], cue: Cue) -> str | None:
    lon, lat = place
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return "not_a_number"
    if lon == 0 and lat == 0:
        return "no_fix"
    if max(abs(lon), abs(lat)) > 180 or min(abs(lon), abs(lat)) > 90:
        return "out_of_range"
    heights = [cue.figures[name] for name in ("home_m", "altitude_m", "absolute_m") if name in cue.figures]
    if not heights:
        return "no_altitude"
    return None if all(map(math.isfinite, heights)) else "not_a_number"


def _decimals(text: str) -> int:
    """How many decimals the positions are written with."""
    found = re.search(r"(?:latitude\s*:\s*|GPS\s*\(\s*)[+-]?\d+\.(\d+)", text, re.IGNORECASE)
    return len(found.group(1)) if found else 0


def rising(points: Iterator[Point], dropped: Counter[str]) -> list[Point]:
    """Points whose times rise; of several at one time the first one stays."""
    kept: list[Point] = []
    for point in points:
        if kept and point.time_s <= kept[-1].time_s:
            dropped["repeated_time" if point.time_s == kept[-1].time_s else "backward_time"] += 1
            continue
        kept.append(point)
    return kept


def unstepped(points: Sequence[Point]) -> list[Point]:
    """Positions written again and again between two measurements, put on the straight way between those."""
    starts = [
        index
        for index, point in enumerate(points)
        if index == 0 or (point.lon, point.lat) != (points[index - 1].lon, points[index - 1].lat)
    ]
    smooth = list(points)
    for start, following in pairwise(starts):
        here, there = points[start], points[following]
        step_s = there.time_s - here.time_s
        if step_s > _HELD_S:
            continue
        for index in range(start + 1, following):
            share = (points[index].time_s - here.time_s) / step_s
            lon, lat = here.lon + (there.lon - here.lon) * share, here.lat + (there.lat - here.lat) * share
            smooth[index] = replace(points[index], lon=lon, lat=lat)
    return smooth


def jumps_in(points: Sequence[Point]) -> int:
    """How often the position moves faster than a drone between two measurements at least half a second apart."""
    jumps, last = 0, points[0]
    for point in points[1:]:
        step_s = point.time_s - last.time_s
        if step_s < 0.5:
            continue
        east_m = (point.lon - last.lon) * METRES_PER_DEGREE * math.cos(math.radians(last.lat))
        north_m = (point.lat - last.lat) * METRES_PER_DEGREE
        jumps += math.hypot(east_m, north_m) > _FASTER_THAN_DRONES_M_S * step_s
        last = point
    return jumps
