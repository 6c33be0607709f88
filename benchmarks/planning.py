"""Our planner and its peers over the same areas: path, turns, time in the air, coverage, metres in holes, seconds.

    python benchmarks/planning.py [--cases FOLDER] [--sweep] [--hills] [--random 500]
        [--drone-flightplan PYTHON] [--opencoverage PYTHON] [--coverage-path-planner PYTHON]

Each peer runs in a process and an environment of its own, whose python is given (`pip install` the package there;
drone-flightplan with `--no-deps`, and geojson, pyproj and shapely besides: GDAL's bindings are not needed for level
ground). All fly 120 m high with a camera of 84 degrees and overlaps of 70 and 60 per cent, and all paths are measured
by the same counting of footprints, with photos every 38.9 m along the whole path. Turns are corners sharper than 20
degrees; time in the air is that of one model of motion, at 15 m/s; seconds are the processor's.

`--sweep` turns a strip by every degree. `--hills` plans over generated hills and tells heights, vertices and coverage
on the real ground. `--random N` plans N seeded areas (concave, holed, narrow, torn, partly shut) and tells the worst.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from flightplan_coverage import (
    ALTITUDE_M,
    CAMERA,
    FRONTLAP,
    SIDELAP,
    FloatArray,
    one_polygon,
    shares_along,
    turned_strip,
)
from shapely.geometry import LineString, Polygon

from flightplan.coverage.survey import CoveragePlan, plan_coverage
from flightplan.ground.area import PatrolArea
from flightplan.mission.figures import LANDING_OVERHEAD_S
from flightplan.mission.kinematics import Kinematics, turn_deg
from flightplan.mission.profile import profile_of
from flightplan.projection import LocalFrame
from geo.camera import camera_by_name

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT / "tests" / "flightplan"))

from random_areas import RandomArea, random_areas  # noqa: E402 - the tests' own areas

PEERS = ("drone-flightplan", "opencoverage", "coverage-path-planner")
AREAS = ("square_1km2", "lshape_2km2", "hole_poly")
SPEED_M_S = 15.0
_PEER_LIMIT_S = 300
_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a path is worth: kilometres, turns, minutes in the air, shares seen, metres in holes, seconds to plan."""

    km: float
    turns: int
    minutes: float
    seen: tuple[float, float]
    in_holes_m: float
    seconds: float


def measure(paths: list[FloatArray], polygon: Polygon, seconds: float) -> Measured:
    """The same for everybody: paths (n, 2) in metres, one for each flight, without the ways from and to home."""
    kinematics = Kinematics()
    holes = shapely.union_all([Polygon(hole) for hole in polygon.interiors])
    air_s = 0.0
    for path in paths:
        points = [(float(east), float(north)) for east, north in path]
        air_s += kinematics.path_seconds(points, SPEED_M_S) + LANDING_OVERHEAD_S
    return Measured(
        km=sum(LineString(path).length for path in paths) / 1000,
        turns=sum(_turns(path) for path in paths),
        minutes=air_s / 60,
        seen=shares_along(polygon, paths),
        in_holes_m=float(sum(LineString(path).intersection(holes).length for path in paths)),
        seconds=seconds,
    )


def _turns(path: FloatArray) -> int:
    legs = [(a, b) for a, b in itertools.pairwise(path) if math.dist(a, b) > 0.01]
    courses = [math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])) for a, b in legs]
    return sum(abs(turn_deg(a, b)) > 20 for a, b in itertools.pairwise(courses))


def ours(area: PatrolArea) -> Measured:
    """Our plan; seconds of the processor, the fewest of a few tries, because other work shares the machine."""
    west, south, _, _ = area.polygon.bounds
    camera, frame, spent = camera_by_name(CAMERA), area.frame(), []
    for _ in range(_TRIES):
        began = time.process_time()
        plan = plan_coverage(area, camera, ALTITUDE_M, FRONTLAP, SIDELAP, home_lonlat=(west, south))
        spent.append(time.process_time() - began)
    return measure(_survey_paths(plan, frame), one_polygon(area, frame), min(spent))


def _survey_paths(plan: CoveragePlan, frame: LocalFrame) -> list[FloatArray]:
    places = [np.array([(point.lon, point.lat) for point in mission.waypoints]) for mission in plan.missions]
    return [frame.en_from_lonlat(place) for place in places]


