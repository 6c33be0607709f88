"""Look points up in zones: ours beside `geopandas.sjoin` and shapely's `STRtree.query`, on the same points, in one run.

    python benchmarks/zones_throughput.py [--points 100000] [--zones 1000] [--vertices 1000] [--processor-time]
        [--peer-python PYTHON]

geopandas runs as a process of its own with the interpreter of another environment (`pip install geopandas` there; give
its python as --peer-python). All get the same points and polygons, ready in memory, and must find the same pairs.
Every way is timed in rounds, and the best round counts: "first" is asking zones that were never asked before, with
whatever a way has to build for it, "again" is asking the same zones once more; all may keep what they built. `sjoin` is
asked in both ways: "within" lets it put the points into its tree, which is much faster, but passes over points on a
border. Last comes what a look-up by ellipse takes, which the others do not have. All of them run on one thread: on a
busy machine --processor-time compares better than the clock.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from geo.zones import Zone, Zones

_ROUNDS = 5
_SIDE_DEG = 0.01
_PEER = """
import json, sys, time
import geopandas, numpy, shapely
clock = getattr(time, sys.argv[5])
places, areas = numpy.load(sys.argv[1]), numpy.load(sys.argv[2], allow_pickle=True)
for _ in range(int(sys.argv[4])):
    left = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(*places.T))
    right = geopandas.GeoDataFrame(geometry=shapely.from_wkb(areas))
    seconds = []
    for _ in range(2):
        began = clock()
        found = geopandas.sjoin(left, right, predicate=sys.argv[3])
        seconds.append(clock() - began)
    print(json.dumps([seconds, len(found)]), flush=True)
"""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The best of several rounds, in seconds."""

    first_s: float
    again_s: float
    pairs: int


def main() -> None:
    """Make points and polygons, time all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--zones", type=int, default=1_000)
    parser.add_argument("--vertices", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer-python", help="python of an environment with geopandas")
    parser.add_argument("--processor-time", action="store_true", help="instead of the clock's")
    args = parser.parse_args()
    clock = "process_time" if args.processor_time else "perf_counter"
    rng = np.random.default_rng(args.seed)
    polygons = _polygons(rng, args.zones, args.vertices)
    side_deg = math.ceil(math.sqrt(args.zones)) * _SIDE_DEG
    points = np.array((120.0, 30.0)) + rng.uniform(0, side_deg, (args.points, 2))
    _say(f"{args.points} points, {args.zones} polygons of {args.vertices} vertices")
    _say(f"{'':44}{'first':>9}{'again':>9}{'pairs':>9}")
    ours = _timed(clock, lambda: _ours(polygons, points))
    _row("ours, Zones.at_points", ours)
    _compare("shapely STRtree(points).query(polygons)", _timed(clock, lambda: _tree_of_points(polygons, points)), ours)
    if args.peer_python:
        for predicate in ("within", "intersects"):
            theirs = _geopandas(args.peer_python, polygons, points, predicate, clock)
            _compare(f"geopandas.sjoin, {predicate}", theirs, ours)
    _compare(
        "shapely STRtree(polygons).query(points)", _timed(clock, lambda: _tree_of_polygons(polygons, points), 1), ours
    )
    _row("ours, under_ellipses of 1.5 m", _timed(clock, lambda: _ellipses(polygons, points)))


def _polygons(rng: np.random.Generator, count: int, vertices: int) -> np.ndarray:
    """Blobs side by side, each with a border that winds."""
    angle = np.linspace(0, 2 * math.pi, vertices, endpoint=False)
    aside = math.ceil(math.sqrt(count))
    blobs = []
    for number in range(count):
        middle = np.array((number % aside + 0.5, number // aside + 0.5))
        wobble = 0.02 * rng.standard_normal(vertices).cumsum() / vertices**0.5
        radius = 0.48 * (1 + 0.1 * np.sin(7 * angle + number) + wobble - np.linspace(0, wobble[-1], vertices))
        ring = middle + radius[:, None] * np.column_stack((np.cos(angle), np.sin(angle)))
        blobs.append(shapely.Polygon(ring * _SIDE_DEG + (120.0, 30.0)))
    assert shapely.is_valid(blobs).all()
    return np.array(blobs, dtype=object)


def _fresh(polygons: np.ndarray) -> np.ndarray:
    """The same polygons, with nothing remembered of earlier questions."""
    return shapely.from_wkb(shapely.to_wkb(polygons))


def _zones(polygons: np.ndarray) -> Zones:
    return Zones([
        Zone(
            kind="grid", code=str(number), name="", properties={}, geometry=polygon, axis=None, valid_from=None,
            valid_to=None,
        )
        for number, polygon in enumerate(_fresh(polygons))
    ])  # fmt: skip


def _ours(polygons: np.ndarray, points: np.ndarray) -> Callable[[], int]:
    zones = _zones(polygons)
    return lambda: len(zones.at_points(points)[0])


def _ellipses(polygons: np.ndarray, points: np.ndarray) -> Callable[[], int]:
    zones = _zones(polygons)
    covariances = np.tile(np.eye(2) * 1.5**2, (len(points), 1, 1))
    return lambda: len(zones.under_ellipses(points, covariances)[0])


def _tree_of_polygons(polygons: np.ndarray, points: np.ndarray) -> Callable[[], int]:
    own = _fresh(polygons)
    tree = shapely.STRtree(own)
    return lambda: tree.query(shapely.points(points), predicate="intersects").shape[1]


def _tree_of_points(polygons: np.ndarray, points: np.ndarray) -> Callable[[], int]:
    own = _fresh(polygons)
    shapely.prepare(own)
    return lambda: shapely.STRtree(shapely.points(points)).query(own, predicate="intersects").shape[1]


def _timed(clock: str, make: Callable[[], Callable[[], int]], rounds: int = _ROUNDS) -> Timing:
    now: Callable[[], float] = getattr(time, clock)
    seconds, pairs = [], 0
    for _ in range(rounds):
        ask = make()
        began = now()
        ask()
        first = now()
        pairs = ask()
        seconds.append((first - began, now() - first))
    return Timing(first_s=min(one for one, _ in seconds), again_s=min(one for _, one in seconds), pairs=pairs)


def _geopandas(python: str, polygons: np.ndarray, points: np.ndarray, predicate: str, clock: str) -> Timing:
    with tempfile.TemporaryDirectory() as folder:
        places, areas = Path(folder) / "points.npy", Path(folder) / "polygons.npy"
        np.save(places, points)
        np.save(areas, shapely.to_wkb(polygons), allow_pickle=True)
        command = [python, "-c", _PEER, str(places), str(areas), predicate, str(_ROUNDS), clock]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rounds = [json.loads(line) for line in told.splitlines()]
    firsts, agains = zip(*(seconds for seconds, _ in rounds), strict=True)
    return Timing(first_s=min(firsts), again_s=min(agains), pairs=rounds[0][1])


def _compare(name: str, theirs: Timing, ours: Timing) -> None:
    assert theirs.pairs == ours.pairs, f"{name} finds {theirs.pairs} pairs, ours {ours.pairs}"
    first, again = theirs.first_s / ours.first_s, theirs.again_s / ours.again_s
    _row(name, theirs, f"ours is {first:.1f} x as fast at first, {again:.1f} x again")


def _row(name: str, timing: Timing, words: str = "") -> None:
    _say(f"{name:44}{timing.first_s:8.3f}s{timing.again_s:8.3f}s{timing.pairs:9}  {words}")


def _say(text: str) -> None:
    sys.stdout.write(text.rstrip() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
