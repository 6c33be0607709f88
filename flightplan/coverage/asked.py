"""What is asked of a flight: how photos are taken, and with which drone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from flightplan.coverage.heights import GroundFollower, HeightBand
from flightplan.coverage.pattern_search import PHOTOS_PER_SPOT
from flightplan.coverage.seen import Footprint
from flightplan.coverage.site import Site
from flightplan.coverage.sorties import MissionBuilder
from flightplan.errors import CannotPlan
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.limits import FlightLimits
from flightplan.mission.shots import STRAIGHT_DOWN_DEG
from geo.camera import Camera

# How far over and under the height asked for a flight over hills may be, as a share of it.
USUAL_BAND = 0.1
_SLOWEST_M_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Shooting:
    """How photos are taken.

    Attributes:
        camera: Mounted with the width of its pictures across the rows.
        altitude_agl_m: Height above the ground, metres; without terrain, above home's ground.
        frontlap: Least overlap of one photo and the next, 0 to 0.95.
        sidelap: Least overlap of neighbouring rows, 0 to 0.95.
        pitch_deg: Of the camera; -90 straight down, -30 at the flattest.
        cross_hatch: Fly the area a second time, in rows across the first ones.
        band_m: With terrain, how far over and under `altitude_agl_m` a flight may be; a tenth of it if None. The
            greatest height that the limits allow is never passed.

    Raises:
        CannotPlan: A figure is out of range.
    """

    camera: Camera
    altitude_agl_m: float
    frontlap: float = 0.7
    sidelap: float = 0.6
    pitch_deg: float = STRAIGHT_DOWN_DEG
    cross_hatch: bool = False
    band_m: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.altitude_agl_m) and self.altitude_agl_m > 0):
            raise CannotPlan(
                problem=f"altitude {self.altitude_agl_m:g} is out of range", remedy="Give a finite number above 0"
            )
        check_overlaps(self.frontlap, self.sidelap)

    @property
    def footprint(self) -> Footprint:
        """What one photo shows of level ground."""
        return Footprint.of(self.camera, self.altitude_agl_m, self.pitch_deg)

    @property
    def maps(self) -> bool:
        """Whether the overlaps promise enough photos of every spot for a map."""
        return math.floor(1 / (1 - self.sidelap)) * math.floor(1 / (1 - self.frontlap)) >= PHOTOS_PER_SPOT

    def band(self, limits: FlightLimits) -> HeightBand:
        """Where to fly above the ground.

        Raises:
            CannotPlan: The height is more than the limits allow, or the band is none.
        """
        altitude_m, most_m = self.altitude_agl_m, limits.max_height_agl_m
        half_m = altitude_m * USUAL_BAND if self.band_m is None else self.band_m
        if not (math.isfinite(half_m) and half_m > 0):
            raise CannotPlan(problem=f"a height band of {half_m:g} m is out of range", remedy="Give metres above 0")
        if altitude_m > most_m:
            raise CannotPlan(
                problem=f"{altitude_m:g} m above ground exceeds {most_m:g} m",
                remedy="Fly lower, or get an approval and raise the limit",
            )
        low_m = max(altitude_m - half_m, min(limits.min_height_agl_m, altitude_m))
        return HeightBand(low_m=low_m, wanted_m=altitude_m, high_m=min(altitude_m + half_m, most_m))


@dataclass(frozen=True, kw_only=True)
class Drone:
    """What flies.

    Attributes:
        speed_m_s: Ground speed wished for; reduced where photos would follow too fast.
        endurance_s: Longest flight on one battery, reserve already taken off.
        limits: What each mission is held to.
        kinematics: Its limits of motion, and the wind.

    Raises:
        CannotPlan: A figure is out of range, or the wind is stronger than the drone may fly in.
    """

    speed_m_s: float
    endurance_s: float
    limits: FlightLimits
    kinematics: Kinematics

    def __post_init__(self) -> None:
        for name, value in (("speed", self.speed_m_s), ("endurance", self.endurance_s)):
            if not (math.isfinite(value) and value > 0):
                raise CannotPlan(problem=f"{name} {value:g} is out of range", remedy="Give a finite number above 0")
        wind, most_m_s = self.kinematics.wind, self.kinematics.max_wind_m_s
        if wind is not None and wind.speed_m_s > most_m_s:
            raise CannotPlan(
                problem=f"a wind of {wind.speed_m_s:g} m/s is more than the drone may fly in ({most_m_s:g} m/s)",
                remedy="Wait for less wind",
            )

    def row_speed_m_s(self, site: Site, shooting: Shooting, trigger_m: float) -> float:
        """As fast as wished, unless the camera needs more time between photos, or a slower ground to be sharp.

        Raises:
            CannotPlan: Hardly any speed is slow enough.
        """
        speed = camera_speed(self.speed_m_s, trigger_m, self.limits.min_photo_interval_s)
        if self.limits.exposure is None:
            return speed
        lowest_m = shooting.altitude_agl_m if site.terrain is None else shooting.band(self.limits).low_m
        sharp = math.floor(self.limits.exposure.max_speed_m_s(lowest_m) * 10) / 10
        if sharp < _SLOWEST_M_S:
            exposed_s = self.limits.exposure.seconds
            raise CannotPlan(
                problem=f"no flight is slow enough for sharp photos with {exposed_s:g} s of exposure",
                remedy="Expose shorter, or fly higher",
            )
        return min(speed, sharp)

    def builder(self, site: Site, shooting: Shooting, speed_m_s: float) -> MissionBuilder:
        """What makes missions of runs over that site, flown at that speed."""
        follower = None
        if site.terrain is not None:
            follower = GroundFollower(
                terrain=site.terrain,
                frame=site.frame,
                home_alt_msl_m=site.home.alt_msl_m,
                band=shooting.band(self.limits),
                kinematics=self.kinematics,
            )
        return MissionBuilder(
            frame=site.frame,
            router=site.router,
            home=site.home,
            home_en=site.home_en,
            altitude_m=shooting.altitude_agl_m,
            speed_m_s=speed_m_s,
            limits=replace(self.limits, max_duration_s=max(self.limits.max_duration_s, self.endurance_s)),
            kinematics=self.kinematics,
            pitch_deg=shooting.pitch_deg,
            follower=follower,
        )


def check_overlaps(frontlap: float, sidelap: float) -> None:
    """Refuse overlaps that no flight can keep.

    Raises:
        CannotPlan: One is not a share from 0 to 0.95.
    """
    for name, value in (("frontlap", frontlap), ("sidelap", sidelap)):
        if not 0 <= value <= 0.95:
            raise CannotPlan(problem=f"{name} {value:g} is out of range", remedy="Give a share between 0 and 0.95")


def camera_speed(speed_m_s: float, trigger_m: float, min_photo_interval_s: float, *, whose: str = "") -> float:
    """The wished speed, or the greatest at which the camera keeps up with the photo distance (0.1 m/s steps).

    Args:
        speed_m_s: Wished for.
        trigger_m: Distance between photos.
        min_photo_interval_s: Shortest time between photos that the camera manages.
        whose: Begins the message of the refusal, where there are several.

    Raises:
        CannotPlan: It would keep up with hardly any speed.
    """
    fastest = math.floor(trigger_m * 0.9 / min_photo_interval_s * 10) / 10
    if fastest < _SLOWEST_M_S:
        raise CannotPlan(
            problem=f"{whose}a photo every {trigger_m:.2f} m is closer than the camera can take them in flight",
            remedy="Fly higher, or ask for less frontlap",
        )
    return min(speed_m_s, fastest)