def peers(area: PatrolArea, name: str, python: str) -> Measured:
    """A peer's plan.

    Raises:
        RuntimeError: It failed; with its last line.
    """
    camera, frame = camera_by_name(CAMERA), area.frame()
    polygon = one_polygon(area, frame)
    rings = [polygon.exterior, *polygon.interiors]
    asked = {
        "rings_m": [[list(point) for point in ring.coords] for ring in rings],
        "rings_deg": [
            [list(point) for point in frame.lonlat_from_en(np.array(ring.coords)).tolist()] for ring in rings
        ],
        "height_m": ALTITUDE_M,
        "picture_m": camera.footprint_wh_m(ALTITUDE_M),
        "frontlap": FRONTLAP,
        "sidelap": SIDELAP,
    }
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder) / "asked.json", Path(folder) / "answer.json"
        question.write_text(json.dumps(asked), encoding="utf-8")
        command = [python, str(Path(__file__).with_name("planning_peer.py")), name, str(question), str(answer)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PEER_LIMIT_S, check=False)
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr.strip().splitlines()[-1:]}")
        told = json.loads(answer.read_text(encoding="utf-8"))
    path = np.array(told["path"], dtype=float)
    path = frame.en_from_lonlat(path) if told["unit"] == "deg" else path
    return measure([path], polygon, told["seconds"])


def compare(cases: Path, pythons: dict[str, str]) -> bool:
    """Prints the table; whether ours are under a second, whole, and out of the holes."""
    _say(f"{'area':<13}{'planner':<23}{'km':>7}{'turns':>6}{'min':>6}  once/five along the path  in hole      s")
    met = True
    for name in AREAS:
        area = PatrolArea.from_geojson(cases / f"{name}.geojson")
        mine = ours(area)
        _row(name, "flyonce", mine)
        met &= mine.seconds <= 1.0 and mine.seen[0] == 1.0 and mine.in_holes_m == 0.0
        for peer, python in pythons.items():
            try:
                _row("", peer, peers(area, peer, python))
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                _say(f"{'':<13}{peer:<23} failed: {error}")
    return met


def _row(area: str, planner: str, got: Measured) -> None:
    _say(
        f"{area:<13}{planner:<23}{got.km:7.2f}{got.turns:6d}{got.minutes:6.1f}  "
        f"{got.seen[0]:.3f}/{got.seen[1]:.3f}{'':<14}{got.in_holes_m:7.0f} m {got.seconds:7.3f}"
    )


def try_random(count: int) -> bool:
    """Plans so many random areas and tells the worst of each kind; whether all were whole and kept out."""
    frame = LocalFrame(lon=118.87, lat=28.94)
    spent, least, inside = defaultdict[str, list[float]](list), defaultdict[str, float](lambda: 1.0), 0.0
    same = True
    for number, area in enumerate(random_areas(count)):
        began = time.process_time()
        plan = _random_plan(area, number, frame)
        spent[area.kind].append(time.process_time() - began)
        least[area.kind] = min(least[area.kind], plan.coverage.seen_once)
        paths = [LineString(frame.en_from_lonlat(np.array(mission.path_lonlat()))) for mission in plan.missions]
        inside += sum(path.intersection(area.forbidden).length for path in paths)
        if number % 10 == 0:
            same &= plan.missions == _random_plan(area, number, frame).missions
    for kind in spent:
        _say(
            f"{kind:<9}{len(spent[kind]):4d} areas: seen at least once {least[kind]:.5f} at worst, "
            f"{np.mean(spent[kind]):.2f} s of processor on average, {max(spent[kind]):.2f} s at most"
        )
    _say(f"metres over holes and no-fly areas: {inside:.3f}; every tenth planned twice gives the same: {same}")
    return min(least.values()) >= 0.999 and inside == 0.0 and same


