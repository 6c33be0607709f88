"""What a broken-off flight leaves to fly, judged again: its way to where it broke off is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from flightplan.airspace.checking import check_airspace
from flightplan.airspace.reading import read_airspace
from flightplan.errors import NotCleared
from flightplan.flying.flight_log import BreakPoint
from flightplan.mission.mission import Mission
from flightplan.mission.remaining import remaining_mission
from geo.errors import InputFileError


@dataclass(frozen=True, kw_only=True)
class Rest:
    """What is left to fly: a `mission` that keeps the path's rules, and what people must know of it, one line each."""

    mission: Mission
    remarks: tuple[str, ...] = ()


def rest_of(mission: Mission, point: BreakPoint, airspace: Sequence[Path] = ()) -> Rest | None:
    """The rest of a mission, held against the airspace for a take-off now where its files are known.

    Where it may not take off now, or nobody knows the airspace, its clearance says what it is still owed, and nothing
    arms before that.

    Args:
        mission: Flown, over its terrain where that was known.
        point: Where it broke off.
        airspace: The files that it was held against before it took off.

    Raises:
        InvalidMission: The straight way to the break point breaks a rule of the path.
    """
    rest = remaining_mission(mission, point)
    if rest is None or rest is mission:
        return None if rest is None else Rest(mission=rest)
    if not airspace:
        return Rest(mission=rest, remarks=_owed(rest))
    try:
        finding = check_airspace(rest, read_airspace(airspace), datetime.now(UTC))
    except InputFileError as error:
        # The flight is over, and what it left is not to be lost for that.
        return Rest(mission=rest, remarks=(str(error), *_owed(rest)))
    if finding.clearance is None:
        return Rest(mission=rest, remarks=(f"it may not take off now: {finding.violations[0]}", *_owed(rest)))
    if rest.clearance is None:
        return Rest(mission=replace(rest, clearance=finding.clearance))
    try:
        cleared = replace(rest, clearance=rest.clearance.narrowed(finding.clearance))
    except NotCleared as error:
        return Rest(mission=rest, remarks=(f"it may not take off now: {error}", *_owed(rest)))
    return Rest(mission=cleared, remarks=_owed(cleared))


def _owed(rest: Mission) -> tuple[str, ...]:
    told = rest.clearance
    if told is not None and not told.owed:
        return ()
    asked = "--airspace" if told is None else " and ".join(f"--{one}" for one in told.owed)
    return (f"its straight way to where the flight broke off is new: give {asked} when it is uploaded and flown",)
