"""One drone's rows in flying order, cut into flights that fit its battery with the least time in all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flightplan.fleet.strips import Strips
from flightplan.fleet.work import Station
from flightplan.routing import Router

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Flight:
    """Some rows, flown one after the other.

    Attributes:
        rows: Their numbers in the strips, in flying order.
        forward: Whether the first is flown from its lower to its upper end; the others alternate.
        seconds: From take-off to landing.
    """

    rows: tuple[int, ...]
    forward: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Tour:
    """All flights of one drone.

    Attributes:
        flights: In order.
        seconds: From the first take-off to the last landing, the times in the dock between them included.
    """

    flights: tuple[Flight, ...] = ()
    seconds: float = 0.0


class Ways:
    """How long straight ways take, and those round places where nobody may fly."""

    def __init__(self, router: Router) -> None:
        """Over the obstacles of a router, in the frame of the rows."""
        self._router = router

    def seconds(self, starts: Floats, ends: Floats, station: Station) -> Floats:
        """Seconds (n,) from places (n, 2) to places (n, 2); infinite where there is no way round."""
        gone = ends - starts
        taken = station.leg_s(np.hypot(gone[:, 0], gone[:, 1]))
        for index in self._router.blocked_legs(starts, ends):
            way = self._router.route(_point(starts[index]), _point(ends[index]))
            motion = station.dock.drone.kinematics
            taken[index] = motion.path_seconds(way, station.speed_m_s) if way else np.inf
        return taken


def plan_tour(strips: Strips, rows: Ints, station: Station, ways: Ways) -> Tour | None:
    """The quickest tour found over `rows`; None where one of them does not fit a flight."""
    if not len(rows):
        return Tour()
    tours = [_cut(strips, order, station, ways) for order in _orders(strips, rows)]
    found = [tour for tour in tours if tour is not None]
    return min(found, key=lambda tour: tour.seconds, default=None)


def _orders(strips: Strips, rows: Ints) -> list[Ints]:
    """Band after band, up one and down the next: begun at the bottom, and begun at the top."""
    order = rows[np.lexsort((strips.start_u_m[rows], strips.v_m[rows], strips.band[rows]))]
    bands = np.split(order, np.flatnonzero(np.diff(strips.band[order])) + 1)
    return [
        np.concatenate([band if number % 2 == first else band[::-1] for number, band in enumerate(bands)])
        for first in (0, 1)
    ]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Legs:
    """Times of a sequence flown with its first row in one direction; columns along the sequence.

    Attributes:
        enter_s: (n,) from the dock to each row's beginning, with the turn there.
        leave_s: (n,) from each row's end to the dock, with the turn there.
        passed_s: (n,) from the beginning of the first row to the beginning of each, rows and links.
        row_s: (n,) along each row.
    """

    enter_s: Floats
    leave_s: Floats
    passed_s: Floats
    row_s: Floats


def _cut(strips: Strips, order: Ints, station: Station, ways: Ways) -> Tour | None:
    """The cuts with the least time in all, by dynamic programming over where a flight ends."""
    legs = [_legs(strips, order, station, ways, forward=forward) for forward in (True, False)]
    count, usable_s = len(order), station.usable_s
    total, begun, way = np.full(count + 1, np.inf), np.zeros(count + 1, np.intp), np.zeros(count + 1, np.intp)
    total[0] = 0.0
    for end in range(1, count + 1):
        first = min(_earliest(leg, end, usable_s) for leg in legs)
        starts = np.arange(first, end)
        flown = np.stack([_flown_s(leg, starts, end) for leg in legs])
        flown = np.where(flown <= usable_s - station.vertical_s, flown, np.inf)
        best = flown.argmin(axis=0)
        through = total[starts] + flown[best, starts - first] + station.vertical_s + station.turnaround_s
        at = int(through.argmin())
        total[end], begun[end], way[end] = through[at], starts[at], best[at]
    if not np.isfinite(total[count]):
        return None
    flights: list[Flight] = []
    end = count
    while end > 0:
        start, direction = int(begun[end]), int(way[end])
        # Rows alternate along the whole sequence, so a flight's first direction follows from where it begins.
        forward = (direction == 0) == (start % 2 == 0)
        seconds = float(_flown_s(legs[direction], np.array([start]), end)[0]) + station.vertical_s
        flights.append(Flight(rows=tuple(order[start:end].tolist()), forward=forward, seconds=seconds))
        end = start
    return Tour(flights=tuple(reversed(flights)), seconds=float(total[count]) - station.turnaround_s)


def _earliest(legs: _Legs, end: int, usable_s: float) -> int:
    """The earliest row from which a flight can last to before `end`, the ways from and to the dock not counted."""
    over_s = legs.passed_s[end - 1] + legs.row_s[end - 1] - usable_s
    return min(int(np.searchsorted(legs.passed_s, over_s - 1e-6)), end - 1)


def _flown_s(legs: _Legs, starts: Ints, end: int) -> Floats:
    """Time in the air without climb and landing, from each start to before `end`."""
    between: Floats = legs.passed_s[end - 1] - legs.passed_s[starts]
    return np.asarray(legs.enter_s[starts] + between + legs.row_s[end - 1] + legs.leave_s[end - 1])


def _legs(strips: Strips, order: Ints, station: Station, ways: Ways, *, forward: bool) -> _Legs:
    heads = np.where((np.arange(len(order)) % 2 == 0) == forward, 1.0, -1.0)
    lower, upper = strips.ends_uv()[order].transpose(1, 0, 2)
    is_forward = (heads > 0)[:, None]
    begins, ends = np.where(is_forward, lower, upper), np.where(is_forward, upper, lower)
    home = np.broadcast_to(np.array(station.uv_m), begins.shape)
    row_s = station.leg_s(strips.length_m[order])
    link_s = ways.seconds(ends[:-1], begins[1:], station)
    link_s = link_s + station.turn_s(
        _turn_deg(ends[:-1], begins[1:], heads[:-1]) + _turn_deg(ends[:-1], begins[1:], heads[1:])
    )
    return _Legs(
        enter_s=ways.seconds(home, begins, station) + station.turn_s(_turn_deg(home, begins, heads)),
        leave_s=ways.seconds(ends, home, station) + station.turn_s(_turn_deg(ends, home, heads)),
        passed_s=np.r_[0.0, np.cumsum(row_s[:-1] + link_s)],
        row_s=row_s,
    )


def _turn_deg(starts: Floats, ends: Floats, heads: Floats) -> Floats:
    """Angle (n,) between ways and rows that head up (1) or down (-1) the u axis; 90 where there is no way."""
    gone = ends - starts
    length = np.hypot(gone[:, 0], gone[:, 1])
    cosine = np.divide(heads * gone[:, 0], length, out=np.zeros_like(length), where=length > 0)
    angle: Floats = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return angle


def path_uv(strips: Strips, flight: Flight, station: Station) -> list[tuple[float, float]]:
    """A flight's corners from the dock to the dock, without ways round obstacles."""
    points = [station.uv_m]
    for row, forward in directed(flight):
        lower, upper = strips.ends_uv()[row]
        points += [_point(lower), _point(upper)] if forward else [_point(upper), _point(lower)]
    return [*points, station.uv_m]


def directed(flight: Flight) -> list[tuple[int, bool]]:
    """A flight's rows with the direction of each."""
    return [(row, flight.forward == (number % 2 == 0)) for number, row in enumerate(flight.rows)]


def _point(pair: Sequence[float] | Floats) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])