def _random_plan(area: RandomArea, number: int, frame: LocalFrame) -> CoveragePlan:
    frontlap, sidelap = ((0.7, 0.6), (0.7, 0.3), (0.5, 0.1), (0.8, 0.7))[number % 4]
    east = max(shape.bounds[2] for shape in (area.area, *area.no_fly)) + 30.0
    home = frame.lonlat_from_en(np.array([[east, (area.area.bounds[1] + area.area.bounds[3]) / 2]]))[0]
    return plan_coverage(
        PatrolArea(name=area.kind, polygon=shapely.transform(area.area, frame.lonlat_from_en)),
        camera_by_name(CAMERA),
        80.0,
        frontlap,
        sidelap,
        home_lonlat=(float(home[0]), float(home[1])),
        no_fly=[shapely.transform(place, frame.lonlat_from_en) for place in area.no_fly],
    )


class Hills:
    """Ground as waves: so many metres up and down over such a length."""

    def __init__(self, frame: LocalFrame, amplitude_m: float, length_m: float) -> None:
        self._frame, self._amplitude_m, self._turns = frame, amplitude_m, 2 * math.pi / length_m

    def heights_m(self, lonlat: FloatArray) -> FloatArray:
        """Heights (n,) at degrees (n, 2)."""
        east, north = self._frame.en_from_lonlat(lonlat).T * self._turns
        return np.asarray(300 + self._amplitude_m * np.sin(east) * np.cos(north / 1.3))


def fly_hills() -> bool:
    """Plans a square kilometre over ever steeper hills; whether all keep 120 m and see everything."""
    frame = LocalFrame(lon=118.87, lat=28.94)
    area = PatrolArea(name="hills", polygon=shapely.transform(shapely.box(0, 0, 1000, 1000), frame.lonlat_from_en))
    lon, lat = frame.lonlat_from_en(np.array([[-50.0, -50.0]]))[0]
    met = True
    for amplitude_m, (frontlap, sidelap), band_m in itertools.product((0, 20, 50, 90), _laps(), (10.0, 20.0)):
        began = time.process_time()
        plan = plan_coverage(
            area, camera_by_name(CAMERA), 100.0, frontlap, sidelap,
            home_lonlat=(lon, lat), terrain=Hills(frame, amplitude_m, 700.0), band_m=band_m,
        )  # fmt: skip
        spent_s = time.process_time() - began
        agl = np.concatenate([profile_of(mission).agl_m for mission in plan.missions])
        points = sum(len(mission.waypoints) for mission in plan.missions)
        _say(
            f"hills ±{amplitude_m:2d} m, band ±{band_m:g} m, overlaps {frontlap:g}/{sidelap:g}: "
            f"{agl.min():6.1f} to {agl.max():6.1f} m above ground, {points:4d} waypoints, "
            f"rows {plan.row_spacing_m:5.1f} m apart, seen {plan.coverage.seen_once:.4f}/"
            f"{plan.coverage.seen_five_times:.4f}, {sum(f.duration_s for f in plan.figures) / 60:5.1f} min, "
            f"{spent_s:.2f} s"
        )
        met &= agl.max() <= 120.0 and agl.min() >= 100.0 - band_m and plan.coverage.seen_once == 1.0
    return met


def _laps() -> Iterator[tuple[float, float]]:
    yield from ((0.7, 0.6), (0.6, 0.15))


def sweep() -> bool:
    """Turns a strip of 2,000 × 500 m by every degree; whether it is seen whole at each."""
    worst, slowest_s = 1.0, 0.0
    for angle in range(181):
        got = ours(turned_strip(angle))
        worst, slowest_s = min(worst, got.seen[0]), max(slowest_s, got.seconds)
    _say(f"strip 2,000 × 500 m turned 0-180° by 1°: least coverage {worst:.4f}, {slowest_s:.2f} s at most")
    return worst == 1.0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Prints the tables; the exit code says whether ours met every bar."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=Path, default=_ROOT.parent / "shared" / "data" / "cases")
    parser.add_argument("--random", type=int, default=0, help="how many random areas")
    parser.add_argument("--hills", action="store_true")
    parser.add_argument("--sweep", action="store_true", help="turn a strip by every degree")
    for peer in PEERS:
        parser.add_argument(f"--{peer}", help=f"python of an environment with {peer}")
    told = parser.parse_args()
    pythons = {peer: python for peer in PEERS if (python := getattr(told, peer.replace("-", "_")))}
    met = compare(told.cases, pythons)
    met &= not told.sweep or sweep()
    met &= not told.hills or fly_hills()
    met &= not told.random or try_random(told.random)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
