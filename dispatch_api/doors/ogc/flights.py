"""The collection of flights, in the order of their starts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from dispatch_api.cursors import beyond, cursor_of, moment_of
from dispatch_api.doors.ogc.wanted import Feature, Found, Span, Wanted, feature, meets
from dispatch_api.flights.features import flights_of
from dispatch_api.store.schema import flight

CURSOR = "ogc.flights"
MOST_WALKED = 2000
"""So many flights are looked at for a page; it is shorter than asked where more would have to be."""

_AT_ONCE = 200
_SHOWN = ("flight_id", "name", "state", "started_at", "ended_at", "photos", "seen_from", "seen_until")


def find_flights(connection: Connection, wanted: Wanted) -> Found:
    """A page of flights with the ways that they flew, for who sees every case."""
    if not wanted.account.sees_every_case:
        return Found(features=[], matched=0)
    turn, backwards = wanted.turn, wanted.turn.before is not None
    fitting: list[dict[str, Any]] = []
    edges: tuple[dict[str, Any], dict[str, Any]] | None = None
    more = False
    for looked_at, one in enumerate(_walk(connection, wanted)):
        fits = _fits(one, wanted)
        tired = looked_at >= MOST_WALKED and len(fitting) >= turn.skip
        more = tired or (fits and len(fitting) == turn.skip + wanted.limit)
        if more:
            break
        edges = (edges[0] if edges else one, one)
        fitting += [one] if fits else []
    page = fitting[turn.skip :]
    if backwards:
        page.reverse()
    earliest, latest = (edges or (None, None))[:: -1 if backwards else 1]
    earlier, later = (more, True) if backwards else (not turn.is_first, more)
    return Found(
        features=[_feature(one) for one in page],
        matched=len(page) if turn.is_first and not more else _counted(connection, wanted),
        before=_cursor(earliest) if earlier and earliest else None,
        after=_cursor(latest) if later and latest else None,
    )


def _walk(connection: Connection, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Flights from the page's beginning on, in its direction."""
    turn, backwards = wanted.turn, wanted.turn.before is not None
    place = moment_of(turn.before or turn.after, CURSOR)
    order = (flight.c.started_at, flight.c.flight_id)
    query = select(flight)
    if wanted.key is not None:
        query = query.where(flight.c.flight_id == wanted.key)
    query = query.order_by(*(column.desc() if backwards else column.asc() for column in order)).limit(_AT_ONCE)
    while True:
        following = query if place is None else query.where(beyond(place, *order, backwards=backwards))
        rows = connection.execute(following).all()
        yield from flights_of(connection, rows)
        if len(rows) < _AT_ONCE:
            return
        place = rows[-1].started_at, rows[-1].flight_id


def _counted(connection: Connection, wanted: Wanted) -> int | None:
    if wanted.box is not None or wanted.span is not None or wanted.key is not None:
        return None
    return int(connection.execute(select(func.count()).select_from(flight)).scalar_one())


def _fits(one: dict[str, Any], wanted: Wanted) -> bool:
    # Old material may be analysed today: what its pictures say of the time counts.
    began = datetime.fromisoformat(one["seen_from"] or one["started_at"])
    ended = datetime.fromisoformat(one["seen_until"]) if one["seen_until"] else began
    return meets(one["track"], wanted.box) and _overlaps(began, ended, wanted.span)


def _overlaps(first: datetime, last: datetime, span: Span | None) -> bool:
    start, end = span or (None, None)
    return (start is None or last >= start) and (end is None or first <= end)


def _cursor(one: dict[str, Any]) -> str:
    at = datetime.fromisoformat(one["started_at"])
    return cursor_of(CURSOR, at.isoformat(), one["flight_id"])


def _feature(one: dict[str, Any]) -> Feature:
    return feature(one["flight_id"], one["track"], {name: one[name] for name in _SHOWN})
