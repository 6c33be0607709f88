"""Writes what the city would hand over: the zones file and the patrol area, as GeoJSON in longitude and latitude."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import box, mapping
from shapely.geometry.base import BaseGeometry

from flyonce.demo.district import District

_PROTECTION_M = 22.0
_NO_FISHING_M = 12.0
_MANAGEMENT_M = 40.0


def zone_features(district: District, today: date) -> list[dict[str, Any]]:
    """GeoJSON features of every zone; the no-fishing notice holds for the year of `today`."""
    return [*_administrative(district), *_streets(district), *_reservoir(district, today)]


def write_zones(path: Path, district: District, today: date) -> None:
    """Writes the zones file, a FeatureCollection in longitude and latitude."""
    path.write_text(_dump(zone_features(district, today), "flyonce demo zones (staged)"), encoding="utf-8")


def write_patrol_area(path: Path, district: District) -> None:
    """Writes the patrol area, a FeatureCollection with one polygon."""
    feature = _feature(district, district.patrol_area, kind="patrol_area", code="DEMO-A01", name="演示巡查区")
    path.write_text(_dump([feature], "flyonce demo patrol area (staged)"), encoding="utf-8")


def _dump(features: list[dict[str, Any]], name: str) -> str:
    return json.dumps({"type": "FeatureCollection", "name": name, "features": features}, ensure_ascii=False, indent=1)


def _administrative(district: District) -> list[dict[str, Any]]:
    reach = district.half_extent_en_m[1]
    towns = [
        _feature(district, box(west, -reach, east, reach), kind="district", code=code, name=name, basis="演示区划")
        for code, name, (west, east) in district.towns
    ]
    grids = [
        _feature(district, box(*grid.bounds_m), kind="grid", code=grid.code, name=grid.name, town=grid.town)
        for grid in district.grids
    ]
    return towns + grids


def _streets(district: District) -> list[dict[str, Any]]:
    features = []
    for street in district.streets:
        line = street.centre_line(district.half_extent_en_m)
        common: dict[str, Any] = {"code": street.code, "name": street.name, "width_m": street.width_m}
        features.append(_feature(district, line, kind="road", **common, **{"class": street.road_class}))
        features.append(_feature(district, line, kind="street", **common))
    return features


def _reservoir(district: District, today: date) -> list[dict[str, Any]]:
    water = district.reservoir
    year = today.year
    return [
        _feature(district, water, kind="permanent_water", code="DEMO-W01", name="仿真水库（演示）"),
        _feature(
            district,
            water.buffer(_PROTECTION_M),
            kind="reservoir_protection_1",
            code="DEMO-W01-P1",
            name="仿真水库饮用水水源一级保护区（演示）",
            basis="水污染防治法 §65, §91",
        ),
        _feature(
            district,
            water.buffer(_MANAGEMENT_M),
            kind="reservoir_management",
            code="DEMO-W01-M",
            name="仿真水库管理范围（演示）",
            basis="演示水库管理办法",
        ),
        _feature(
            district,
            water.buffer(_NO_FISHING_M),
            kind="no_fishing",
            code="DEMO-W01-NF",
            name="仿真水库禁渔通告（演示）",
            basis=f"演示禁渔通告〔{year}〕1号",
            valid_from=f"{year}-01-01",
            valid_to=f"{year}-12-31",
        ),
    ]


def _feature(district: District, geometry_m: BaseGeometry, **properties: Any) -> dict[str, Any]:  # noqa: ANN401
    def lonlat(points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.round(district.frame.lonlat_from_enu(points_m), 8)

    return {
        "type": "Feature",
        "properties": {**properties, "staged": True},
        "geometry": mapping(shapely.transform(geometry_m, lonlat)),
    }
