"""Whether a mission keeps to the law of the air at a time, and when else it would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPoint
from shapely.geometry.base import BaseGeometry

from flightplan.airspace.clearance import AIRSPACE, OPEN_HEIGHT_M, TERRAIN, Clearance
from flightplan.airspace.cover import Need, widest_cover
from flightplan.airspace.zones import Airspace, AirZone
from flightplan.mission.items import ReturnHome
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.limits import Violation
from flightplan.mission.mission import Mission
from flightplan.mission.profile import Profile, profile_of
from flightplan.mission.return_height import return_height_m

Floats = NDArray[np.float64]

# Flights wait at the dock, for wind, for somebody in the way: so much later than told a flight must be lawful, too.
_LATENESS = timedelta(minutes=10)
_ROUNDING_M = 1e-3
# How far ahead of and behind a take-off zones' hours are looked for.
_HORIZON = timedelta(days=3)
_APPLY_BY = time(12, 0)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found.

    Attributes:
        violations: Breaches, at most one of each zone; empty for a lawful flight.
        clearance: When it may take off; None for an unlawful one.
    """

    violations: tuple[Violation, ...]
    clearance: Clearance | None


def check_airspace(
    mission: Mission,
    airspace: Airspace,
    takes_off_at: datetime | None = None,
    *,
    now: datetime | None = None,
    kinematics: Kinematics | None = None,
) -> Finding:
    """Hold a mission against zones and approvals.

    A zone counts where a leg, or the column over home, enters it at a height it holds at, while it is in force at any
    time between take-off and landing, ten minutes of delay included. Without a time of take-off a zone counts at all
    times, and no approval holds.

    Args:
        mission: Its own limits are kept already.
        airspace: Zones and approvals.
        takes_off_at: When (aware); None where it is not known yet.
        now: When it is asked (aware), to say until when approvals can be applied for; None for the present.
        kinematics: The drone's limits of motion and the day's wind, for how long it flies.
    """
    return _Check(mission, airspace, takes_off_at, now or datetime.now(UTC), kinematics).finding()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Inside:
    """The part of a flight in a zone: samples (n,) of the profile, and their true heights' greatest."""

    samples: NDArray[np.intp]
    highest_agl_m: float
    ground: BaseGeometry


