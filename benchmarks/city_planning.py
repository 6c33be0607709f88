"""A whole city shared out among its docks: how long planning takes, and how near the plan comes to what is possible.

Run: python benchmarks/city_planning.py [--docks even|random|clustered] [--sidelap 0.6] [--hills] [--growth]
[--plot SVG] [--json]

The city is a generated square of 2,000 km² with 70 docks; drones of 38 minutes (25 % reserve), 15 m/s, 30 minutes of
charging and 2 of handling, 120 m above ground, a camera of 84 degrees. `least` is what no sharing of the same rows
beats when each is charged the way to it and back (dual of the linear programme), `formula` the estimate of
`flightplan.fleet.formula`. Times are those of sharing out, cutting into flights and giving them their hours.

`--hills` lays the city between generated hills with slopes of 30 degrees and more, and flies 100 m above ground in a
band of 80 to 120 m; every mission is then held against the ground once more, every two metres and reckoned apart from
the planner. There, `least` knows what rows take over the hills, and not what the ways to them and back do.

`--growth` plans 100 to 4,000 km² at the same density of docks, with even docks;
`--plot FILE.svg` draws it, and prints the exponent of the growth: 1 would be linear.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from shapely.geometry import Polygon

from flightplan.fleet.as_flown import plan_as_flown
from flightplan.fleet.formula import CityFormula
from flightplan.fleet.missions import FleetMissions
from flightplan.fleet.model import Dock, DroneModel, Fleet
from flightplan.fleet.plan import FleetPlan, Survey, plan_fleet
from flightplan.fleet.schedule import schedule
from flightplan.projection import LocalFrame

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "flightplan"))

from hilly_ground import GroundGrid, write_hills

KM2, DOCKS = 2_000.0, 70
CITY = LocalFrame(lon=118.86, lat=28.97)
DRONE = DroneModel(name="dock", max_range_m=15_000.0)
DAY = date(2026, 11, 23)
# Of the processor: what else the machine does is not ours.
BARS = {"ratio": 1.10, "cpu_s": 60.0, "peak_mib": 2_048.0}
HILLS_BARS = {"cpu_s": 180.0, "peak_mib": 2_048.0, "unlawful": 0}
HEIGHT_M, BAND_M = 100.0, 20.0
GROWTH_KM2 = (100.0, 250.0, 500.0, 1_000.0, 2_000.0, 4_000.0)


def main() -> None:
    """Plan the city and print what came of it."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--docks", choices=("even", "random", "clustered"), action="append")
    asked.add_argument("--sidelap", type=float, action="append")
    asked.add_argument("--hills", action="store_true")
    asked.add_argument("--growth", action="store_true")
    asked.add_argument("--plot", type=Path)
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    rows = []
    if given.growth or given.plot is not None:
        rows = [_row("even", 0.2, km2, max(1, round(DOCKS * km2 / KM2))) for km2 in GROWTH_KM2]
    elif given.hills:
        for docks in given.docks or ("even",):
            rows += [_hilly_row(docks, sidelap, KM2, DOCKS) for sidelap in given.sidelap or (0.2,)]
    else:
        for docks in given.docks or ("even", "random", "clustered"):
            rows += [_row(docks, sidelap, KM2, DOCKS) for sidelap in given.sidelap or (0.6, 0.2)]
    sys.stdout.write(json.dumps(rows) + "\n" if given.json else "".join(_in_words(row) + "\n" for row in rows))
    if given.plot is not None:
        exponent = plot(given.plot, [(row["km2"], row["cpu_s"]) for row in rows])
        sys.stdout.write(f"seconds grow with km2 to the power of {exponent:.2f}: {given.plot}\n")
    held = [row for row in rows if row["docks"] == "even" and row["km2"] == KM2]
    bars = HILLS_BARS if given.hills else BARS
    if any(row[name] > most for row in held for name, most in bars.items()):
        sys.exit(1)


def _row(kind: str, sidelap: float, km2: float, docks: int) -> dict[str, Any]:
    area, fleet = city(kind, km2, docks)
    began, cpu = time.perf_counter(), time.process_time()
    plan = plan_fleet([area], fleet, Survey(sidelap=sidelap))
    schedule(plan, fleet, DAY)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return _figures(plan, kind, sidelap, km2) | _used(seconds, cpu_s)


