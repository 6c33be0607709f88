"""What a telemetry file of any family came to: its points, and an account of what was used, dropped, not understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from geo.errors import InputFileError
from geo.pose import AltitudeDatum, Pose
from geo.pose_track import LONGEST_GAP_S, PoseTrack
from geo.telemetry.entry import Entry
from geo.telemetry.recorded import RecordedTelemetry

Clock = Literal["utc", "media", "local", "none"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TelemetryReading:
    """Points of one file, or of one folder of photos.

    Attributes:
        path: Where they come from.
        family: `dji_srt`, `klv`, `tlog`, `exiftool`, `airdata`, `dji_mrk`, `poses_csv`, `photos`.
        dialect: Which way of writing was recognised.
        points: What can be used, each with a place and, unless `clock` is `none`, at rising times. Altitude and angles
            may be unknown.
        entries: Records that the file holds.
        dropped: By reason, records that gave no point.
        flags: By short machine name, of how many records a reader should know something.
        problems: The same as sentences for people.
        clock: What `time_s` counts: `utc` seconds since `zero_at`; `media`, a video's time; `local`, seconds since the
            first point, of a clock whose zone is unknown; `none`, nothing.
        zero_at: The moment of 0 s, aware UTC, where the clock is `utc`.
        recognised: Names of the fields that were understood.
        not_recognised: Names of fields, columns or tags that are there and were not read.
        first_dropped: By reason, the place in the file of the first record that was dropped.
        pictures: Moments at which the file says that a picture was taken, where it tells them apart from the poses.
    """

    path: Path
    family: str
    dialect: str
    points: Sequence[Entry]
    entries: int
    dropped: Mapping[str, int]
    flags: Mapping[str, int]
    problems: tuple[str, ...]
    clock: Clock
    zero_at: datetime | None = None
    recognised: tuple[str, ...] = ()
    not_recognised: tuple[str, ...] = ()
    first_dropped: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[Entry] = ()

    def __post_init__(self) -> None:
        if (self.zero_at is None) != (self.clock != "utc"):
            raise ValueError("exactly a UTC clock knows the moment of its 0 s")
        if any(point.lon is None or point.lat is None for point in self.points):
            raise ValueError("a point has a place")
        object.__setattr__(self, "points", tuple(self.points))
        object.__setattr__(self, "pictures", tuple(self.pictures))
        for name in ("dropped", "flags"):
            counts = {reason: count for reason, count in getattr(self, name).items() if count}
            object.__setattr__(self, name, MappingProxyType(counts))
        object.__setattr__(self, "first_dropped", MappingProxyType(dict(self.first_dropped)))

    def of_pictures(self) -> TelemetryReading:
        """The poses of the pictures alone.

        Raises:
            InputFileError: The file tells of none.
        """
        if not self.pictures:
            raise InputFileError(
                path=self.path,
                problem="it does not say when pictures were taken",
                remedy="Take the poses of the whole flight",
            )
        return replace(self, points=self.pictures, entries=len(self.pictures), dropped={})

    def in_zone(self, zone: tzinfo) -> TelemetryReading:
        """The same in UTC, where the file's clock showed the local time of a zone that somebody knows.

        Raises:
            ValueError: The clock is no local one.
        """
        first = self.points[0].at if self.points else None
        if self.clock != "local" or first is None:
            raise ValueError("only a local clock has a zone to be told")
        zero_at = first.replace(tzinfo=zone).astimezone(UTC)
        moved = zero_at - first
        points = [replace(point, at=None if point.at is None else point.at + moved) for point in self.points]
        flags = {flag: count for flag, count in self.flags.items() if flag != "time_zone_unknown"}
        return replace(self, points=points, clock="utc", zero_at=zero_at, flags=flags)

    def recorded(self, *, longest_gap_s: float = LONGEST_GAP_S) -> RecordedTelemetry:
        """The points as a track of poses, all of one altitude datum.

        Raises:
            InputFileError: Not one point tells an altitude, or there are no times.
        """
        dropped = Counter(self.dropped)
        datum = self._datum()
        if self.clock == "none" or datum is None:
            missing = "time" if self.clock == "none" else "altitude"
            raise InputFileError(
                path=self.path,
                problem=f"its {len(self.points)} positions have no {missing}, so they make no track",
                remedy=f"Give telemetry that tells the {missing}, or a table of poses with it",
            )
        times_s: list[float] = []
        poses: list[Pose] = []
        zooms: list[float] = []
        for point in self.points:
            pose = pose_of(point, datum)
            if pose is None or point.time_s is None:
                dropped["no_altitude" if point.alt_m is None else "other_datum"] += 1
                continue
            if times_s and point.time_s <= times_s[-1]:
                dropped["repeated_time"] += 1
                continue
            times_s.append(point.time_s)
            poses.append(pose)
            zooms.append(point.zoom)
        return RecordedTelemetry(
            track=PoseTrack(
                times_s=times_s,
                poses=poses,
                zooms=zooms if max(zooms) > 1.001 else (),
                zero_at=self.zero_at,
                longest_gap_s=longest_gap_s,
            ),
            dialect=self.dialect,
            entries=self.entries,
            dropped={reason: count for reason, count in dropped.items() if count},
            flags=tuple(self.flags),
            problems=self.problems,
        )

    def _datum(self) -> AltitudeDatum | None:
        """The datum that most points can tell their altitude in."""
        told: Counter[AltitudeDatum] = Counter()
        for point in self.points:
            if point.alt_datum is not None:
                told[point.alt_datum] += 1
                if point.alt_datum != "home" and point.height_above_home_m is not None:
                    told["home"] += 1
        return told.most_common(1)[0][0] if told else None


def pose_of(point: Entry, datum: AltitudeDatum) -> Pose | None:
    """The point as a pose in that datum; None where it does not know it."""
    if datum == "home" and point.alt_datum != "home" and point.height_above_home_m is not None:
        point = replace(point, alt_m=point.height_above_home_m, alt_datum="home", reported_alt_m=point.alt_m)
    if point.alt_m is None or point.alt_datum != datum:
        return None
    assert point.lon is not None
    assert point.lat is not None
    bearing = point.has_bearing
    return Pose(
        at=point.at,
        lon=point.lon,
        lat=point.lat,
        alt_m=point.alt_m,
        alt_datum=datum,
        heading_deg=point.heading_deg if bearing else None,
        pitch_deg=point.pitch_deg if bearing else None,
        roll_deg=point.roll_deg if bearing else None,
        sigmas=point.sigmas,
        height_above_home_m=point.height_above_home_m,
        reported_alt_m=point.reported_alt_m,
        heading_source=point.heading_source if bearing else "none",
    )
