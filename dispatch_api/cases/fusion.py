"""The place of a case from the places of its observations."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dispatch_api.cases.observation import Covariance


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place with its covariance, as one flight saw it."""

    flight_id: str
    lon: float
    lat: float
    covariance_m2: Covariance


def fuse(places: Sequence[Place]) -> Place:
    """The best place of a thing.

    Within one flight the places are averaged by their weight, but the error stays that of the best one: what is wrong
    with a flight's position is wrong in all of its pictures. Places of different flights are independent.

    Args:
        places: At least one.
    """
    flights: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        flights[place.flight_id].append(place)
    return _weighted([_of_one_flight(group) for group in flights.values()])


def _of_one_flight(group: Sequence[Place]) -> Place:
    mean = _weighted(group)
    best = min(group, key=lambda place: _determinant(place.covariance_m2))
    return Place(flight_id=mean.flight_id, lon=mean.lon, lat=mean.lat, covariance_m2=best.covariance_m2)


def _weighted(places: Sequence[Place]) -> Place:
    if len(places) == 1:
        return places[0]
    origin = places[0]
    # One factor per axis is common to all, so degrees scaled to equal lengths do for a weighted mean.
    shrink = math.cos(math.radians(origin.lat))
    w_ee = w_en = w_nn = east = north = 0.0
    for place in places:
        (p_ee, p_en), (_, p_nn) = _inverse(place.covariance_m2)
        d_east, d_north = (place.lon - origin.lon) * shrink, place.lat - origin.lat
        w_ee, w_en, w_nn = w_ee + p_ee, w_en + p_en, w_nn + p_nn
        east += p_ee * d_east + p_en * d_north
        north += p_en * d_east + p_nn * d_north
    (ee, en), (_, nn) = covariance = _inverse(((w_ee, w_en), (w_en, w_nn)))
    return Place(
        flight_id=origin.flight_id,
        lon=origin.lon + (ee * east + en * north) / shrink,
        lat=origin.lat + en * east + nn * north,
        covariance_m2=covariance,
    )


def _determinant(matrix: Covariance) -> float:
    (ee, en), (ne, nn) = matrix
    return ee * nn - en * ne


def _inverse(matrix: Covariance) -> Covariance:
    (ee, en), (_, nn) = matrix
    determinant = _determinant(matrix)
    return (nn / determinant, -en / determinant), (-en / determinant, ee / determinant)
