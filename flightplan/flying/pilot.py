"""What a flight under way can be made to do: hold, go back to a place, take up its mission, return."""

from __future__ import annotations

import contextlib
import math

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import LinkError
from flightplan.flying.flight_log import BreakPoint
from flightplan.flying.recorder import Recorder
from flightplan.link.commander import Commander
from flightplan.link.mavlink import Autopilot
from flightplan.link.modes import Mode
from flightplan.mission.items import LookAt, PointCamera
from flightplan.mission.mission import Mission
from flightplan.mission.path import MissionPath
from flightplan.projection import LocalFrame

_THERE_M = 2.0


class Pilot:
    """Turns what is wanted of a flight into commands; each method returns when the vehicle has obeyed.

    All of them raise `CommandRefused`, `NoAnswer` and `LinkClosed`, as `Commander` does.
    """

    def __init__(self, mission: Mission, autopilot: Autopilot, commander: Commander, recorder: Recorder) -> None:
        self._path = MissionPath(mission)
        self._frame = LocalFrame(lon=mission.home.lon, lat=mission.home.lat)
        self._autopilot = autopilot
        self._commander = commander
        self._recorder = recorder

    @property
    def way_mode(self) -> Mode:
        """In which mode the vehicle flies to a place that it is told; PX4 has none of its own for that."""
        return Mode.GUIDED if self._autopilot is Autopilot.ARDUPILOT else Mode.LOITER

    def hold(self) -> None:
        """Stops its mission and waits; photos stop too."""
        # In LOITER ArduPilot obeys the sticks of a remote control that may not be there, and sinks.
        mode = Mode.BRAKE if self._autopilot is Autopilot.ARDUPILOT else Mode.LOITER
        self._commander.set_mode(mode, lambda: self._recorder.mode is not Mode.AUTO)
        self._commander.order("photos off", dialect.MAV_CMD_DO_SET_CAM_TRIGG_DIST)

    def stop_on_way(self) -> None:
        """Stops on the way to a place; PX4 is in its holding mode already, and gets this place as the new one."""
        if self._autopilot is Autopilot.ARDUPILOT:
            self._commander.set_mode(Mode.BRAKE, lambda: self._recorder.mode is not self.way_mode)
            return
        here = self._recorder.track[-1]
        self._commander.fly_to((here.lon, here.lat), here.alt_home_m)

    def return_home(self) -> None:
        """Flies home and lands."""
        self._commander.order(
            "return to launch",
            dialect.MAV_CMD_NAV_RETURN_TO_LAUNCH,
            seen=lambda: self._recorder.mode in (Mode.RTL, Mode.LAND) or not self._recorder.armed,
        )
        # ArduPilot goes on with photos in any mode unless told otherwise; one too many is not worth an error.
        with contextlib.suppress(LinkError):
            self._commander.order("photos off", dialect.MAV_CMD_DO_SET_CAM_TRIGG_DIST)

    def go_to(self, point: BreakPoint) -> None:
        """Sets out for a place, where the vehicle then holds."""
        self._commander.fly_to((point.lon, point.lat), point.alt_home_m)

    def is_at(self, point: BreakPoint) -> bool:
        """Whether the vehicle is there."""
        return self.away_m(point) < _THERE_M

    def away_m(self, point: BreakPoint) -> float:
        """Metres to a place, along the ground or in height, whichever is more; infinite before a position came."""
        if not self._recorder.track:
            return math.inf
        event = self._recorder.track[-1]
        here, there = self._frame.en_from_lonlat(np.array([[event.lon, event.lat], [point.lon, point.lat]]))
        return max(math.dist(here, there), abs(event.alt_home_m - point.alt_home_m))

    def prepare(self, point: BreakPoint) -> None:
        """Sets item, camera and photos as they were there; the first photo comes before the first metre."""
        in_force = self._path.leg_to(point.item).in_force
        order = self._commander.order
        first = 0 if self._autopilot.home_is_item_0 else 1
        if self._recorder.item != point.item:
            order("item", dialect.MAV_CMD_DO_SET_MISSION_CURRENT, float(point.item - first))
        match in_force.camera:
            case PointCamera(pitch_deg=pitch):
                unset = self._autopilot.unset
                order("camera", dialect.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, pitch, 0.0, unset, unset)
            case LookAt(lon=lon, lat=lat, alt_home_m=height):
                self._commander.look_at((lon, lat), height)
        if in_force.photos is not None:
            order("photos", dialect.MAV_CMD_DO_SET_CAM_TRIGG_DIST, in_force.photos.distance_m, 0.0, 1.0)

    def go_on(self, point: BreakPoint) -> None:
        """Flies on with the mission. The speed comes last: a vehicle forgets it with its mode."""
        self._commander.set_mode(Mode.AUTO, lambda: self._recorder.mode is Mode.AUTO)
        speed_m_s = self._path.leg_to(point.item).in_force.speed_m_s
        if speed_m_s is not None:
            self._commander.order("speed", dialect.MAV_CMD_DO_CHANGE_SPEED, 1.0, speed_m_s, -1.0)

    def photograph_again(self) -> None:
        """Switches photos on again where they belong; one that is refused is not worth the flight."""
        photos = self._path.leg_to(self._recorder.item).in_force.photos
        if photos is not None:
            with contextlib.suppress(LinkError):
                self._commander.order("photos", dialect.MAV_CMD_DO_SET_CAM_TRIGG_DIST, photos.distance_m, 0.0, 1.0)
