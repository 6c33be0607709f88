"""KML: missions and areas for maps, and the polygons of other people's KML and KMZ as areas to fly over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from shapely.geometry import MultiPolygon, Polygon

from flightplan.coverage.survey import CoveragePlan
from flightplan.errors import InputFileError
from flightplan.files.archive import read_members
from flightplan.files.markup import Element, child, children, parse_markup, text_of, written
from flightplan.files.text import MOST_BYTES, write_text
from flightplan.ground.area import PatrolArea, lonlat_problem
from flightplan.mission.mission import Home, Mission

_SPACE = {"xmlns": "http://www.opengis.net/kml/2.2"}
_REMEDY = "Draw it again, and export it as KML"
# alpha, blue, green, red
_STYLES = {"area": "ff00a5ff", "path": "ffff7f00", "home": "ff00ff00", "photos": "ffffffff"}


def write_kml(
    path: Path | str,
    missions: Sequence[Mission],
    *,
    area: PatrolArea | None = None,
    photos_lonlat: Sequence[tuple[float, float]] = (),
) -> None:
    """Writes the area, home, each mission's path and the places of photos; longitude comes first.

    Args:
        path: Where.
        missions: Their paths keep their heights where home's height is known, and lie on the ground elsewhere.
        area: What they fly over.
        photos_lonlat: Degrees (longitude, latitude).
    """
    root = Element("kml", _SPACE)
    document = child(root, "Document")
    child(document, "name", area.name if area is not None else Path(path).stem)
    for name, colour in _STYLES.items():
        style = child(document, "Style")
        style.set("id", name)
        for part in ("IconStyle", "LineStyle", "PolyStyle"):
            child(child(style, part), "color", colour if part != "PolyStyle" else f"40{colour[2:]}")
    if area is not None:
        _polygons(_mark(document, "area", area.name), area.polygon)
    for home in dict.fromkeys(mission.home for mission in missions):
        child(child(_mark(document, "home", "home"), "Point"), "coordinates", _place(home.lon, home.lat))
    for mission in missions:
        _path(_mark(document, "path", mission.name), mission)
    if photos_lonlat:
        shots = child(_mark(document, "photos", f"{len(photos_lonlat)} photos"), "MultiGeometry")
        for lon, lat in photos_lonlat:
            child(child(shots, "Point"), "coordinates", _place(lon, lat))
    write_text(Path(path), written(root))


def write_plan_kml(path: Path | str, plan: CoveragePlan) -> None:
    """Writes all of a plan over an area."""
    write_kml(path, plan.missions, area=plan.area, photos_lonlat=plan.photos_lonlat)


def kml_polygons(path: Path | str) -> list[tuple[str, Polygon]]:
    """Name (empty where there is none) and polygon, degrees, of every polygon of a KML or KMZ, holes included.

    Raises:
        InputFileError: The file cannot be read, or a ring in it is no ring.
    """
    path = Path(path)
    root = parse_markup(path, _kml_bytes(path))
    if root.tag != "kml":
        raise InputFileError(path=path, problem=f"it begins with {root.tag!s:.60}, not with kml", remedy=_REMEDY)
    return list(_polygons_below(path, root, ""))


def _mark(document: Element, kind: str, name: str) -> Element:
    mark = child(document, "Placemark")
    child(mark, "name", name)
    child(mark, "styleUrl", f"#{kind}")
    return mark


def _path(mark: Element, mission: Mission) -> None:
    line = child(mark, "LineString")
    home = mission.home
    child(line, "tessellate", 1)
    heights = [_height_m(home, mission)] + [
        waypoint.alt_m + (home.alt_msl_m if waypoint.alt_reference == "home" else 0.0) for waypoint in mission.waypoints
    ]
    places = mission.path_lonlat()
    heights += [heights[-1]] * (len(places) - len(heights))
    follows = any(waypoint.alt_reference == "terrain" for waypoint in mission.waypoints)
    if home.alt_msl_m == 0.0 or follows:
        child(line, "altitudeMode", "clampToGround")
        child(line, "coordinates", " ".join(_place(*place) for place in places))
        return
    child(line, "altitudeMode", "absolute")
    pairs = zip(places, heights, strict=True)
    child(line, "coordinates", " ".join(f"{_place(*place)},{height_m:.2f}" for place, height_m in pairs))


def _height_m(home: Home, mission: Mission) -> float:
    """Above the sea, where the first leg begins."""
    first = mission.waypoints[0]
    return first.alt_m + (home.alt_msl_m if first.alt_reference == "home" else 0.0)


def _polygons(mark: Element, ground: Polygon | MultiPolygon) -> None:
    parts = ground.geoms if isinstance(ground, MultiPolygon) else [ground]
    parent = child(mark, "MultiGeometry") if len(parts) > 1 else mark
    for polygon in parts:
        node = child(parent, "Polygon")
        for name, ring in (
            ("outerBoundaryIs", polygon.exterior),
            *(("innerBoundaryIs", one) for one in polygon.interiors),
        ):
            places = " ".join(_place(lon, lat) for lon, lat, *_ in ring.coords)
            child(child(child(node, name), "LinearRing"), "coordinates", places)


def _place(lon: float, lat: float) -> str:
    return f"{lon:.8f},{lat:.8f}"


def _kml_bytes(path: Path) -> bytes:
    """What a KML holds, or the main document of a KMZ: doc.kml, or the first that is one."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputFileError(
                path=path, problem="the file is larger than any map of areas", remedy="Check that this is the file"
            )
        with path.open("rb") as file:
            is_archive = file.read(4) == b"PK\x03\x04"
        if not is_archive and path.suffix.lower() != ".kmz":
            return path.read_bytes()
    except FileNotFoundError as error:
        raise InputFileError(path=path, problem="there is no such file", remedy="Check the path") from error
    except OSError as error:
        raise InputFileError(path=path, problem=f"it cannot be read ({error})", remedy="Check the path") from error
    members = read_members(path, lambda name: name.lower().endswith(".kml"))
    if not members:
        raise InputFileError(path=path, problem="there is no KML document in it", remedy=_REMEDY)
    return members.get("doc.kml") or next(iter(members.values()))


