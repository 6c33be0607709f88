"""Routes of re-flights: how long our flights take in all, beside those of OR-Tools in the same processor time.

Run: python benchmarks/reflight.py [--peer-python PYTHON] [--times 1] [--seeds 3] [--json]

Cases lie at random in a square of 12 km, every third to be seen obliquely; docks at random, too, drones of 38 minutes
(25 % reserve) at 15 m/s. `--peer-python` names an interpreter with OR-Tools (`pip install ortools`), which gets the
same table of times between places, in a process of its own, and `--times` as many processor seconds as ours took, at
least one. Exit code 1 where our flights take more than 2 % longer in all.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from shapely.geometry import MultiPolygon

from flightplan.coverage.routing import Router
from flightplan.fleet.model import DroneModel
from flightplan.mission.figures import LANDING_OVERHEAD_S
from flightplan.reflight.model import Spread, Target
from flightplan.reflight.search import Problem, search_flights
from flightplan.reflight.views import ViewRules
from flightplan.reflight.visits import DroneKind, travel_s, visit_of
from geo.camera import camera_by_name

SIDE_M = 12_000.0
SIZES = ((30, 1), (60, 2), (100, 4), (200, 6))
WORST_RATIO = 1.02
DRONE = DroneModel(name="m3d", camera="dji-m3d")
RULES = ViewRules()


def main() -> None:
    """Plan each problem, let the peer plan it, and print both."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--peer-python", type=Path)
    asked.add_argument("--times", type=float, default=1.0)
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    rows = []
    for cases, docks in SIZES:
        for seed in range(given.seeds):
            problem = a_problem(cases, docks, seed)
            row = {"cases": cases, "docks": docks, "seed": seed, **_ours(problem)}
            if given.peer_python is not None:
                row |= _peer(problem, given.peer_python, max(row["cpu_s"] * given.times, 1.0))
                row["ratio"] = round(row["seconds"] / row["peer_seconds"], 4)
            rows.append(row)
            if not given.json:
                sys.stdout.write("  ".join(f"{name} {value}" for name, value in row.items()) + "\n")
                sys.stdout.flush()
    if given.json:
        sys.stdout.write(json.dumps(rows) + "\n")
    ratios = [row["ratio"] for row in rows if "ratio" in row]
    if ratios and float(np.mean(ratios)) > WORST_RATIO:
        sys.exit(1)


def a_problem(cases: int, docks: int, seed: int) -> Problem:
    """Random cases and docks, as the planner would put them to the search."""
    dice = np.random.default_rng(seed)
    docks_en = [(float(x), float(y)) for x, y in dice.uniform(0, SIDE_M, (docks, 2))]
    kind = DroneKind(camera=camera_by_name(DRONE.camera), kinematics=DRONE.kinematics, speed_m_s=DRONE.speed_m_s)
    router, visits = Router(MultiPolygon()), []
    for number in range(cases):
        east_m, north_m = dice.uniform(0, SIDE_M, 2).tolist()
        spread = Spread(half_length_m=float(dice.uniform(2, 30)), half_width_m=2.0)
        view = "oblique" if number % 3 == 0 else "nadir"
        target = Target(target_id=str(number), lon=0.0, lat=0.0, spread=spread, view=view, resolution_m=0.05)
        visits.append(visit_of(target, (east_m, north_m), kind, RULES, router, docks_en))
    nodes = docks + cases
    return Problem(
        travel_s=travel_s(docks_en, visits, kind, router)[None],
        kind=np.zeros(docks, dtype=np.intp),
        fixed_s=np.full(docks, kind.down_and_up_s(RULES.altitude_m) + LANDING_OVERHEAD_S),
        limit_s=np.full(docks, DRONE.usable_s),
        items=np.zeros(nodes, dtype=np.intp),
        most_items=np.full(docks, 1, dtype=np.intp),
        allowed=np.ones((docks, nodes), dtype=np.bool_),
        loss_s=np.r_[np.zeros(docks), np.full(cases, 1e5)],
    )


def _ours(problem: Problem) -> dict[str, Any]:
    began = time.process_time()
    visits = problem.nodes - problem.docks
    found = search_flights(problem, rounds=min(500 + 40 * visits, 8_000))
    cpu_s = time.process_time() - began
    assert not found.left_out, "every case lies within reach"
    return {"flights": len(found.flights), "seconds": round(sum(found.seconds), 1), "cpu_s": round(cpu_s, 2)}


def _peer(problem: Problem, python: Path, seconds: float) -> dict[str, Any]:
    told = {
        "travel_s": problem.travel_s[0].tolist(),
        "docks": problem.docks,
        "limit_s": float(problem.limit_s[0]),
        "fixed_s": float(problem.fixed_s[0]),
        "seconds": seconds,
    }
    done = subprocess.run(
        [str(python), str(Path(__file__).with_name("reflight_peer.py"))],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["visited"] == problem.nodes - problem.docks, "OR-Tools left something out"
    return {f"peer_{name}": answer[name] for name in ("flights", "seconds", "cpu_s")}


if __name__ == "__main__":
    main()
