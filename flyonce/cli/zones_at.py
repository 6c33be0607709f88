"""`flyonce zones at`: in which zones a place lies, and what its coordinates are on other maps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from flyonce.cli.options import AsJson, finite, lonlat
from flyonce.cli.output import emit_json, fail, stdout
from geo import crs_cn
from geo.position import Fix
from geo.zones import ZoneHit, Zones


class System(StrEnum):
    """Systems of degrees in which a place may be given."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


_WGS84_FROM: dict[System, Callable[[tuple[float, float]], npt.NDArray[np.float64]]] = {
    System.WGS84: lambda place: np.array([place]),
    System.GCJ02: crs_cn.wgs84_from_gcj02,
    System.BD09: crs_cn.wgs84_from_bd09,
}


def at(
    zones: Annotated[Path, typer.Argument(help="Zones file, .geojson or .gpkg.")],
    place: Annotated[str, typer.Option("--place", help="LON,LAT in degrees.", metavar="LON,LAT")],
    error_m: Annotated[
        float, typer.Option(min=0.0, help="Error of the place, one sigma each way, metres.", callback=finite)
    ] = 1.5,
    on: Annotated[str | None, typer.Option("--on", help="Only zones valid on this day, like 2026-05-01.")] = None,
    system: Annotated[System, typer.Option("--in", help="System of the place.", case_sensitive=False)] = System.WGS84,
    as_json: AsJson = False,
) -> None:
    """Tell in which zones a place lies and how surely, and its coordinates in the systems of Chinese maps."""
    lon, lat = (float(value) for value in _WGS84_FROM[system](lonlat(place))[0])
    day = None if on is None else day_of(on)
    fix = fix_at(lon, lat, error_m)
    hits = Zones.from_file(zones).under(fix, on=day)
    elsewhere = _elsewhere(lon, lat)
    if as_json:
        emit_json({"lon": lon, "lat": lat, "error_m": error_m, "zones": [_hit(hit) for hit in hits], **elsewhere})
        return
    for hit in hits:
        stdout.print(f"{hit.probability:7.2%}  {hit.zone.kind}  {hit.zone.code}  {hit.zone.name}", markup=False)
    if not hits:
        stdout.print("in no zone", markup=False)
    for name, values in elsewhere.items():
        stdout.print(f"{name}: {', '.join(map(str, values))}", markup=False)


def fix_at(lon: float, lat: float, error_m: float) -> Fix:
    """A place in degrees with the same error (one sigma, metres) each way."""
    variance = error_m**2
    return Fix(
        lon=lon,
        lat=lat,
        alt_m=0.0,
        covariance_m2=((variance, 0.0), (0.0, variance)),
        height_source="none",
        yaw_source="none",
    )


def day_of(text: str) -> date:
    """The day of `--on`; leaves with 2 where it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"--on {text}: is no day; write it like 2026-05-01")


def _hit(hit: ZoneHit) -> dict[str, Any]:
    zone = hit.zone
    return {
        "kind": zone.kind,
        "code": zone.code,
        "name": zone.name,
        "probability": round(hit.probability, 6),
        "valid_from": None if zone.valid_from is None else zone.valid_from.isoformat(),
        "valid_to": None if zone.valid_to is None else zone.valid_to.isoformat(),
        "season": zone.season,
    }


def _elsewhere(lon: float, lat: float) -> dict[str, list[float]]:
    """The place in other systems: degrees with eight decimals, and east and north on the CGCS2000 grid of its zone."""
    found = {
        "gcj02_lonlat": [round(float(value), 8) for value in crs_cn.gcj02_from_wgs84((lon, lat))[0]],
        "bd09_lonlat": [round(float(value), 8) for value in crs_cn.bd09_from_wgs84((lon, lat))[0]],
    }
    try:
        epsg = crs_cn.gauss_kruger_epsg(lon)
    except ValueError:
        return found
    east_north = crs_cn.grid_from_lonlat((lon, lat), epsg)[0]
    return {**found, f"epsg_{epsg}_east_north_m": [round(float(value), 3) for value in east_north]}