class _Check:
    def __init__(
        self,
        mission: Mission,
        airspace: Airspace,
        takes_off_at: datetime | None,
        now: datetime,
        kinematics: Kinematics | None,
    ) -> None:
        self._airspace = airspace
        self._profile = profile_of(mission)
        self._path = _path_of(self._profile)
        self._duration = timedelta(seconds=mission.figures(kinematics).duration_s) + _LATENESS
        # Whoever does not tell home's height has 0: then nothing is known above the sea.
        self._knows_sea_level = mission.terrain is not None or mission.home.alt_msl_m != 0.0
        self._rise_m = _rise_m(mission, self._profile)
        held = {AIRSPACE: airspace.zones or airspace.approvals, TERRAIN: mission.terrain is not None}
        self._held_against = tuple(what for what, is_known in held.items() if is_known)
        self._takes_off_at = takes_off_at
        self._now = now
        self._not_before: list[datetime] = []
        self._not_after: list[datetime] = []
        self._needs: list[Need] = []
        self._above: Need | None = None

    def finding(self) -> Finding:
        violations = [one for zone in self._airspace.zones if (one := self._of_zone(zone)) is not None]
        too_high = self._too_high()
        if too_high is not None:
            violations.append(too_high)
        if violations:
            return Finding(violations=tuple(violations), clearance=None)
        return Finding(violations=(), clearance=self._clearance())

    def _clearance(self) -> Clearance:
        closes_at = min(self._not_after, default=None)
        used = widest_cover(
            self._needs,
            opens_at=max(self._not_before, default=None),
            closes_at=None if closes_at is None else closes_at + self._duration,
        )
        # Only those above the open height say how high: others cover parts of the flight that are lower.
        high = used if self._above is None else [one for one in used if one in self._above.approvals]
        return Clearance(
            approvals=tuple(sorted({one.id for one in used})),
            ceiling_agl_m=min((one.ceiling_m for one in high), default=OPEN_HEIGHT_M),
            not_before=max([*self._not_before, *(one.begins_at for one in used)], default=None),
            not_after=min([*self._not_after, *(one.ends_at - self._duration for one in used)], default=None),
            held_against=self._held_against,
        )

    def _of_zone(self, zone: AirZone) -> Violation | None:
        inside = self._inside(zone)
        if inside is None or not self._in_force(zone):
            return None
        if zone.kind == "no_fly":
            return Violation(
                rule="no-fly area",
                place=self._profile.place(int(inside.samples[0])),
                problem=f"it enters the no-fly area {zone.name}{self._when()}",
                remedy="Plan round it with --no-fly, or fly while it is not in force",
            )
        if self._approved(inside) is not None:
            return None
        return self._unapproved(inside, f"it enters the controlled airspace {zone.name}{self._when()}")

    def _too_high(self) -> Violation | None:
        above = np.flatnonzero(self._profile.agl_m > OPEN_HEIGHT_M + _ROUNDING_M)
        if not len(above):
            return None
        ground = MultiPoint(self._profile.lonlat[above])
        highest_m = float(self._profile.agl_m[above].max())
        inside = _Inside(samples=above, highest_agl_m=highest_m, ground=ground)
        self._above = self._approved(inside)
        if self._above is not None:
            return None
        return self._unapproved(inside, f"{highest_m:.0f} m true height is above {OPEN_HEIGHT_M:g} m")

    def _inside(self, zone: AirZone) -> _Inside | None:
        """Where the flight is in the zone, at whatever time; None for nowhere."""
        part = shapely.intersection(self._path, zone.ground)
        if part.is_empty:
            return None
        profile = self._profile
        heights_m = profile.agl_m if zone.heights_above == "agl" else profile.alt_msl_m
        if zone.heights_above == "msl" and not self._knows_sea_level:
            heights_m = np.full_like(heights_m, np.nan)
        is_in = shapely.intersects_xy(zone.ground, profile.lonlat)
        # Legs that only cut a corner have no sample inside: their nearest ones stand for them.
        near = shapely.dwithin(shapely.points(profile.lonlat), part, _sample_deg(profile))
        # The drone climbs from the ground, and lands on it.
        lowest_m = heights_m.copy()
        lowest_m[[0, -1]] = -np.inf
        # A height that is not known may be any.
        at_height = ~((heights_m + self._rise_m < zone.floor_m) | (lowest_m > zone.ceiling_m))
        samples = np.flatnonzero((is_in | near) & at_height)
        if not len(samples):
            return None
        return _Inside(samples=samples, highest_agl_m=float(np.nanmax(profile.agl_m[samples])), ground=part)

    def _in_force(self, zone: AirZone) -> bool:
        """Whether it holds during the flight; where not, notes from when to when it does not."""
        begins_at = self._takes_off_at
        if begins_at is None or zone.times is None:
            return True
        stretches = zone.in_force(begins_at - _HORIZON, begins_at + _HORIZON, self._airspace.time_zone)
        for opens, closes in stretches:
            if opens < begins_at + self._duration and closes > begins_at:
                return True
            if closes <= begins_at:
                self._not_before.append(closes)
            else:
                self._not_after.append(opens - self._duration)
        # Nobody has looked farther.
        self._not_before.append(begins_at - _HORIZON)
        self._not_after.append(begins_at + _HORIZON - self._duration)
        return False

    def _approved(self, inside: _Inside) -> Need | None:
        """What the part needs, where approvals that hold all the flight long cover it; notes it."""
        begins_at = self._takes_off_at
        if begins_at is None:
            return None
        held = [
            one
            for one in self._airspace.approvals
            if one.holds(begins_at, begins_at + self._duration)
            and one.ceiling_m + _ROUNDING_M >= inside.highest_agl_m
            and shapely.intersects(one.ground, inside.ground)
        ]
        need = Need(ground=inside.ground, approvals=tuple(held))
        if not need.is_covered(held):
            return None
        self._needs.append(need)
        return need

    def _unapproved(self, inside: _Inside, problem: str) -> Violation:
        return Violation(
            rule="approval",
            place=self._profile.place(int(inside.samples[0])),
            problem=f"{problem}, and no approval covers the flight there",
            remedy=self._how_to_move(inside) or self._how_to_apply(),
        )

    def _how_to_move(self, inside: _Inside) -> str | None:
        """What to do where approvals would cover the part at another time."""
        begins_at = self._takes_off_at
        if begins_at is None:
            return None
        ends_at, zone = begins_at + self._duration, self._airspace.time_zone
        for one in self._airspace.approvals:
            latest_at = one.ends_at - self._duration
            fits = latest_at >= max(one.begins_at, self._now) and one.ceiling_m + _ROUNDING_M >= inside.highest_agl_m
            if (
                fits
                and not one.holds(begins_at, ends_at)
                and Need(ground=inside.ground, approvals=(one,)).is_covered([one])
            ):
                return (
                    f"Approval {one.id} covers it from {one.begins_at.astimezone(zone):%Y-%m-%d %H:%M}, "
                    f"for a take-off not after {latest_at.astimezone(zone):%Y-%m-%d %H:%M}"
                )
        return None

    def _how_to_apply(self) -> str:
        zone = self._airspace.time_zone
        if self._takes_off_at is None:
            return "Say with --takes-off-at when it flies, and give the approval with --airspace"
        day = self._takes_off_at.astimezone(zone).date()
        until = datetime.combine(day - timedelta(days=1), _APPLY_BY, tzinfo=zone)
        if self._now > until:
            return f"It is too late to apply for {day} (by 12:00 of the day before): fly later, lower or elsewhere"
        return f"Apply for an approval by {until:%Y-%m-%d %H:%M} and confirm it 1 h before take-off"

    def _when(self) -> str:
        if self._takes_off_at is None:
            return ""
        return f" at {self._takes_off_at.astimezone(self._airspace.time_zone):%Y-%m-%d %H:%M}"


def _rise_m(mission: Mission, profile: Profile) -> Floats:
    """(n,) how much higher a sample may be flown: vehicles climb before they fly home."""
    last = len(mission.items)
    if not isinstance(mission.items[-1], ReturnHome):
        return np.zeros(len(profile.leg))
    try:
        top_m = mission.home.alt_msl_m + return_height_m(mission)
    except ValueError:
        top_m = np.inf
    return np.where(profile.leg == last, np.maximum(top_m - profile.alt_msl_m, 0.0), 0.0)


def _path_of(profile: Profile) -> BaseGeometry:
    """The path over the ground in degrees; samples are close enough that straight lines between them are the legs."""
    return LineString(profile.lonlat)


def _sample_deg(profile: Profile) -> float:
    """The greatest distance of two samples, in degrees."""
    steps: Sequence[float] = np.hypot(*np.diff(profile.lonlat, axis=0).T).tolist()
    return max(steps, default=0.0) + 1e-9
