"""What a staged patrol is: how it is asked for, and where its camera, its things and its files are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flyonce.demo.camera_sim import Lens
from flyonce.demo.district import District
from flyonce.demo.errors import MissingGroundError
from flyonce.demo.ground import Ground, build_ground
from flyonce.demo.painted_ground import painted_ground
from flyonce.demo.patrol_flight import PatrolFlight, Phase, usual_phases
from flyonce.demo.sprites_file import read_sprites
from flyonce.demo.staging import Cast, StagedThing, stage
from flyonce.demo.world import CAMERA_NAME
from geo.camera import Camera, camera_by_name

STARTED_AT = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
_FINEST_GROUND_M = 0.055
_VIDEO_NOISE_SIGMA = 1.0


@dataclass(frozen=True, kw_only=True)
class PatrolPlan:
    """A patrol to be filmed; the same plan gives the same pictures and telemetry.

    Attributes:
        seconds: Length of the video.
        fps: Frames per second.
        size_wh_px: Width and height in pixels, both even.
        seed: Stages other things in other places, and other errors of navigation.
        height_m: Of the camera above the ground; it looks straight down.
        phases: Speeds; half fast, a fifth hovering, the rest slow if None.
        begin_m: Where on the round of legs the flight begins.
        cast: How many things are staged; as in the demo if None.
        painted: Paint the ground even where the orthophoto is installed.

    Raises:
        ValueError: The size is odd, or the video would have no frame.
    """

    seconds: float
    fps: int = 30
    size_wh_px: tuple[int, int] = (1920, 1080)
    seed: int = 1
    height_m: float = 70.0
    phases: Sequence[Phase] | None = None
    begin_m: float = 0.0
    cast: Cast | None = None
    painted: bool = False

    def __post_init__(self) -> None:
        width, height = self.size_wh_px
        if self.frames < 1 or width % 2 or height % 2:
            raise ValueError(f"a video of {self.frames} frames of {width} x {height} px cannot be encoded")

    @property
    def frames(self) -> int:
        """How many frames the video has."""
        return round(self.seconds * self.fps)


@dataclass(frozen=True, kw_only=True)
class ThingInView:
    """A staged thing in one frame.

    Attributes:
        thing: What it is.
        box_xyxy_px: Its outline's bounds in the picture, not clipped.
    """

    thing: StagedThing
    box_xyxy_px: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class StagedPatrol:
    """A staged patrol's files and what is true of it.

    Attributes:
        video: The MP4.
        srt: Its telemetry, one cue per frame.
        zones: The city's zones, GeoJSON.
        truth: What is staged and when it is in view, GeoJSON.
        camera: The camera that filmed: the table's generic one, with the picture's top and bottom cut off.
        frames: How many frames there are.
        fps: Frames per second.
        started_at: Time of the first frame.
        flight: Where the camera was.
        lens: Its optics.
        things: What is staged.
        district: Where.
    """

    video: Path
    srt: Path
    zones: Path
    truth: Path
    camera: Camera
    frames: int
    fps: int
    started_at: datetime
    flight: PatrolFlight
    lens: Lens
    things: tuple[StagedThing, ...]
    district: District

    def in_view(self, time_s: float) -> list[ThingInView]:
        """The staged things whose middle the frame of a time shows."""
        pose = self.flight.pose(time_s)
        found = []
        for thing in self.things:
            outline = thing.outline_m()
            seen = self.lens.project(pose, np.column_stack([outline, np.zeros(len(outline))]))
            (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
            middle = ((left + right) / 2, (top + bottom) / 2)
            if all(0 < at < side for at, side in zip(middle, self.lens.size_wh_px, strict=True)):
                box = (float(left), float(top), float(right), float(bottom))
                found.append(ThingInView(thing=thing, box_xyxy_px=box))
        return found

    def corners_m(self, time_s: float, *, reported: bool = True) -> NDArray[np.float64]:
        """Where the picture's corners lie on the ground (east, north), shape (4, 2), as reported or in truth."""
        pose = self.flight.reported(time_s) if reported else self.flight.pose(time_s)
        return self.lens.ground_corners_m(pose)


def patrol_of(plan: PatrolPlan, out_dir: Path) -> tuple[StagedPatrol, Ground]:
    """What `stage_patrol` films, and the ground it films, without writing a file: for films that are there already.

    Raises:
        MissingSpritesError: The sprites cannot be read.
    """
    camera = patrol_camera(plan.size_wh_px)
    lens = Lens(size_wh_px=plan.size_wh_px, focal_px=camera.focal_xy_px[0], noise_sigma=_VIDEO_NOISE_SIGMA)
    resolution_m = max(_FINEST_GROUND_M, 0.6 * plan.height_m / lens.focal_px)
    district, ground = _ground(plan.seed, resolution_m, painted=plan.painted)
    flight = PatrolFlight(
        phases=plan.phases or usual_phases(plan.seconds),
        height_m=plan.height_m,
        begin_m=plan.begin_m,
        seed=plan.seed,
    )
    patrol = StagedPatrol(
        video=out_dir / "patrol.mp4",
        srt=out_dir / "patrol.SRT",
        zones=out_dir / "zones.geojson",
        truth=out_dir / "truth.geojson",
        camera=camera,
        frames=plan.frames,
        fps=plan.fps,
        started_at=STARTED_AT,
        flight=flight,
        lens=lens,
        things=tuple(stage(district, ground, read_sprites(), plan.seed, plan.cast)),
        district=district,
    )
    return patrol, ground


def patrol_camera(size_wh_px: tuple[int, int]) -> Camera:
    """The table's generic camera as it films: the full width of its sensor, top and bottom cut off."""
    photo = camera_by_name(CAMERA_NAME)
    focal_px = photo.focal_xy_px[0] * size_wh_px[0] / photo.size_wh_px[0]
    return Camera(
        name=CAMERA_NAME,
        size_wh_px=size_wh_px,
        focal_xy_px=(focal_px, focal_px),
        principal_xy_px=(size_wh_px[0] / 2, size_wh_px[1] / 2),
    )


def _ground(seed: int, resolution_m: float, *, painted: bool) -> tuple[District, Ground]:
    if painted:
        return painted_ground(seed, resolution_m)
    try:
        return build_ground(seed, resolution_m)
    except MissingGroundError:
        return painted_ground(seed, resolution_m)
