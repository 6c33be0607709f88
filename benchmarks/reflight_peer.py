"""OR-Tools' routing solver on one problem of re-flights; run by `reflight.py` with an interpreter that has it.

Reads {"travel_s": [[...]], "docks": n, "limit_s": s, "fixed_s": s, "seconds": t} from stdin and writes
{"flights": n, "visited": n, "seconds": s, "cpu_s": t}: guided local search from parallel cheapest insertion, with
vehicles enough at every dock, times in hundredths of a second.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

_SCALE = 100


def main() -> None:
    """Solve what stdin tells."""
    told = json.load(sys.stdin)
    began = time.process_time()
    answer = solved(told)
    sys.stdout.write(json.dumps({**answer, "cpu_s": round(time.process_time() - began, 2)}) + "\n")


def solved(told: dict[str, Any]) -> dict[str, float]:
    """Flights, visits and seconds of the best plan that OR-Tools finds in time."""
    travel, docks = told["travel_s"], told["docks"]
    visits = len(travel) - docks
    per_dock = max(4, visits // (4 * docks))
    homes = [number % docks for number in range(per_dock * docks)]
    manager = pywrapcp.RoutingIndexManager(len(travel), len(homes), homes, homes)
    routing = pywrapcp.RoutingModel(manager)
    scaled = [[round(value * _SCALE) for value in row] for row in travel]
    cost = routing.RegisterTransitCallback(
        lambda one, other: scaled[manager.IndexToNode(one)][manager.IndexToNode(other)]
    )
    routing.SetArcCostEvaluatorOfAllVehicles(cost)
    routing.SetFixedCostOfAllVehicles(round(told["fixed_s"] * _SCALE))
    routing.AddDimension(cost, 0, round((told["limit_s"] - told["fixed_s"]) * _SCALE), True, "time")
    asked = pywrapcp.DefaultRoutingSearchParameters()
    asked.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    asked.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    asked.time_limit.FromMilliseconds(round(told["seconds"] * 1_000))
    found = routing.SolveWithParameters(asked)
    if found is None:
        return {"flights": 0, "visited": 0, "seconds": float("nan")}
    flights, visited, seconds = 0, 0, 0.0
    for vehicle in range(len(homes)):
        at, flown = routing.Start(vehicle), 0
        while not routing.IsEnd(at):
            then = found.Value(routing.NextVar(at))
            seconds += (
                travel[manager.IndexToNode(at)][manager.IndexToNode(then)] if flown or not routing.IsEnd(then) else 0
            )
            at, flown = then, flown + 1
        if flown > 1:
            flights, visited, seconds = flights + 1, visited + flown - 1, seconds + told["fixed_s"]
    return {"flights": flights, "visited": visited, "seconds": round(seconds, 1)}


if __name__ == "__main__":
    main()
