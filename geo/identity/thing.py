"""One thing on the ground, as it is told to others."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import NamedTuple

import shapely
from shapely.geometry.base import BaseGeometry

from geo.identity.gathering import Gathering
from geo.identity.piece import Piece
from geo.identity.plane import Plane
from geo.position import Covariance, Fix
from geo.sighting import CUT_BY_EDGE, LonLat, Sighting

# Outlines of one big thing, seen in parts, are put together; those of a small one are the same outline with errors.
_BIGGER_THAN_ONE_PICTURE = 2.5
# Of a normal distribution, half lies within this part of a sigma.
_SIGMAS_OF_MIDDLE = 1.0 / 0.6745


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One thing on the ground.

    Attributes:
        thing_id: Its number in this grouper.
        label: The label that its sightings give most weight.
        fix: Where it is, from all sightings; `common_m2` is what all things of its flights share.
        confidence: The best confidence among its sightings.
        sightings: All of them, in the order they came.
        first_seen_at: Earliest time, None where no picture told one.
        last_seen_at: Latest time.
        footprint_lonlat: Its outline, None for point-like things.
        area_m2: Its area.
        area_sigma_m2: One-sigma error of that area; None where it is unknown.
        recurrence_of: The thing that was here until a flight found the place clean; None where there was none.
    """

    thing_id: int
    label: str
    fix: Fix
    confidence: float
    sightings: tuple[Sighting, ...]
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    footprint_lonlat: tuple[LonLat, ...] | None
    area_m2: float | None
    area_sigma_m2: float | None = None
    recurrence_of: int | None = None


def thing_of(gathering: Gathering, plane: Plane) -> Thing:
    """What a gathering says of its thing."""
    sightings = tuple(sighting for piece in gathering.pieces for sighting in piece.sightings())
    east, north, ee, en, nn = gathering.fused()
    # A strip of road at the picture's edge looks like anything: where the whole thing was seen, that is what counts.
    best = max(_whole(sightings) or sightings, key=lambda sighting: sighting.confidence)
    covariance: Covariance = ((ee, en), (en, nn))
    (cee, cen, cnn) = gathering.common()
    lon, lat = plane.lonlat((east, north))
    outline, area_m2, area_sigma_m2 = _extent(gathering, sightings)
    times = [sighting.seen_at for sighting in sightings if sighting.seen_at is not None]
    return Thing(
        thing_id=gathering.thing_id,
        label=_heaviest_label(sightings),
        fix=Fix(
            lon=lon,
            lat=lat,
            alt_m=best.fix.alt_m,
            covariance_m2=covariance,
            height_source=best.fix.height_source,
            yaw_source=best.fix.yaw_source,
            common_m2=((cee, cen), (cen, cnn)),
            flags=tuple(sorted({flag for sighting in sightings for flag in sighting.fix.flags})),
        ),
        confidence=best.confidence,
        sightings=sightings,
        first_seen_at=min(times, default=None),
        last_seen_at=max(times, default=None),
        footprint_lonlat=None
        if outline is None
        else tuple(plane.lonlat((corner[0], corner[1])) for corner in outline.exterior.coords[:-1]),
        area_m2=area_m2,
        area_sigma_m2=area_sigma_m2,
        recurrence_of=gathering.recurrence_of,
    )


def _extent(
    gathering: Gathering, sightings: tuple[Sighting, ...]
) -> tuple[shapely.Polygon | None, float | None, float | None]:
    """The outline to show with its area and the error of that.

    Of a small thing the middle one of its outlines counts, of a big one all parts together. What is wrong with height
    and lens is wrong in all of a flight's pictures, so the error of many is not less than that of one, and parts that
    are put together are off together. How much outlines of the same thing differ is what the model is unsure of.
    """
    outlined = [seen for piece in gathering.pieces for seen in _outlined(piece)]
    whole_ones = [seen for seen in outlined if CUT_BY_EDGE not in seen.sighting.fix.flags]
    single = sorted(whole_ones or outlined, key=_area_of)
    if not single:
        return None, *_median_area(sightings)
    # Pieces that lie apart are no big thing, however much area they have together.
    together, middle = largest_part(gathering.outline()), single[len(single) // 2]
    if together is not None and together.area > _BIGGER_THAN_ONE_PICTURE * _area_of(single[-1]):
        sigmas = [seen.sighting.area_sigma_m2 for seen in outlined]
        known = [sigma for sigma in sigmas if sigma is not None]
        share = sum(known) / sum(map(_area_of, outlined)) if len(known) == len(sigmas) else None
        return together, together.area, None if share is None else share * together.area
    shown = largest_part(middle.outline)
    if shown is None:
        return None, *_median_area(sightings)
    # How much of a thing lies beyond the edge of its pictures, no picture tells.
    sigma_m2 = middle.sighting.area_sigma_m2 if whole_ones else None
    return shown, shown.area, None if sigma_m2 is None else math.hypot(sigma_m2, _spread(map(_area_of, single)))


def _spread(areas_m2: Iterable[float]) -> float:
    """One sigma of what scatters so, whatever single ones do that lie far off."""
    known = list(areas_m2)
    middle = median(known)
    return _SIGMAS_OF_MIDDLE * median(abs(area - middle) for area in known)


class _Outlined(NamedTuple):
    """A sighting with its outline in metres."""

    sighting: Sighting
    outline: BaseGeometry


def _outlined(piece: Piece) -> list[_Outlined]:
    """The sightings of a piece that have an outline."""
    record = piece.flight.record
    outlines = [(record.sightings[row], record.outline(row)) for row in piece.rows]
    return [_Outlined(sighting, outline) for sighting, outline in outlines if outline]


def _area_of(seen: _Outlined) -> float:
    return float(seen.outline.area)


def largest_part(outline: BaseGeometry | None) -> shapely.Polygon | None:
    """The largest polygon of a geometry, None where there is none."""
    parts = [part for part in shapely.get_parts(outline) if isinstance(part, shapely.Polygon) and part.area > 0]
    return max(parts, key=lambda part: part.area, default=None)


def _whole(sightings: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
    """The sightings that no picture's edge cuts."""
    return tuple(sighting for sighting in sightings if CUT_BY_EDGE not in sighting.fix.flags)


def _median_area(sightings: tuple[Sighting, ...]) -> tuple[float | None, float | None]:
    measured = [(one.area_m2, one.area_sigma_m2) for one in sightings if one.area_m2 is not None]
    measured.sort(key=lambda area: area[0])
    return measured[len(measured) // 2] if measured else (None, None)


def _heaviest_label(sightings: tuple[Sighting, ...]) -> str:
    weights: dict[str, float] = {}
    for sighting in sightings:
        weights[sighting.label] = weights.get(sighting.label, 0.0) + sighting.confidence
    return max(weights, key=lambda label: (weights[label], label))