def _hilly_row(kind: str, sidelap: float, km2: float, docks: int) -> dict[str, Any]:
    area, fleet = city(kind, km2, docks)
    with tempfile.TemporaryDirectory() as folder:
        terrain = write_hills(Path(folder) / "hills.tif", CITY, reach_m=math.sqrt(km2 * 1e6) / 2 + 3_000.0)
        survey = Survey(altitude_m=HEIGHT_M, band_m=BAND_M, sidelap=sidelap, terrain=terrain)
        began, cpu = time.perf_counter(), time.process_time()
        plan, missions = plan_as_flown([area], fleet, survey)
        schedule(plan, fleet, DAY, missions=missions)
        used = _used(time.perf_counter() - began, time.process_time() - cpu)
        held = _held_against(GroundGrid(terrain.path), plan, missions)
        return _figures(plan, kind, sidelap, km2, lowest_m=HEIGHT_M - BAND_M) | held | used


def _held_against(ground: GroundGrid, plan: FleetPlan, missions: FleetMissions) -> dict[str, Any]:
    """How high the missions fly, how much of their batteries they use, and how many do not keep to that."""
    heights, shares, unlawful = [], [], 0
    for number, tour in enumerate(plan.tours):
        for flight in tour.flights:
            mission = missions.mission(number, flight, "held")
            above_m = ground.above_m(mission)
            share = mission.figures(DRONE.kinematics).duration_s / DRONE.usable_s
            keeps = above_m.max() <= HEIGHT_M + BAND_M and above_m.min() >= HEIGHT_M - BAND_M and share <= 1.0
            unlawful += not keeps
            heights += [float(above_m.min()), float(above_m.max())]
            shares.append(share)
    return {
        "lowest_m": min(heights),
        "highest_m": max(heights),
        "longest_of_battery": max(shares),
        "mean_of_battery": float(np.mean(shares)),
        "unlawful": unlawful,
    }


def _used(seconds: float, cpu_s: float) -> dict[str, float]:
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "cpu_s": cpu_s, "peak_mib": peak_mib}


def _figures(
    plan: FleetPlan, kind: str, sidelap: float, km2: float, lowest_m: float = CityFormula.height_m
) -> dict[str, Any]:
    docks = len(plan.stations)
    formula = CityFormula(sidelap=sidelap, height_m=lowest_m)
    return {
        "docks": kind,
        "km2": km2,
        "drones": docks,
        "sidelap": sidelap,
        "rows": sum(len(flight.runs_uv) for tour in plan.tours for flight in tour.flights),
        "flights": plan.flights,
        "plan_h": plan.seconds / 3_600,
        "least_h": plan.least_s / 3_600,
        "ratio": plan.seconds / plan.least_s,
        "formula_h": formula.seconds(area_m2=km2 * 1e6, docks=docks) / 3_600,
        "nearest_h": nearest_dock_s(plan) / 3_600,
        "mean_over_busiest": float(np.mean([tour.seconds for tour in plan.tours]) / plan.seconds),
        "unreached_km2": plan.unreached_m2 / 1e6,
    }


def city(kind: str, km2: float, docks: int) -> tuple[Polygon, Fleet]:
    """A square city and its docks: on a grid, anywhere, or in eight towns."""
    side = math.sqrt(km2 * 1e6)
    square = np.array([(0, 0), (side, 0), (side, side), (0, side)]) - side / 2
    rng = np.random.default_rng(1)
    if kind == "even":
        places = _even(docks) * side
    elif kind == "random":
        places = rng.uniform(0, side, (docks, 2))
    else:
        towns = rng.uniform(0.15 * side, 0.85 * side, (8, 2))
        places = np.clip(towns[rng.integers(0, 8, docks)] + rng.normal(0, 0.05 * side, (docks, 2)), 0, side)
    lonlat = CITY.lonlat_from_en(places - side / 2)
    fleet = Fleet(
        docks=tuple(
            Dock(name=f"D{number:03}", lon=lon, lat=lat, drone=DRONE)
            for number, (lon, lat) in enumerate(lonlat.tolist(), start=1)
        )
    )
    return Polygon(CITY.lonlat_from_en(square)), fleet


def _even(docks: int) -> Any:  # noqa: ANN401 - an array (docks, 2) of shares of the side
    """Rows of docks, each dock with the same share of the square."""
    lines = np.array_split(np.arange(docks), max(1, round(math.sqrt(docks))))
    heights = np.array([len(line) for line in lines]) / docks
    below = np.r_[0.0, np.cumsum(heights)[:-1]]
    return np.concatenate(
        [
            np.column_stack(((np.arange(len(line)) + 0.5) / len(line), np.full(len(line), low + height / 2)))
            for line, low, height in zip(lines, below, heights, strict=True)
        ]
    )


