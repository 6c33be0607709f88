"""Everything of a mission that goes to the vehicle, in wire form, and the hash that names it."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from flightplan.link.mavlink import Autopilot, MissionItem, differences, items_from_mission, plain_frame
from flightplan.link.mavlink_guards import guard_differences, items_from_fence, items_from_rally
from flightplan.mission.mission import Mission

_HASH_LAYOUT = struct.Struct("<BHHBffffiif")


class ListKind(IntEnum):
    """The three lists that a vehicle keeps; the values are MAV_MISSION_TYPE."""

    MISSION = 0
    FENCE = 1
    RALLY = 2

    @property
    def words(self) -> str:
        """For people."""
        return ("mission", "fence", "rally")[self]


@dataclass(frozen=True, kw_only=True)
class PlanOnWire:
    """A mission with its fence and rally points, as the vehicle shall hold them.

    Attributes:
        autopilot: In whose dialect.
        mission: Items, home's included where the vehicle keeps one.
        fence: Corners of the fence; empty for none.
        rally: Rally points; empty for none.
    """

    autopilot: Autopilot
    mission: tuple[MissionItem, ...]
    fence: tuple[MissionItem, ...] = ()
    rally: tuple[MissionItem, ...] = ()

    @classmethod
    def of(cls, mission: Mission, autopilot: Autopilot) -> PlanOnWire:
        """In that autopilot's dialect."""
        return cls(
            autopilot=autopilot,
            mission=items_from_mission(mission, autopilot),
            fence=items_from_fence(mission.fence),
            rally=items_from_rally(mission.rally),
        )

    def lists(self) -> Iterator[tuple[ListKind, tuple[MissionItem, ...]]]:
        """The three lists, in the order of their upload."""
        yield ListKind.MISSION, self.mission
        yield ListKind.FENCE, self.fence
        yield ListKind.RALLY, self.rally

    def differences(self, kind: ListKind, held: Sequence[MissionItem]) -> tuple[str, ...]:
        """What makes the vehicle's list another one than this plan's, one line per field."""
        if kind is ListKind.MISSION:
            return differences(self.mission, held, self.autopilot)
        sent = self.fence if kind is ListKind.FENCE else self.rally
        return guard_differences(kind.words, sent, held)


def plan_hash(mission: Mission) -> str:
    """The name of what is flown, 64 hexadecimal digits: the same for equal home, items, fence and rally points.

    It does not depend on the mission's name, its limits, the autopilot's dialect or the file it came from. Figures
    count as a vehicle stores them: places in 1e-7 degrees, the rest in single precision.
    """
    digest = hashlib.sha256()
    for kind, items in PlanOnWire.of(mission, Autopilot.ARDUPILOT).lists():
        for item in items:
            digest.update(_hashed(kind, item))
    return digest.hexdigest()


def _hashed(kind: ListKind, item: MissionItem) -> bytes:
    # An added zero makes -0.0 and 0.0 one.
    params = [value + 0.0 for value in item.params]
    placed = replace(item, frame=plain_frame(item.frame) if item.has_place else 0)
    return _HASH_LAYOUT.pack(kind, item.seq, item.command, placed.frame, *params, item.x, item.y, item.z + 0.0)
