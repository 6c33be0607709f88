"""A plan as GeoJSON for maps: the area, each mission's path, and the places of the photos."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shapely.geometry import Polygon, mapping

from flightplan.coverage.survey import CoveragePlan
from flightplan.files.text import write_text
from flightplan.mission.mission import Mission


def write_geojson(path: Path | str, plan: CoveragePlan) -> None:
    """Writes a FeatureCollection (CRS84, longitude first) with `kind` area, path, home and photos."""
    write_text(Path(path), json.dumps(geojson(plan), allow_nan=False) + "\n")


def write_mission_geojson(path: Path | str, mission: Mission) -> None:
    """Writes one mission as a FeatureCollection with `kind` home, path, fence and rally."""
    home, fence = mission.home, mission.fence
    line = {"type": "LineString", "coordinates": [list(point) for point in mission.path_lonlat()]}
    features = [
        _feature("home", {"type": "Point", "coordinates": [home.lon, home.lat]}, alt_msl_m=home.alt_msl_m),
        _feature("path", line, name=mission.name, **asdict(mission.figures())),
    ]
    for allowed, rings in ((True, fence.inside), (False, fence.outside)) if fence is not None else ():
        features += [_feature("fence", mapping(Polygon(ring)), allowed_inside=allowed) for ring in rings]
    for point in mission.rally:
        features.append(_feature("rally", {"type": "Point", "coordinates": [point.lon, point.lat]}))
    document = {"type": "FeatureCollection", "features": features}
    write_text(Path(path), json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")


def geojson(plan: CoveragePlan) -> dict[str, Any]:
    """The plan as a GeoJSON FeatureCollection."""
    home = plan.missions[0].home if plan.missions else None
    features = [_feature("area", mapping(plan.area.polygon), name=plan.area.name, **asdict(plan.coverage))]
    if home is not None:
        features.append(_feature("home", {"type": "Point", "coordinates": [home.lon, home.lat]}))
    for mission, figures in zip(plan.missions, plan.figures, strict=True):
        line = {"type": "LineString", "coordinates": [list(point) for point in mission.path_lonlat()]}
        features.append(_feature("path", line, name=mission.name, **asdict(figures)))
    photos = {"type": "MultiPoint", "coordinates": [list(place) for place in plan.photos_lonlat]}
    features.append(_feature("photos", photos, photos=len(plan.photos_lonlat)))
    return {"type": "FeatureCollection", "features": features}


def _feature(kind: str, geometry: dict[str, Any], **properties: object) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"kind": kind, **properties}, "geometry": geometry}