def nearest_dock_s(plan: FleetPlan) -> float:
    """When the busiest dock would be done if each row were flown from its nearest dock, at the programme's costs."""
    from flightplan.fleet.work import work_of

    work = work_of(plan.strips, plan.stations)
    nearest = plan.strips.ends_uv.mean(axis=1)[:, None] - np.array([station.uv_m for station in plan.stations])
    owner = np.hypot(nearest[..., 0], nearest[..., 1]).argmin(axis=1)
    cost = work.cycle_s[np.arange(len(plan.strips)), owner]
    return float(np.bincount(owner, weights=cost, minlength=len(plan.stations)).max()) - DRONE.turnaround_s


def plot(path: Path, points: Sequence[tuple[float, float]]) -> float:
    """Draw seconds over km2, both logarithmic, with a line of linear growth; returns the fitted exponent."""
    logs = np.log10(np.array(points))
    exponent, _ = np.polyfit(logs[:, 0], logs[:, 1], 1)
    low, high = np.floor(logs.min(axis=0)), np.ceil(logs.max(axis=0))
    size, edge = np.array([460.0, 320.0]), np.array([60.0, 30.0])

    def at(log: Any) -> str:  # noqa: ANN401 - an array (2,)
        x, y = (np.asarray(log) - low) / (high - low) * size
        return f"{edge[0] + x:.1f},{edge[1] + size[1] - y:.1f}"

    parts = []
    for axis, unit in ((0, "km²"), (1, "s")):
        for decade in np.arange(low[axis], high[axis] + 1):
            ends = np.array([low, high])
            ends[:, axis] = decade
            begin = at(ends[0])
            place = begin.split(",")
            anchor = ("middle", 0, 18) if axis == 0 else ("end", -6, 4)
            parts.append(f'<polyline points="{begin} {at(ends[1])}" stroke="#d5dae0"/>')
            parts.append(
                f'<text x="{float(place[0]) + anchor[1]:.1f}" y="{float(place[1]) + anchor[2]:.1f}" '
                f'text-anchor="{anchor[0]}">{10**decade:g} {unit}</text>'
            )
    rise = logs[:, 0] - logs[-1, 0] + logs[-1, 1]
    linear = " ".join(at(log) for log in np.column_stack([logs[:, 0], rise]) if log[1] >= low[1])
    parts.append(f'<polyline points="{linear}" fill="none" stroke="#8895a7" stroke-dasharray="5 4"/>')
    parts.append(f'<polyline points="{" ".join(map(at, logs))}" fill="none" stroke="#0b6bcb" stroke-width="2"/>')
    for log, (km2, seconds) in zip(logs, points, strict=True):
        x, y = at(log).split(",")
        parts.append(
            f'<circle cx="{x}" cy="{y}" r="3.5" fill="#0b6bcb"><title>{km2:g} km², {seconds:.1f} s</title></circle>'
        )
    parts.append(
        f'<text x="80" y="22">planning time by area; dashed: linear growth (fitted exponent {exponent:.2f})</text>'
    )
    width, height = size + edge * 2
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n",
        encoding="utf-8",
    )
    return float(exponent)


def _in_words(row: dict[str, Any]) -> str:
    kept = ""
    if "unlawful" in row:
        kept = (
            f", {row['lowest_m']:.1f} to {row['highest_m']:.1f} m above ground, on average "
            f"{row['mean_of_battery']:.0%} and at most {row['longest_of_battery']:.1%} of a battery, "
            f"{row['unlawful']} unlawful"
        )
    return (
        f"{row['docks']:9} {row['km2']:5.0f} km2 {row['drones']:4} drones, sidelap {row['sidelap']:.1f}: "
        f"{row['plan_h']:5.2f} h = {row['ratio']:.3f} x least {row['least_h']:5.2f} "
        f"(nearest dock {row['nearest_h']:5.2f}, formula {row['formula_h']:5.2f}), {row['flights']} flights, "
        f"{row['rows']} rows, unreached {row['unreached_km2']:.1f} km2{kept}; planned in {row['seconds']:.1f} s "
        f"(cpu {row['cpu_s']:.1f}), {row['peak_mib']:.0f} MiB"
    )


if __name__ == "__main__":
    main()
