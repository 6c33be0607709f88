from __future__ import annotations

import ast
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import prcoords
import pytest

from geo.map_links import map_links

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("geo", "flightplan", "vision", "dispatch_api", "flyonce")
DOORS = {"geo/map_links.py", "geo/zones/crs.py", "flyonce/cli/zones_at.py"}


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_amap_gets_gcj_02_with_the_longitude_first() -> None:
    query = query_of(map_links(120.15, 30.25, "积水 & 3号")["amap"])
    lon, lat = map(float, query["position"].split(","))
    expected = prcoords.wgs_gcj((30.25, 120.15))
    assert (lon, lat) == (pytest.approx(expected.lon, abs=1e-6), pytest.approx(expected.lat, abs=1e-6))
    assert (query["coordinate"], query["name"]) == ("gaode", "积水 & 3号")


def test_baidu_gets_bd_09_with_the_latitude_first() -> None:
    query = query_of(map_links(120.15, 30.25, "积水")["baidu"])
    lat, lon = map(float, query["location"].split(","))
    expected = prcoords.wgs_bd((30.25, 120.15))
    assert (lon, lat) == (pytest.approx(expected.lon, abs=1e-6), pytest.approx(expected.lat, abs=1e-6))
    assert (query["coord_type"], query["title"]) == ("bd09ll", "积水")


def test_outside_china_the_numbers_stay() -> None:
    assert query_of(map_links(-0.14, 50.82, "pier")["amap"])["position"] == "-0.140000,50.820000"


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found


def test_shifted_coordinates_have_three_doors_and_no_more() -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    # Links, files on their way in, and places that a person types in or is told.
    users = {path.relative_to(ROOT).as_posix() for path in modules if "geo.crs_cn" in imports(path)}
    assert users == DOORS
