"""Reading a mission that shall be uploaded or flown now: over the ground as it is, and under the law of the air."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flightplan.airspace.checking import check_airspace
from flightplan.airspace.clearance import TERRAIN
from flightplan.airspace.reading import read_airspace
from flightplan.files import read_mission
from flightplan.ground.terrain import DemTerrain
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import Mission
from flyonce.cli.output import EXIT_FAILURE, fail, say

TerrainFile = Annotated[
    Path | None, typer.Option("--terrain", help="Elevation model (GeoTIFF) that heights are held against.")
]
AirspaceFiles = Annotated[
    list[Path] | None,
    typer.Option("--airspace", help="No-fly areas, controlled airspace and approvals; checked for a take-off now."),
]


def mission_to_fly(file: Path, terrain: Path | None, airspace: Sequence[Path] | None) -> Mission:
    """The mission of a file; leaves with code 1 where it may not take off now, or nobody has looked at a part of it.

    Raises:
        InputFileError: A file cannot be used, or is a draft.
        InvalidMission: The mission breaks a limit.
        NotCleared: Its own clearance and what holds now have no time in common.
    """
    ground = None if terrain is None else DemTerrain.open(terrain)
    if not airspace:
        mission = read_mission(file, terrain=ground)
        _refuse_without_its_clearance(file, mission, ground)
        return _settled(file, mission)
    zones = read_airspace(airspace)
    roof_m = max([FlightLimits.max_height_agl_m, *(one.ceiling_m for one in zones.approvals)])
    mission = read_mission(file, FlightLimits(max_height_agl_m=roof_m), ground)
    finding = check_airspace(mission, zones, datetime.now(UTC))
    for violation in finding.violations:
        say(str(violation))
    if finding.clearance is None:
        fail(f"{file}: this mission may not take off now. Nothing was sent.", code=EXIT_FAILURE)
    # A plan's own times hold as long as the plan: what it was planned with may be in none of these files.
    told = mission.clearance
    cleared = finding.clearance if told is None else told.narrowed(finding.clearance)
    return _settled(file, replace(mission, clearance=cleared))


def _refuse_without_its_clearance(file: Path, mission: Mission, ground: DemTerrain | None) -> None:
    """A format without room for times and approvals must not be the way round them."""
    plan = file.with_suffix(".plan")
    if mission.clearance is not None or plan == file or not plan.is_file():
        return
    told = read_mission(plan, terrain=ground).clearance
    if told is not None and not told.is_open:
        fail(
            f"{file}: it cannot carry the times and approvals that {plan.name} beside it has. Use {plan.name}, or give "
            "--airspace. Nothing was sent.",
            code=EXIT_FAILURE,
        )


def _settled(file: Path, mission: Mission) -> Mission:
    """The mission, with nothing left that it has to be held against; with its terrain it was just read."""
    if mission.clearance is None:
        return mission
    cleared = mission.clearance if mission.terrain is None else mission.clearance.settled(TERRAIN)
    if cleared.owed:
        fail(
            f"{file}: a part of it is new, like the straight way to where a flight broke off, and nobody has looked "
            f"at it. Give {' and '.join(f'--{one}' for one in cleared.owed)}. Nothing was sent.",
            code=EXIT_FAILURE,
        )
    return replace(mission, clearance=cleared)
