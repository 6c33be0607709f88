"""The peers of `planning.py`: runs in an environment of its own, with one of the packages.

    python benchmarks/planning_peer.py NAME asked.json answer.json

Reads the area (rings in degrees and in metres), the height, the overlaps and the picture's size, and writes the path in
metres, or in degrees where the package plans in degrees, and the seconds it took.
"""

import itertools
import json
import math
import sys
import time
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Points, their unit (`m` or `deg`), and seconds.
Answer = tuple[list[list[float]], str, float]


def opencoverage(asked: dict[str, Any]) -> Answer:
    """Its optimal sweep, with a camera of our field of view."""
    from opencoverage.models import UAV, PinholeCamera
    from opencoverage.planner import plan
    from shapely.geometry import Polygon

    height_m, (across_m, along_m) = asked["height_m"], asked["picture_m"]
    camera = PinholeCamera(
        pixel_size_mm=0.0024,
        focal_length_mm=8.0,
        sensor_width_mm=8.0 * across_m / height_m,
        sensor_height_mm=8.0 * along_m / height_m,
        capture_rate_s=1.0,
    )
    outer, *holes = asked["rings_m"]
    began = time.process_time()
    mission = plan(
        polygon=Polygon(outer, holes),
        uav=UAV(min_height=30.0, max_height=120.0, survey_velocity=15.0),
        camera=camera,
        pattern="optimal_sweep",
        lateral_overlap=asked["sidelap"],
        forward_overlap=asked["frontlap"],
        target="altitude",
        target_value=height_m,
    )
    return [list(map(float, point[:2])) for point in mission.path], "m", time.process_time() - began


def drone_flightplan(asked: dict[str, Any]) -> Answer:
    """Its waylines; holes are told as no-fly zones."""
    # Wanted at import, for heights from elevation models, which are not asked for.
    for name in ("osgeo", "osgeo.gdal", "osgeo.ogr", "osgeo.osr"):
        sys.modules[name] = types.ModuleType(name)
    for name in ("gdal", "ogr", "osr"):
        setattr(sys.modules["osgeo"], name, sys.modules[f"osgeo.{name}"])
    from drone_flightplan import drone_type, waypoints

    across_m, along_m = asked["picture_m"]
    kind = drone_type.DroneType.DJI_MINI_4_PRO
    drone_type.DRONE_PARAMS[kind]["HORIZONTAL_FOV"] = across_m / asked["height_m"]
    drone_type.DRONE_PARAMS[kind]["VERTICAL_FOV"] = along_m / asked["height_m"]
    outer, *holes = asked["rings_deg"]
    zones = [{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [hole]}} for hole in holes]
    began = time.process_time()
    planned = waypoints.create_waypoint(
        {"type": "Polygon", "coordinates": [outer]},
        asked["height_m"],
        None,
        asked["frontlap"] * 100,
        asked["sidelap"] * 100,
        no_fly_zones={"features": zones} if zones else None,
        drone_type=kind,
    )
    seconds = time.process_time() - began
    features = json.loads(planned["geojson"])["features"]
    return [feature["geometry"]["coordinates"][:2] for feature in features], "deg", seconds


def coverage_path_planner(asked: dict[str, Any]) -> Answer:
    """Its lines along the area's longest side, without laps along the edge."""
    import coverage_path_planner as planner

    def ring(points: Sequence[Sequence[float]]) -> Any:  # noqa: ANN401 - the package says no types
        return planner.Polygon([planner.Point(x, y) for x, y in points[:-1]])

    outer, *holes = asked["rings_m"]
    sides = [(math.dist(a, b), math.atan2(b[1] - a[1], b[0] - a[0])) for a, b in itertools.pairwise(outer)]
    settings = planner.PathSettings()
    settings.pattern, settings.angle = "lines", max(sides)[1] % math.pi
    settings.offset = asked["picture_m"][0] * (1 - asked["sidelap"])
    # With 0 its legs cross the hole.
    settings.distanceToBorder = 0.1
    settings.mowArea, settings.mowBorder, settings.mowExclusionsBorder = True, False, False
    settings.borderLaps = settings.exclusionsBorderLaps = 0
    began = time.process_time()
    environment = planner.Environment(ring(outer))
    for hole in holes:
        environment.addObstacle(ring(hole))
    found = planner.PathService().computeFullTask(environment, settings, planner.Point(*outer[0]))
    path = [[point.x, point.y] for point in found.path.getPoints()]
    return path, "m", time.process_time() - began


def main() -> None:
    """Plan once."""
    name, asked_path, answer_path = sys.argv[1:]
    asked = json.loads(Path(asked_path).read_text(encoding="utf-8"))
    path, unit, seconds = globals()[name.replace("-", "_")](asked)
    answer = {"path": path, "unit": unit, "seconds": seconds}
    Path(answer_path).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
