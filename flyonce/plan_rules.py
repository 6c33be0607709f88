"""What planned missions are held to before they are written: the law of the air, a fence, the camera's exposure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import shapely
from shapely.geometry import MultiPoint, Polygon

from flightplan.airspace.checking import check_airspace
from flightplan.airspace.reading import read_airspace
from flightplan.airspace.zones import Airspace
from flightplan.errors import CannotPlan, InvalidMission
from flightplan.files.obstacles import read_obstacles
from flightplan.files.wpml_model import AIRCRAFT, begun_as_docks_do
from flightplan.ground.obstacles import Standing, widened
from flightplan.ground.terrain import Terrain
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.limits import Exposure, FlightLimits, Violation
from flightplan.mission.mission import Mission
from flightplan.projection import LocalFrame
from flightplan.rules.fencing import fence_round
from flyonce.mission_writing import VEHICLE_NAMES, store_of
from geo.camera import Camera

# A day's flights: zones that come into force later do not concern them.
_DAY = timedelta(hours=12)
# Between landing and the next take-off: a fresh battery.
_SWAP = timedelta(minutes=5)
# Beyond its hull a mission has no way home.
_NEAR_M = 100.0
_ROUNDING_M = 0.5


@dataclass(frozen=True, kw_only=True)
class FlightRules:
    """What was said of the flights' rules.

    Attributes:
        airspace: Zones and approvals.
        takes_off_at: When the first mission takes off (aware); None where that is not known.
        vehicle: One of `flyonce.mission_writing.VEHICLE_NAMES`.
        exposure_s: Of one picture; None leaves motion blur unchecked.
        is_fenced: Whether missions get a fence.
        obstacles: What stands on the ground.
        terrain: The ground that it stands on; None for level ground.
    """

    airspace: Airspace
    takes_off_at: datetime | None = None
    vehicle: str = "ardupilot"
    exposure_s: float | None = None
    is_fenced: bool = True
    obstacles: tuple[Standing, ...] = ()
    terrain: Terrain | None = None

    @classmethod
    def read(
        cls,
        files: Sequence[Path],
        *,
        takes_off_at: datetime | None,
        vehicle: str = "ardupilot",
        exposure_s: float | None = None,
        is_fenced: bool = True,
        obstacles: Sequence[Path] = (),
        terrain: Terrain | None = None,
    ) -> FlightRules:
        """Read the airspace's and the obstacles' files; a time without a time zone is the airspace's.

        Raises:
            InputFileError: A file cannot be used.
            CannotPlan: The vehicle is not known, or the exposure is out of range.
        """
        if vehicle not in VEHICLE_NAMES:
            raise CannotPlan(
                problem=f"vehicle {vehicle!r} is not known", remedy=f"Use one of: {', '.join(VEHICLE_NAMES)}"
            )
        if exposure_s is not None and not (math.isfinite(exposure_s) and exposure_s > 0):
            raise CannotPlan(
                problem=f"an exposure of {exposure_s:g} s is out of range", remedy="Give seconds above 0, like 0.002"
            )
        airspace = read_airspace(files)
        if takes_off_at is not None and takes_off_at.utcoffset() is None:
            takes_off_at = takes_off_at.replace(tzinfo=airspace.time_zone)
        return cls(
            airspace=airspace,
            takes_off_at=takes_off_at,
            vehicle=vehicle,
            exposure_s=exposure_s,
            is_fenced=is_fenced,
            obstacles=tuple(read_obstacles(obstacles)),
            terrain=terrain,
        )

    def limits(self, altitude_m: float, camera: Camera | None = None) -> FlightLimits:
        """Limits to plan with; a height above 120 m is let through here and needs an approval in `judged`."""
        exposure = None
        if self.exposure_s is not None and camera is not None:
            # Pictures lie across the rows: the ground moves along their height.
            exposure = Exposure(seconds=self.exposure_s, pixel_rad=1 / camera.focal_xy_px[1])
        return FlightLimits(
            max_height_agl_m=max(altitude_m, FlightLimits.max_height_agl_m),
            store=store_of(self.vehicle),
            exposure=exposure,
        )

    def no_fly(self, altitude_m: float, lasting: timedelta = _DAY) -> list[Polygon]:
        """Outlines (degrees) of the no-fly zones to be planned round: in force then, and as low as the flight."""
        begins_at = self.takes_off_at
        zones = [
            zone
            for zone in self.airspace.zones
            if zone.kind == "no_fly"
            and (zone.heights_above == "msl" or zone.floor_m <= altitude_m)
            and (begins_at is None or zone.in_force(begins_at, begins_at + lasting, self.airspace.time_zone))
        ]
        return [part for zone in zones for part in shapely.get_parts(zone.ground)]

    def too_high(self, lowest_m: float) -> list[Polygon]:
        """Ground (degrees) to be planned round: what stands there is too high for flights so low above it.

        Raises:
            CannotPlan: An obstacle tells its top above the sea only, and nobody knows the ground.
        """
        margin_m = FlightLimits.obstacle_margin_m
        high = [one for one in self.obstacles if one.above_ground_m(self.terrain) + margin_m > lowest_m]
        # The rule looks at rounded corners, too.
        return _joined([widened(one.ground, margin_m + _ROUNDING_M) for one in high])

    def judged(
        self, missions: Sequence[Mission], keep_out: Sequence[Polygon] = (), kinematics: Kinematics | None = None
    ) -> list[tuple[Mission, tuple[Violation, ...]]]:
        """Each mission with its fence and clearance, or with what is wrong with it.

        Missions are flown one after the other, five minutes apart.

        Args:
            missions: In flying order.
            keep_out: Places (degrees) that the fence shuts out where the vehicle has room for that.
            kinematics: The drone's limits of motion and the wind.
        """
        found = []
        takes_off_at = self.takes_off_at
        for mission in missions:
            found.append(self.judge(mission, takes_off_at, keep_out, kinematics))
            if takes_off_at is not None:
                takes_off_at += timedelta(seconds=mission.figures(kinematics).duration_s) + _SWAP
        return found

    def judge(
        self,
        mission: Mission,
        takes_off_at: datetime | None,
        keep_out: Sequence[Polygon] = (),
        kinematics: Kinematics | None = None,
    ) -> tuple[Mission, tuple[Violation, ...]]:
        """A mission with its fence and clearance for that take-off, or with what is wrong with it."""
        if self.vehicle in AIRCRAFT:
            try:
                mission = begun_as_docks_do(mission)
            except InvalidMission as error:
                return mission, error.violations
        if self.is_fenced and store_of(self.vehicle).fence_corners:
            mission = replace(mission, fence=fence_round(mission, keep_out))
        mission, hit = self._past_obstacles(mission)
        finding = check_airspace(mission, self.airspace, takes_off_at, kinematics=kinematics)
        violations = (*hit, *finding.violations)
        return replace(mission, clearance=None if violations else finding.clearance), violations

    def _past_obstacles(self, mission: Mission) -> tuple[Mission, tuple[Violation, ...]]:
        """The mission with what stands near it; without, where it comes too near, and the breaches."""
        if not self.obstacles:
            return mission, ()
        home = mission.home
        frame = LocalFrame(lon=home.lon, lat=home.lat)
        reach = frame.local_polygon(MultiPoint(mission.path_lonlat())).convex_hull.buffer(_NEAR_M)
        near = self._tree.query(shapely.transform(reach, frame.lonlat_from_en), predicate="intersects")
        standing = [self.obstacles[number] for number in sorted(near.tolist())]
        obstacles = tuple(one.seen_from(home.alt_msl_m, self.terrain) for one in standing)
        try:
            return replace(mission, obstacles=obstacles), ()
        except InvalidMission as error:
            return mission, error.violations

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree([one.ground for one in self.obstacles])


def _joined(grounds: list[Polygon]) -> list[Polygon]:
    """One outline for those that overlap."""
    return [part for part in shapely.get_parts(shapely.union_all(grounds)) if not part.is_empty]
