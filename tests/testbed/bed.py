"""`Bed`: one flight over the bed's ground, as poses, photos, a film and its telemetry, with the truth beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from flyonce.demo.photo_file import PhotoRecord, write_photo
from testbed.camera import BedLens, BedPose, Painter
from testbed.errors_planted import Planted
from testbed.files import Told, write_csv, write_film, write_srt
from testbed.flight import Lawnmower
from testbed.ground import BedGround, Image, Thing
from testbed.hills import Floats, Hills


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture of the flight.

    Attributes:
        time_s: Since the flight's begin.
        true: Where the camera was.
        told: Where the telemetry says that it was; None in a dropout.
        path: The photo, where one was written.
    """

    time_s: float
    true: BedPose
    told: BedPose | None
    path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Film:
    """The files of a film: the film itself, its telemetry in two forms, the hills as a DEM, and the truth.

    Attributes:
        video: MP4.
        srt: Beside it under its name, so that `flyonce analyze` finds it.
        csv: The same telemetry with all digits.
        dem: GeoTIFF.
        truth: JSON, as `Bed.truth`.
        fps: Frames per second.
        frames: Their number.
    """

    video: Path
    srt: Path
    csv: Path
    dem: Path
    truth: Path
    fps: int
    frames: int


@dataclass(frozen=True, kw_only=True)
class Bed:
    """A flight to be judged by.

    Attributes:
        hills: The ground's shape.
        ground: Its looks, with the things on it.
        flight: The way of the drone.
        lens: The camera.
        planted: What is wrong with the telemetry.
        began_at: Aware time of the flight's begin.
    """

    hills: Hills = field(default_factory=Hills)
    ground: BedGround = field(default_factory=BedGround)
    flight: Lawnmower = field(default_factory=Lawnmower)
    lens: BedLens = field(default_factory=BedLens)
    planted: Planted = field(default_factory=Planted)
    began_at: datetime = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)

    @cached_property
    def home_m(self) -> tuple[float, float, float]:
        """The take-off point: east, north, altitude."""
        start = self.flight.pose(0.0, self.hills)
        return start.east_m, start.north_m, start.alt_m - self.flight.height_m

    @cached_property
    def home_lonlat(self) -> tuple[float, float]:
        """The take-off point in degrees."""
        lon, lat = self.hills.lonlat(np.array([self.home_m[:2]]))[0].tolist()
        return lon, lat

    def pose(self, time_s: float) -> BedPose:
        """The true pose at a moment."""
        return self.flight.pose(time_s, self.hills)

    def picture(self, time_s: float, index: int = 0) -> Image:
        """What the camera sees at a moment, BGR."""
        return self.painter.take(self.pose(time_s), index)

    @cached_property
    def painter(self) -> Painter:
        """The renderer."""
        return Painter(lens=self.lens, hills=self.hills, ground=self.ground)

    def lonlat_alt(self, point_m: Sequence[float] | Floats) -> tuple[float, float, float]:
        """Lon, lat, altitude of east, north, altitude."""
        lon, lat = self.hills.lonlat(np.array([point_m[:2]]))[0].tolist()
        return lon, lat, float(point_m[2])

    def place_of(self, thing: Thing) -> Floats:
        """East, north, altitude (3,) of a thing's middle on the ground."""
        en = np.array([[thing.east_m, thing.north_m]])
        return np.append(en[0], self.hills.heights(en)[0])

    def pixels_of(self, pose: BedPose, thing: Thing, *, inside_px: float = 0.0) -> Floats | None:
        """Where a thing's middle appears (2,); None outside the picture, or nearer than that to its edge, or where
        the picture shows a hill before it, or sky.
        """
        place = self.place_of(thing)
        uv = self.lens.project(pose, place[None])[0]
        inside = (uv >= inside_px) & (uv <= np.array(self.lens.size_wh_px) - inside_px)
        if not bool(inside.all()):
            return None
        off = np.abs(self.lens.ground_of(pose, uv[None], self.hills)[0] - place)
        return uv if bool((off < 0.5).all()) else None

    def shots(self, every_s: float) -> list[Shot]:
        """The flight's poses, one every so many seconds. What is told of `t` was true at `t - clock_offset_s`."""
        times = np.arange(0.0, self.flight.duration_s, every_s)
        noises = self.planted.noise(times)
        return [
            Shot(
                time_s=float(time_s),
                true=self.pose(float(time_s)),
                told=None
                if self.planted.is_silent(float(time_s))
                else self.planted.told(self.pose(float(time_s) - self.planted.clock_offset_s), noise),
            )
            for time_s, noise in zip(times, noises, strict=True)
        ]

    def photos(self, folder: Path, *, every_s: float = 2.0) -> list[Shot]:
        """Photos as DJI's drones write them, `dem.tif` and `truth.json`; a photo in a dropout has the place (0, 0).

        Raises:
            ValueError: The lens is distorted, which these photos cannot tell.
        """
        if any(self.lens.distortion) or self.lens.model != "brown":
            raise ValueError("the bed's photos tell a focal length only: give an undistorted lens")
        shots = []
        for number, shot in enumerate(self.shots(every_s)):
            path = folder / f"DJI_{number + 1:04d}.JPG"
            write_photo(path, self.painter.take(shot.true, number), self._record(shot))
            shots.append(Shot(time_s=shot.time_s, true=shot.true, told=shot.told, path=path))
        self._write_rest(folder, shots)
        return shots

    def film(
        self,
        folder: Path,
        *,
        fps: int = 10,
        telemetry_hz: float = 1.0,
        seconds: tuple[float, float] | None = None,
        on_frame: Callable[[int, int], None] = lambda done, total: None,
    ) -> Film:
        """`film.mp4` with `film.SRT`, `poses.csv`, `dem.tif` and `truth.json`.

        Args:
            folder: Where they go.
            fps: Frames per second.
            telemetry_hz: Rows of telemetry per second.
            seconds: The part of the flight that is filmed; None for all of it. Telemetry tells of a bit more.
            on_frame: Called with the frames done and their number.
        """
        begin, end = seconds or (0.0, self.flight.duration_s)
        times = begin + np.arange(int((end - begin) * fps)) / fps
        shots = [Shot(time_s=float(at - begin), true=self.pose(float(at)), told=None) for at in times]

        def pictures() -> Any:
            for index, shot in enumerate(shots):
                yield self.painter.take(shot.true, index)
                on_frame(index + 1, len(shots))

        video = write_film(
            folder / "film.mp4", pictures(), fps=fps, size_wh_px=self.lens.size_wh_px, at=self._at(begin)
        )
        rows = self.rows(begin, end, 1 / telemetry_hz)
        self._write_rest(folder, shots)
        return Film(
            video=video,
            srt=write_srt(folder / "film.SRT", rows, 1 / telemetry_hz),
            csv=write_csv(folder / "poses.csv", rows),
            dem=folder / "dem.tif",
            truth=folder / "truth.json",
            fps=fps,
            frames=len(shots),
        )

    def truth(self, shots: Sequence[Shot] = ()) -> dict[str, Any]:
        """All that is true, as JSON values: camera, take-off point, planted errors, things, what each picture shows."""
        lon, lat, alt = self.lonlat_alt(self.home_m)
        return {
            "camera": {
                "size_wh_px": list(self.lens.size_wh_px),
                "focal_px": self.lens.focal_px,
                "distortion": list(self.lens.distortion),
                "model": self.lens.model,
            },
            "home": {"lon": lon, "lat": lat, "alt_m": alt},
            "planted": asdict(self.planted),
            "things": [self._thing(thing) for thing in self.ground.things],
            "pictures": [self._picture(shot) for shot in shots],
        }

    def _write_rest(self, folder: Path, shots: Sequence[Shot]) -> None:
        self.hills.write_dem(folder / "dem.tif")
        (folder / "truth.json").write_text(json.dumps(self.truth(shots), indent=1) + "\n", encoding="utf-8")

    def _thing(self, thing: Thing) -> dict[str, Any]:
        lon, lat, alt = self.lonlat_alt(self.place_of(thing))
        outline = np.round(self.hills.lonlat(thing.corners_m), 9).tolist()
        east, north = thing.size_en_m
        known = {"id": thing.thing_id, "label": thing.label, "area_m2": east * north, "tall_m": thing.tall_m}
        return known | {"lon": lon, "lat": lat, "alt_m": alt, "outline": outline}

    def _picture(self, shot: Shot) -> dict[str, Any]:
        lon, lat, alt = self.lonlat_alt(shot.true.place_m)
        shown = {thing.thing_id: self.pixels_of(shot.true, thing) for thing in self.ground.things}
        angles = {name: getattr(shot.true, name) for name in ("heading_deg", "pitch_deg", "roll_deg")}
        return {
            "file": None if shot.path is None else shot.path.name,
            "time_s": round(shot.time_s, 6),
            "lon": lon,
            "lat": lat,
            "alt_m": alt,
            **angles,
            "shows": {name: np.round(uv, 3).tolist() for name, uv in shown.items() if uv is not None},
        }

    def rows(self, begin_s: float, end_s: float, step_s: float) -> list[Told]:
        """Telemetry of a filmed part of the flight and two seconds around it, in which the drone may hover.

        Args:
            begin_s: When the film begins, seconds of the flight.
            end_s: When it ends.
            step_s: From row to row.
        """
        times = np.arange(begin_s - 2.0, end_s + 2.0, step_s)
        noises = self.planted.noise(times)
        rows = []
        for time_s, noise in zip(times.tolist(), noises, strict=True):
            if not self.planted.is_silent(time_s):
                told = self.planted.told(self.pose(time_s), noise)
                rows.append(self._told(told, time_s - begin_s + self.planted.clock_offset_s, self._at(time_s)))
        return rows

    def _told(self, pose: BedPose, time_s: float, at: datetime) -> Told:
        lon, lat, alt_m = self.lonlat_alt(pose.place_m)
        return Told(
            time_s=time_s,
            at=at,
            lon=lon,
            lat=lat,
            home_m=alt_m - self.home_m[2],
            msl_m=alt_m,
            heading_deg=pose.heading_deg,
            pitch_deg=pose.pitch_deg,
            roll_deg=pose.roll_deg,
        )

    def _record(self, shot: Shot) -> PhotoRecord:
        told = shot.told or shot.true
        row = self._told(told, shot.time_s, self._at(shot.time_s))
        return PhotoRecord(
            taken_at=row.at,
            lon=row.lon if shot.told else 0.0,
            lat=row.lat if shot.told else 0.0,
            alt_msl_m=row.msl_m,
            height_m=row.home_m,
            heading_deg=row.heading_deg,
            pitch_deg=row.pitch_deg,
            roll_deg=row.roll_deg,
            focal_px=self.lens.focal_px,
            size_wh_px=self.lens.size_wh_px,
        )

    def _at(self, time_s: float) -> datetime:
        return self.began_at + timedelta(seconds=time_s)
