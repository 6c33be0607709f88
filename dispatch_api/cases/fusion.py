"""The place of a case from the places of its observations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    best = min(group, key=lambda place: float(np.linalg.det(np.asarray(place.covariance_m2))))
    return Place(flight_id=mean.flight_id, lon=mean.lon, lat=mean.lat, covariance_m2=best.covariance_m2)


def _weighted(places: Sequence[Place]) -> Place:
    if len(places) == 1:
        return places[0]
    weights = [np.linalg.inv(np.asarray(place.covariance_m2)) for place in places]
    covariance: NDArray[np.float64] = np.linalg.inv(sum(weights[1:], weights[0]))
    origin = places[0]
    # Degrees are scaled to metres along each axis, so one common factor per axis is enough for a weighted mean.
    scale = np.array([np.cos(np.radians(origin.lat)), 1.0])
    offsets = [np.array([place.lon - origin.lon, place.lat - origin.lat]) * scale for place in places]
    mean = covariance @ sum((w @ o for w, o in zip(weights, offsets, strict=True)), np.zeros(2)) / scale
    cross = float((covariance[0, 1] + covariance[1, 0]) / 2)
    return Place(
        flight_id=origin.flight_id,
        lon=origin.lon + float(mean[0]),
        lat=origin.lat + float(mean[1]),
        covariance_m2=((float(covariance[0, 0]), cross), (cross, float(covariance[1, 1]))),
    )
