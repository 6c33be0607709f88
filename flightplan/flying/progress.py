"""How a flight goes: where on its way it is, how far off the plan, and when it will end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from flightplan.flying.flight_log import PositionEvent
from flightplan.mission.mission import Mission
from flightplan.mission.path import MissionPath, OnPath

# Before so much of the plan is flown, a ratio of times says nothing.
_PACE_AFTER_S = 20.0
_MOST_GAP_S = 30.0


class Phase(StrEnum):
    """What goes on."""

    STARTING = "starting"
    FLYING = "flying"
    PAUSED = "paused"
    RESUMING = "resuming"
    RETURNING = "returning"
    LANDING = "landing"
    LINK_LOST = "link lost"
    LANDED = "landed"


@dataclass(frozen=True, kw_only=True)
class FlightProgress:
    """A flight at one moment.

    Attributes:
        at: By the vehicle's clock (aware UTC).
        phase: What goes on.
        item: Number of the mission item that it flies to, from 1.
        items: Number of items of the mission.
        along_m: Metres of the planned way behind it.
        length_m: Metres of the planned way.
        off_m: Horizontal metres beside the planned leg; None while it does not fly the mission.
        above_m: Metres above the planned leg, below it negative; None where that is not known.
        speed_m_s: Over ground.
        pace: Time taken so far, divided by the time planned for it; over 1 is slower.
        remaining_s: Seconds to the landing, at this pace; None on the way back before its time.
        ends_at: When it will have landed, if it flies on now; None as before.
        photos: Pictures taken.
        battery: Share left, 0 to 1; None where the vehicle does not tell.
        lon: Degrees.
        lat: Degrees.
        alt_home_m: Height above home.
    """

    at: datetime
    phase: Phase
    item: int
    items: int
    along_m: float
    length_m: float
    off_m: float | None
    above_m: float | None
    speed_m_s: float
    pace: float
    remaining_s: float | None
    ends_at: datetime | None
    photos: int
    battery: float | None
    lon: float
    lat: float
    alt_home_m: float

    @property
    def share_done(self) -> float:
        """Of the planned way, 0 to 1."""
        return self.along_m / self.length_m if self.length_m > 0 else 1.0


class ProgressMeter:
    """Follows positions along the mission's way."""

    def __init__(self, mission: Mission) -> None:
        self.path = MissionPath(mission)
        self._items = len(mission.items)
        self._before: PositionEvent | None = None
        self._on_path: OnPath | None = None
        self._began_s: float | None = None
        self._flown_s = 0.0

    @property
    def pace(self) -> float:
        """Time taken for the mission so far, divided by the time planned for it."""
        if self._on_path is None or self._began_s is None:
            return 1.0
        planned_s = self._on_path.planned_s - self._began_s
        return self._flown_s / planned_s if planned_s >= _PACE_AFTER_S and self._flown_s > 0 else 1.0

    def at(
        self, event: PositionEvent, *, phase: Phase, item: int, photos: int, battery: float | None
    ) -> FlightProgress:
        """The flight at a new position; `item` counts from 1."""
        flies = phase is Phase.FLYING
        if flies or self._on_path is None:
            self._on_path = self.path.place(event.lon, event.lat, event.alt_home_m, item)
        on_path = self._on_path
        if flies:
            self._count(event, on_path)
        self._before = event if flies else None
        returns = phase in (Phase.RETURNING, Phase.LANDING, Phase.LANDED)
        remaining_s = None if returns else max(self.path.seconds - on_path.planned_s, 0.0) * self.pace
        return FlightProgress(
            at=event.at,
            phase=phase,
            item=min(on_path.leg.item, self._items),
            items=self._items,
            along_m=on_path.along_m,
            length_m=self.path.length_m,
            off_m=on_path.off_m if flies else None,
            above_m=on_path.above_m if flies else None,
            speed_m_s=event.speed_m_s,
            pace=self.pace,
            remaining_s=remaining_s,
            ends_at=None if remaining_s is None else event.at + timedelta(seconds=remaining_s),
            photos=photos,
            battery=battery,
            lon=event.lon,
            lat=event.lat,
            alt_home_m=event.alt_home_m,
        )

    def _count(self, event: PositionEvent, on_path: OnPath) -> None:
        """Adds the time since the last position of the mission; pauses and lost links do not count."""
        if self._began_s is None:
            self._began_s = on_path.planned_s
        if self._before is not None:
            gap_s = (event.at - self._before.at).total_seconds()
            self._flown_s += gap_s if 0 <= gap_s <= _MOST_GAP_S else 0.0
