"""What is left to fly of a mission that was broken off: the rest of it, as a mission of its own."""

from __future__ import annotations

from dataclasses import replace

from flightplan.airspace.clearance import TERRAIN, Clearance
from flightplan.flying.flight_log import BreakPoint
from flightplan.mission.items import Item, SetSpeed, TakeOff, Waypoint
from flightplan.mission.mission import Mission
from flightplan.mission.path import InForce, MissionPath


def remaining_mission(mission: Mission, point: BreakPoint) -> Mission | None:
    """The rest of a mission, from where it was broken off; None where only the way home was left.

    It takes off at the same home, flies straight to the break point, sets speed, camera and photos as they were there,
    and goes on with the same items, fence and rally points. A mission broken off before its first waypoint is left
    whole.

    Raises:
        InvalidMission: The straight way to the break point breaks a rule; plan the rest anew.
    """
    leg = MissionPath(mission).leg_to(point.item)
    rest = mission.items[leg.item - 1 :]
    if not any(isinstance(item, Waypoint) for item in rest):
        return None
    takes_off = [item for item in mission.items[: leg.item] if isinstance(item, TakeOff)]
    if rest == mission.items or isinstance(rest[0], TakeOff):
        return mission
    before = _before(leg.in_force)
    way = Waypoint(lon=point.lon, lat=point.lat, alt_m=round(point.alt_home_m, 2))
    photos = [] if leg.in_force.photos is None else [replace(leg.in_force.photos, at_once=True)]
    items = (*takes_off, *before, way, *photos, *rest)
    return replace(mission, name=f"{mission.name} (rest)", items=items, clearance=_reopened(mission))


def _reopened(mission: Mission) -> Clearance | None:
    if mission.clearance is None:
        return None
    owed = mission.clearance.reopened()
    # With its terrain the mission holds the new way against it by itself.
    return owed if mission.terrain is None else owed.settled(TERRAIN)


def _before(in_force: InForce) -> list[Item]:
    items: list[Item] = []
    if in_force.speed_m_s is not None:
        items.append(SetSpeed(speed_m_s=in_force.speed_m_s))
    if in_force.camera is not None:
        items.append(in_force.camera)
    return items
