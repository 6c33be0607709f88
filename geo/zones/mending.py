"""Mending what was drawn badly, and saying what was mended: a zone that changed in silence would be worse than none."""

from __future__ import annotations

from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from geo.frames import LocalFrame
from geo.zones.zone import LINE_KINDS

_AREAS = ("Polygon", "MultiPolygon")
_LINES = ("LineString", "MultiLineString")


class CannotMend(ValueError):
    """Nothing usable would be left; the words say why."""


@dataclass(frozen=True, kw_only=True)
class Mended:
    """A geometry that can be a zone's, and what was changed for it; nothing changed leaves `changes` empty."""

    geometry: BaseGeometry
    changes: tuple[str, ...] = ()


def mended(geometry: BaseGeometry, kind: str) -> Mended:
    """A valid area (or, for a road or street, line) out of what was drawn.

    Args:
        geometry: In degrees, lon before lat, two-dimensional, not empty.
        kind: What it is to be.

    Raises:
        CannotMend: It has no area, or is a point, or a line where an area is needed.
    """
    changes: list[str] = []
    drawn = _one_sort(geometry, kind, changes)
    if drawn.geom_type in _AREAS and not drawn.is_valid:
        drawn = _valid(drawn, changes)
    if drawn.geom_type in _LINES and drawn.length == 0:
        raise CannotMend("the line has no length")
    return Mended(geometry=drawn, changes=tuple(changes))


def area_m2(geometry: BaseGeometry) -> float:
    """Area on the ground of a geometry in degrees."""
    west, south, east, north = geometry.bounds
    frame = LocalFrame(lon=(west + east) / 2, lat=(south + north) / 2)
    return float(shapely.transform(geometry, frame.en_from_lonlat).area)


def _one_sort(geometry: BaseGeometry, kind: str, changes: list[str]) -> BaseGeometry:
    """Only the areas, or only the lines, of what was drawn."""
    if geometry.geom_type in _AREAS:
        return geometry
    parts = [part for part in shapely.get_parts(_flat(geometry)) if not part.is_empty]
    areas = [part for part in parts if part.geom_type == "Polygon"]
    lines = [part for part in parts if part.geom_type == "LineString"]
    closed = [line for line in lines if line.is_closed and len(line.coords) > 3]
    if areas:
        chosen = areas
    elif lines and kind in LINE_KINDS:
        chosen = lines
    elif lines and len(closed) == len(lines):
        changes.append("a closed line was taken for the area inside it")
        chosen, parts = [shapely.Polygon(line) for line in closed], closed
    else:
        raise CannotMend(f"a {geometry.geom_type} is no area")
    if len(chosen) < len(parts):
        changes.append(f"{len(parts) - len(chosen)} of its {len(parts)} parts are of another sort and were left out")
    if geometry.geom_type in _LINES and chosen is lines:
        return geometry
    return _joined(chosen)


def _joined(parts: list[BaseGeometry]) -> BaseGeometry:
    """One geometry of parts of one sort; parts that overlap make an invalid one, which is mended as any other."""
    whole = shapely.MultiPolygon if parts[0].geom_type == "Polygon" else shapely.MultiLineString
    return parts[0] if len(parts) == 1 else whole(parts)  # type: ignore[arg-type]


def _flat(geometry: BaseGeometry) -> BaseGeometry:
    """Collections within collections, as one."""
    parts = list(shapely.get_parts(geometry))
    if any(part.geom_type.startswith(("Multi", "Geometry")) for part in parts):
        return shapely.GeometryCollection([piece for part in parts for piece in shapely.get_parts(_flat(part))])
    return geometry


def _valid(geometry: BaseGeometry, changes: list[str]) -> BaseGeometry:
    reason = shapely.is_valid_reason(geometry)
    made = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    pieces = [part for part in shapely.get_parts(_flat(made)) if part.geom_type == "Polygon" and not part.is_empty]
    if not pieces:
        raise CannotMend(f"it has no area ({_worded(reason)})")
    result = _joined(pieces)
    # What the area was before cannot be said: that of a figure that crosses itself is no area of anything.
    changes.append(f"{_worded(reason)}; its area is now {area_m2(result):.1f} m²")
    return result


def _worded(reason: str) -> str:
    """GEOS' reason for people: `Self-intersection[120.1 30.2]` is `self-intersection at 120.1000000, 30.2000000`."""
    words, _, place = reason.partition("[")
    numbers = place.rstrip("]").split()
    if len(numbers) < 2:
        return words.lower()
    return f"{words.lower()} at {float(numbers[0]):.7f}, {float(numbers[1]):.7f}"
