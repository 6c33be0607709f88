"""Sightings as they come in: told in metres, with their flight, their picture and the ground that they fall on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geo.identity.flight import Flight
from geo.identity.ground import FlightGround
from geo.identity.likeness import MergeRule
from geo.identity.plane import Plane
from geo.identity.point import Point
from geo.identity.record import Record
from geo.sighting import Sighting


class Intake:
    """Makes points of sightings.

    Attributes:
        flights: The flights that came, by name.
        plane: The metres that all points are told in, None before the first.
    """

    def __init__(self, rule: MergeRule) -> None:
        """Take the rule."""
        self.flights: dict[str, Flight] = {}
        self.plane: Plane | None = None
        self._rule = rule
        self._floor_m2 = rule.rules.offset_floor_m**2
        self._pictures: dict[tuple[str, str], int] = {}

    def points(self, sightings: Sequence[Sighting]) -> list[Point]:
        """Points of one picture's sightings (of several pictures, too), in the order given."""
        first = sightings[0]
        plane = self.plane = self.plane or Plane(first.fix.lon, first.fix.lat)
        most_variance_m2, floor_m2 = self._rule.most_variance_m2, self._floor_m2
        flight, picture = self._origin(first)
        at, seen_s = None, math.nan
        points = []
        for sighting in sightings:
            if sighting is not first and (sighting.source != first.source or sighting.flight_id != first.flight_id):
                first, at, seen_s = sighting, None, math.nan
                flight, picture = self._origin(first)
            if sighting.seen_at is not at:
                at, seen_s = sighting.seen_at, math.nan
                if at is not None:
                    flight.note_time(seen_s := at.timestamp())
            ground = flight.grounds.get(sighting.label) or self._new_ground(flight, sighting.label)
            point = Point(sighting, plane, ground, picture, seen_s, floor_m2, most_variance_m2)
            points.append(point)
            _, _, ee, _, nn = point.told
            if (ee > ground.widest_m2 or nn > ground.widest_m2) and point.sure:
                ground.widen(max(ee, nn))
        return points

    def _origin(self, sighting: Sighting) -> tuple[Flight, int]:
        """The flight of a sighting, and the number of its picture."""
        flight = self.flights.get(sighting.flight_id)
        if flight is None:
            assert self.plane is not None
            record = Record(self.plane, floor_m2=self._floor_m2, most_variance_m2=self._rule.most_variance_m2)
            flight = self.flights[sighting.flight_id] = Flight(sighting.flight_id, record)
        return flight, self._pictures.setdefault((sighting.flight_id, sighting.source), len(self._pictures))

    def _new_ground(self, flight: Flight, label: str) -> FlightGround:
        family = self._rule.rules.family_of(label)
        known = [ground for ground in flight.grounds.values() if ground.family == family]
        if not known:
            known = [FlightGround(flight, family, gate=self._rule.frame_gate, window_s=self._rule.window_s(family))]
        flight.grounds[label] = known[0]
        return known[0]