def _polygons_below(path: Path, node: Element, name: str) -> Iterator[tuple[str, Polygon]]:
    if node.tag == "Placemark":
        name = text_of(node, "name") or ""
    if node.tag == "Polygon":
        yield name, _polygon(path, node, name)
        return
    for one in node:
        yield from _polygons_below(path, one, name)


def _polygon(path: Path, node: Element, name: str) -> Polygon:
    outer = [ring for bound in children(node, "outerBoundaryIs") for ring in children(bound, "LinearRing")]
    # Several holes stand in bounds of their own, or, as some programs write them, in one.
    inner = [ring for bound in children(node, "innerBoundaryIs") for ring in children(bound, "LinearRing")]
    place = f"polygon {name!r:.60}" if name else "a polygon without a name"
    if len(outer) != 1:
        raise InputFileError(path=path, place=place, problem=f"it has {len(outer)} outlines", remedy=_REMEDY)
    return Polygon(_ring(path, place, outer[0]), [_ring(path, place, ring) for ring in inner])


def _ring(path: Path, place: str, ring: Element) -> list[tuple[float, float]]:
    places = []
    for one in (text_of(ring, "coordinates") or "").split():
        try:
            lon, lat = (float(part) for part in one.split(",")[:2])
        except ValueError as error:
            raise InputFileError(
                path=path, place=place, problem=f"{one!r:.60} is not a position", remedy="Write longitude,latitude"
            ) from error
        problem = lonlat_problem(lon, lat)
        if problem is not None:
            raise InputFileError(path=path, place=place, problem=problem[0], remedy=problem[1])
        places.append((lon, lat))
    if len(set(places)) < 3:
        raise InputFileError(
            path=path, place=place, problem="a ring has fewer than three corners", remedy="Draw at least a triangle"
        )
    return places
