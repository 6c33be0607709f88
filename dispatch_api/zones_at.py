"""The city's zones as the store keeps them, searched by place: for what comes in without a flight's own zones."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import date
from functools import partial

import shapely
from shapely.geometry import shape
from sqlalchemy import Connection, bindparam, case, func, select

from dispatch_api.departments.facts import ZoneFact
from dispatch_api.errors import ConfigurationError
from dispatch_api.store import Store
from dispatch_api.store.feed import forgotten_until
from dispatch_api.store.schema import feed, zone
from dispatch_api.store.unit import has_only_read
from geo.errors import InputFileError
from geo.position import Fix
from geo.zones.features import zone_of
from geo.zones.lookup import Zones
from geo.zones.zone import ZoneHit

_NEWS = select(
    func.max(feed.c.feed_id),
    func.max(case((feed.c.type == "zones.changed", 1), else_=0)),
    func.min(feed.c.feed_id),
).where(feed.c.feed_id > bindparam("told_until"))


class ZonesAt:
    """Finds the zones at a place; reads them again when they were replaced."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._zones: Zones | None = None
        self._told_until = 0

    def __call__(self, fix: Fix, *, on: date) -> tuple[ZoneFact, ...]:
        """The zones that a place may lie in on a day, likeliest first, with their probabilities.

        Raises:
            ConfigurationError: A kept zone cannot be used.
        """
        return self.many([(fix, on)])[0]

    def many(
        self, places: Sequence[tuple[Fix, date]], *, connection: Connection | None = None
    ) -> list[tuple[ZoneFact, ...]]:
        """The same for many places, each on its day, in their order.

        Args:
            places: Where and when.
            connection: A transaction to ask in, where there is one at hand. One that has written is not asked: what it
                tells may be taken back.

        Raises:
            ConfigurationError: A kept zone cannot be used.
        """
        asked = connection if connection is not None and has_only_read(connection) else None
        with self._lock, self._store.read() if asked is None else nullcontext(asked) as reading:
            zones = self._current(reading)
        found: list[tuple[ZoneFact, ...]] = [()] * len(places)
        for day in {day for _, day in places}:
            numbers = [number for number, (_, on) in enumerate(places) if on == day]
            hits = zones.under_many([places[number][0] for number in numbers], day)
            for number, under in zip(numbers, hits, strict=True):
                found[number] = tuple(zone_fact(hit) for hit in under)
        return found

    def _current(self, connection: Connection) -> Zones:
        until, changed, first = connection.execute(_NEWS, {"told_until": self._told_until}).one()
        # What was told meanwhile and is forgotten already may have been a change too.
        gap = first is not None and first > self._told_until + 1
        if self._zones is None or changed or (gap and forgotten_until(connection) > self._told_until):
            self._zones = _read(connection)
        self._told_until = until or self._told_until
        return self._zones


def _read(connection: Connection) -> Zones:
    features = connection.execute(select(zone.c.feature).order_by(zone.c.zone_id)).scalars()
    found = []
    for number, feature in enumerate(features, start=1):
        geometry = shapely.force_2d(shape(feature["geometry"]))
        try:
            found.append(zone_of(feature["properties"], geometry, number, partial(_unusable, number)))
        except InputFileError as error:
            raise ConfigurationError(
                path="zones of the store", place=error.place, problem=error.problem, remedy=error.remedy
            ) from error
    return Zones(found)


def _unusable(number: int, problem: str, remedy: str) -> InputFileError:
    return InputFileError(path="zones of the store", place=f"zone {number}", problem=problem, remedy=remedy)


def zone_fact(hit: ZoneHit) -> ZoneFact:
    """What routing knows of a zone that a place may lie in."""
    found = hit.zone
    return ZoneFact(
        kind=found.kind,
        code=found.code,
        name=found.name,
        probability=hit.probability,
        basis=found.properties.get("basis"),
        valid_from=found.valid_from,
        valid_to=found.valid_to,
        zone_class=found.properties.get("class"),
    )
