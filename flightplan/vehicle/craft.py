"""One simulated vehicle with everything on board: autopilot, telemetry, and the desks that answer messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.link.mavlink import Autopilot as Dialect
from flightplan.link.mavlink import MissionItem, home_from_item, home_item, lonlat_from_xy
from flightplan.link.mavlink_guards import rally_from_items
from flightplan.link.plan_on_wire import ListKind
from flightplan.mission.mission import Home
from flightplan.vehicle.autopilot import Autopilot
from flightplan.vehicle.commands import CommandDesk
from flightplan.vehicle.fencing import circles_from_items, rings_from_items
from flightplan.vehicle.item_rules import as_held
from flightplan.vehicle.mission_desk import MissionDesk, MissionUnderWay
from flightplan.vehicle.setup import VehicleSetup
from flightplan.vehicle.telemetry import Telemetry

Message = Any
Reply = Callable[[Message], None]
# A message for every ground station; one that is no must may be left out for a station that does not keep up.
Broadcast = Callable[[int, Message, bool], None]

_STEP_S = 0.05
_FAST_PERIOD_S = 0.25
_SLOW_PERIOD_S = 1.0
_HEARTBEAT_PERIOD_S = 1.0


class Craft:
    """A vehicle that knows time and messages, but no sockets.

    Args:
        system_id: Its MAVLink system id.
        home: Where it stands.
        setup: What it can do.
        speedup: Simulated seconds per second, while armed; on the ground it runs in real time.
        broadcast: Called with its system id, a message, and whether everybody must get it.
        takes_home_from_mission: Whether it stands where a new mission begins.
    """

    def __init__(
        self,
        *,
        system_id: int,
        home: Home,
        setup: VehicleSetup,
        speedup: float,
        broadcast: Broadcast,
        takes_home_from_mission: bool,
    ) -> None:
        self.system_id = system_id
        self.speedup = speedup
        self.autopilot = Autopilot(home=home, setup=setup)
        self.telemetry = Telemetry(self.autopilot, datetime.now(UTC), system_id)
        self._setup = setup
        self._broadcast = broadcast
        self._takes_home_from_mission = takes_home_from_mission
        self._lists: dict[ListKind, tuple[MissionItem, ...]] = dict.fromkeys(ListKind, ())
        self._missions = MissionDesk(self._keep, setup.dialect, setup.most_items)
        self._commands = CommandDesk(self.autopilot, self.telemetry)
        self._fast_due_s = self._slow_due_s = 0.0
        self._heartbeat_due_s = self._station_heard_s = time.monotonic()
        self.autopilot.on_photo = lambda photo: self._tell(self.telemetry.photo(photo))
        self.autopilot.on_reached = self._tell_reached
        self.autopilot.on_text = lambda text: self._tell(self.telemetry.text(text))
        if setup.dialect is Dialect.ARDUPILOT:
            self.autopilot.on_fence = lambda: self._tell(self.telemetry.fence_status())

    def handle(self, message: Message, reply: Reply, now_s: float) -> None:
        """Answers one message that is for it; `now_s` are real seconds."""
        if message.get_type() == "HEARTBEAT" and message.type == dialect.MAV_TYPE_GCS:
            self._station_heard_s = now_s
        if getattr(message, "target_system", 0) not in (0, self.system_id):
            return
        if self._missions.handle(message, reply, now_s):
            return
        before = (self.autopilot.armed, self.autopilot.mode)
        self._commands.handle(message, reply, now_s)
        self._tell_change(before)

    def advance(self, wall_s: float, now_s: float) -> None:
        """Moves the simulated time on, in steps, and reports on the way."""
        self._missions.tick(now_s)
        self._watch_station(now_s)
        left_s = wall_s * (self.speedup if self.autopilot.armed else 1.0)
        while left_s > 0:
            step_s = min(_STEP_S, left_s)
            before = (self.autopilot.armed, self.autopilot.mode)
            self.autopilot.step(step_s)
            left_s -= step_s
            self._report()
            self._tell_change(before)
            if before[0] and not self.autopilot.armed:
                break
        if now_s >= self._heartbeat_due_s:
            self._heartbeat_due_s = now_s + _HEARTBEAT_PERIOD_S
            self._tell(self.telemetry.heartbeat())

    def _watch_station(self, now_s: float) -> None:
        timeout_s = self._setup.station_timeout_s
        if timeout_s is None or not self.autopilot.armed:
            self._station_heard_s = max(self._station_heard_s, now_s) if timeout_s is None else self._station_heard_s
            return
        if now_s - self._station_heard_s > timeout_s:
            self._station_heard_s = now_s
            before = (self.autopilot.armed, self.autopilot.mode)
            self.autopilot.break_off("Ground station lost: returning")
            self._tell_change(before)

    def _keep(self, kind: ListKind, items: tuple[MissionItem, ...]) -> tuple[MissionItem, ...]:
        """Takes a new list; returns it as it is given back: ArduPilot's item 0 is its own home.

        Raises:
            MissionUnderWay: It would take away the mission that is being flown.
        """
        if kind is not ListKind.MISSION:
            lists = {**self._lists, kind: items}
            fence = lists[ListKind.FENCE]
            self.autopilot.guard(
                rings_from_items(fence), rally_from_items(lists[ListKind.RALLY]), circles_from_items(fence)
            )
            self._lists = lists
            return items
        if not items and self.autopilot.is_flying_mission:
            raise MissionUnderWay
        if self._takes_home_from_mission and items and not self.autopilot.armed:
            self.autopilot.stand_at(_start_of(items, self.autopilot.home, self._setup.dialect))
        home = as_held(home_item(self.autopilot.home), Dialect.ARDUPILOT)
        if self._setup.dialect.home_is_item_0:
            items = (home, *items[1:]) if items else ()
            self.autopilot.load(items)
        else:
            shifted = (replace(item, seq=item.seq + 1) for item in items)
            self.autopilot.load((home, *shifted) if items else ())
        return items

    def _report(self) -> None:
        now_s = self.autopilot.time_s
        if now_s >= self._fast_due_s:
            self._fast_due_s = now_s + _FAST_PERIOD_S - (now_s - self._fast_due_s) % _FAST_PERIOD_S
            for message in self.telemetry.fast():
                self._tell(message, must=False)
        if now_s >= self._slow_due_s:
            self._slow_due_s = now_s + _SLOW_PERIOD_S - (now_s - self._slow_due_s) % _SLOW_PERIOD_S
            for message in self.telemetry.slow():
                self._tell(message, must=False)

    def _tell_change(self, before: tuple[bool, object]) -> None:
        """A heartbeat at once when it was armed or disarmed, or changed its mode."""
        if before != (self.autopilot.armed, self.autopilot.mode):
            self._tell(self.telemetry.heartbeat())

    def _tell_reached(self, number: int) -> None:
        self._tell(self.telemetry.item_reached(number))
        self._tell(self.telemetry.mission_current())

    def _tell(self, message: Message, must: bool = True) -> None:
        self._broadcast(self.system_id, message, must)


def _start_of(items: tuple[MissionItem, ...], home: Home, spoken: Dialect) -> Home:
    """Where a mission begins: at ArduPilot's item 0; PX4 is told by the take-off's place, at the height it stands."""
    if spoken.home_is_item_0:
        return home_from_item(items[0])
    lon, lat = lonlat_from_xy(items[0].x, items[0].y)
    return replace(home, lon=lon, lat=lat) if items[0].has_place else home
