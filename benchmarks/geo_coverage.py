"""What the ledger of coverage costs: time per look, memory and bytes per square kilometre, time per question.

A mapping flight (120 m, 84 degrees, 70/60 overlap) over a square of level ground, over hills as a DEM, and oblique.
Run: `python benchmarks/geo_coverage.py [--side-m 1000]`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from testbed import Hills

from geo.camera import camera_by_name
from geo.coverage import CoverageLedger, CoverageRecorder, ModelSight, added_up, unseen, write_coverage
from geo.dem import DemGround
from geo.footprint import footprint_polygon
from geo.frames import LocalFrame
from geo.ground import FlatGround, Ground
from geo.pose import Pose

HEIGHT_M = 120.0
BEGAN_AT = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)


def places(side_m: float) -> np.ndarray:
    """East, north of the pictures: rows 69 m apart, a picture every 39 m."""
    along, across = np.arange(0.0, side_m + 1, 38.9), np.arange(0.0, side_m + 1, 69.15)
    return np.column_stack([axis.ravel() for axis in np.meshgrid(along, across)]) - side_m / 2


def fly(
    side_m: float, ground: Ground, frame: LocalFrame, *, pitch_deg: float = -90.0
) -> tuple[CoverageRecorder, float]:
    """The recorder after the flight, and milliseconds per look."""
    camera = camera_by_name("dji-m3e")
    recorder = CoverageRecorder(models=(ModelSight(name="m", sha256="0" * 12, labels=("waste",), coarsest_m=0.09),))
    spent = 0.0
    points = places(side_m)
    for number, (lon, lat) in enumerate(frame.lonlat_from_en(points).tolist()):
        pose = Pose(
            at=None,
            lon=lon,
            lat=lat,
            alt_m=HEIGHT_M,
            alt_datum="home",
            heading_deg=0.0,
            pitch_deg=pitch_deg,
            roll_deg=0.0,
        )
        footprint = footprint_polygon(pose, camera, ground)
        began = time.perf_counter()
        recorder.add(pose, camera, ground, footprint_lonlat=footprint, at=BEGAN_AT + timedelta(seconds=2 * number))
        spent += time.perf_counter() - began
    return recorder, 1000 * spent / len(points)


def main() -> None:
    """Fly, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side-m", type=float, default=1000.0)
    side_m = parser.parse_args().side_m
    hills = Hills()
    frame = LocalFrame(lon=hills.lon, lat=hills.lat)
    told: dict[str, object] = {"side_m": side_m, "pictures": len(places(side_m))}
    with tempfile.TemporaryDirectory() as folder:
        dem = hills.write_dem(Path(folder) / "dem.tif", reach_m=side_m / 2 + 600, cell_m=5.0)
        hilly = DemGround.open(dem, home_lonlat=(hills.lon, hills.lat))
        recorder, told["flat_ms_per_look"] = fly(side_m, FlatGround(), frame)
        _, told["oblique_ms_per_look"] = fly(min(side_m, 500.0), FlatGround(), frame, pitch_deg=-40.0)
        hills_recorder, told["hills_ms_per_look"] = fly(min(side_m, 500.0), hilly, frame)
        flight, over_hills = recorder.result("F1"), hills_recorder.result("F2")
        cells = flight.cells()
        km2 = cells.area_m2() / 1e6
        began = time.perf_counter()
        path = write_coverage(Path(folder) / "seen", flight)
        told["write_ms"] = 1000 * (time.perf_counter() - began)
        told |= {
            "km2": km2,
            "memory_bytes_per_km2": cells.nbytes / km2,
            "file_bytes_per_km2": path.stat().st_size / km2,
        }
        rough = write_coverage(Path(folder) / "rough", over_hills)
        told["file_bytes_per_km2_hills"] = rough.stat().st_size / (over_hills.cells().area_m2() / 1e6)
        began = time.perf_counter()
        ledger = CoverageLedger.of_folder(path.parent)
        ledger.looked_at(hills.lon, hills.lat)
        told["first_question_ms"] = 1000 * (time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range(100):
            ledger.looked_at(hills.lon, hills.lat)
        told["question_ms"] = 10 * (time.perf_counter() - began)
        began = time.perf_counter()
        added_up([cells] * 10)
        told["add_up_10_flights_ms"] = 1000 * (time.perf_counter() - began)
        corners = frame.lonlat_from_en(
            [(x * side_m * 0.6, y * side_m * 0.6) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        )
        began = time.perf_counter()
        left = unseen(shapely.Polygon(corners), cells)
        told["left_to_fly_ms"] = 1000 * (time.perf_counter() - began)
        told["left_share"] = left.share
    shown = {name: round(value, 3) if isinstance(value, float) else value for name, value in told.items()}
    sys.stdout.write(json.dumps(shown, indent=1) + "\n")


if __name__ == "__main__":
    main()
