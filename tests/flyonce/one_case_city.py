"""A square with many puddles, filmed by several flights whose poses are wrong, as material for the whole chain."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from flyonce.demo.camera_sim import Lens, TruePose
from flyonce.demo.frame import LocalFrame
from flyonce.demo.patrol_plan import patrol_camera
from flyonce.looks import Prepared, Problem, Shot
from flyonce.material import Account, Candidate
from flyonce.stills import StillOriginal
from geo.pose import Pose
from vision.detections import Detections
from vision.frame import Frame
from vision.pixels import ArrayPixels

SIZE = (480, 360)
CAMERA = patrol_camera(SIZE)
LENS = Lens(size_wh_px=SIZE, focal_px=CAMERA.focal_xy_px[0])
PLANE = LocalFrame(lon=118.87, lat=28.95)
BEGAN_AT = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
HEIGHT_M = 70.0
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Puddles:
    """Puddles on level ground: places (n, 2) in metres east and north, and their widths (n,)."""

    en_m: Floats
    width_m: Floats

    @classmethod
    def scattered(cls, columns: int, rows: int, spacing_m: float, seed: int) -> Puddles:
        """Not in rows, and none in another."""
        rng = np.random.default_rng(seed)
        grid = np.array([(c - (columns - 1) / 2, r - (rows - 1) / 2) for r in range(rows) for c in range(columns)])
        return cls(
            en_m=grid * spacing_m + rng.uniform(-0.12, 0.12, grid.shape) * spacing_m,
            width_m=rng.uniform(1.6, 2.6, len(grid)),
        )


@dataclass(kw_only=True)
class Film:
    """One flight's film of the puddles, and the detector that finds them in it.

    Attributes:
        flight_id: Its name.
        puddles: What is there.
        there: Which of them are there on this flight.
        found: In which picture which puddle is found, (pictures, puddles).
        offset_m: How far all positions of the flight lie off, east and north.
        hours: After the first flight.
        seed: Draws what the poses get wrong.
    """

    flight_id: str
    puddles: Puddles
    there: NDArray[np.bool_]
    found: NDArray[np.bool_]
    offset_m: tuple[float, float]
    hours: float
    seed: int
    ahead: int | None = None
    unreadable: list[Problem] = field(default_factory=list)
    telemetry_s: float = 0.0

    def pictures(self) -> Iterator[Prepared]:
        """Frames half a second apart, with the poses as the flight tells them."""
        rng = np.random.default_rng(self.seed)
        began = BEGAN_AT + timedelta(hours=self.hours)
        picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
        for index in range(len(self.found)):
            pose, time_s = self.pose(index), 0.5 * index
            frame = Frame(
                pixels=ArrayPixels(picture),
                captured_at=None,
                source=f"{self.flight_id}.mp4",
                index=index,
                media_time_s=time_s,
            )
            east, north = np.array((pose.east_m, pose.north_m)) + self.offset_m + rng.normal(0, 0.3, 2)
            lon, lat = PLANE.lonlat_from_enu((float(east), float(north)))[0]
            told = Pose(
                at=began + timedelta(seconds=time_s),
                lon=float(lon),
                lat=float(lat),
                alt_m=pose.up_m + float(rng.normal(0, 0.2)),
                alt_datum="home",
                heading_deg=pose.heading_deg + float(rng.normal(0, 0.8)),
                pitch_deg=pose.pitch_deg + float(rng.normal(0, 0.4)),
                roll_deg=float(rng.normal(0, 0.5)),
            )
            yield Prepared(
                key=f"{self.flight_id}.mp4#{index}",
                name=f"{self.flight_id} {time_s:.1f} s",
                frame=frame,
                shot=Shot(pose=told, camera=CAMERA, taken_at=told.at, clock_s=time_s, size_wh_px=SIZE),
                original=StillOriginal(frame=frame, stem=f"{self.flight_id}_{index:05d}", note="made up"),
            )

    def pose(self, index: int) -> TruePose:
        """Where the camera really is: a slow pass over the square."""
        along = 0.3 * (index - len(self.found) / 2)
        heading = 20.0 if self.hours == 0 else 110.0
        turn = math.radians(heading)
        return TruePose(
            east_m=along * math.sin(turn), north_m=along * math.cos(turn), up_m=HEIGHT_M,
            heading_deg=heading - 20.0 if self.hours == 0 else heading - 110.0, pitch_deg=-90.0, roll_deg=0.0,
        )  # fmt: skip

    def __call__(self, frame: Frame) -> Detections:
        """What a detector finds: a box a little off around each puddle that is found in this picture."""
        rng = np.random.default_rng((self.seed, frame.index))
        boxes = []
        for index in np.flatnonzero(self.found[frame.index] & self.there):
            turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            rim = self.puddles.width_m[index] / 2 * np.column_stack((np.cos(turn), np.sin(turn)))
            rim = np.column_stack((rim + self.puddles.en_m[index], np.zeros(24)))
            seen = LENS.project(self.pose(frame.index), rim) + rng.normal(0, 0.6, 2)
            boxes.append([*seen.min(axis=0), *seen.max(axis=0)])
        return Detections(
            boxes_xyxy_px=np.array(boxes, np.float32).reshape(-1, 4),
            confidence=rng.uniform(0.6, 0.9, len(boxes)).astype(np.float32),
            labels=("standing_water",) * len(boxes),
        )

    def attend(self, candidate: Candidate) -> None:
        """A film that is at hand needs no asking."""

    def settle(self, key: int) -> None:
        """As `attend`."""

    def account(self) -> Account:
        """Nothing to tell."""
        return Account()


def found_in_bursts(puddles: int, *, hits: int, breaks: int, gap: int, seed: int) -> NDArray[np.bool_]:
    """Who is found in which picture: each `hits` times in all, with `breaks` runs of `gap` pictures that miss it."""
    rng = np.random.default_rng(seed)
    pictures = hits + breaks * gap
    found = np.ones((pictures, puddles), bool)
    for puddle in range(puddles):
        # Gaps go between hits, not side by side, and neither at the beginning nor at the end.
        before = np.sort(rng.choice(np.arange(3, hits - 2, 2), breaks, replace=False))
        for number, after in enumerate(before):
            start = after + number * gap
            found[start : start + gap, puddle] = False
    return found
