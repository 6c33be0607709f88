"""Stages a patrol as a video file with telemetry beside it: the demo's ground and things, filmed by the demo's camera.

The picture is rendered, its encoding is real: H.264 in an MP4 as any drone writes it. Tests and benchmarks of all that
takes video start here, because here alone the truth is known.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon

from flyonce.demo.camera_sim import Image, Lens, Photographer
from flyonce.demo.district import District
from flyonce.demo.errors import MissingGroundError
from flyonce.demo.ground import Ground, build_ground
from flyonce.demo.painted_ground import painted_ground
from flyonce.demo.patrol_flight import PatrolFlight, Phase, usual_phases
from flyonce.demo.sprites_file import read_sprites
from flyonce.demo.srt_file import Cue, write_srt
from flyonce.demo.staging import Cast, StagedThing, stage
from flyonce.demo.zones_file import write_zones
from geo.camera import Camera, camera_by_name

CAMERA_NAME = "generic-84dfov"
STARTED_AT = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
_FINEST_GROUND_M = 0.055
_VIDEO_NOISE_SIGMA = 1.0
_EXPOSURE_SIGMA = 0.001
_AHEAD = 4


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


def stage_patrol(
    out_dir: Path,
    *,
    seconds: float,
    fps: int = 30,
    size: tuple[int, int] = (1920, 1080),
    seed: int = 1,
    height_m: float = 70.0,
    phases: Sequence[Phase] | None = None,
    begin_m: float = 0.0,
    cast: Cast | None = None,
    painted: bool = False,
    workers: int = 2,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> StagedPatrol:
    """Films a patrol and writes `patrol.mp4`, `patrol.SRT`, `zones.geojson` and `truth.geojson`.

    The same arguments give the same pictures and telemetry.

    Args:
        out_dir: Where the files go; made if missing.
        seconds: Length of the video.
        fps: Frames per second.
        size: Width and height in pixels, both even.
        seed: Stages other things in other places, and other errors of navigation.
        height_m: Of the camera above the ground; it looks straight down.
        phases: Speeds; half fast, a fifth hovering, the rest slow if None.
        begin_m: Where on the round of legs the flight begins.
        cast: How many things are staged.
        painted: Paint the ground even where the orthophoto is installed.
        workers: Threads that render.
        on_frame: Called with the frames done and their total.

    Returns:
        The files and the truth.

    Raises:
        MissingSpritesError: The sprites cannot be read.
        ValueError: The size is odd, or the video would have no frame.
    """
    frames = round(seconds * fps)
    if frames < 1 or size[0] % 2 or size[1] % 2:
        raise ValueError(f"a video of {frames} frames of {size[0]} x {size[1]} px cannot be encoded")
    out_dir.mkdir(parents=True, exist_ok=True)
    patrol, ground = plan_patrol(
        out_dir,
        seconds=seconds,
        fps=fps,
        size=size,
        seed=seed,
        height_m=height_m,
        phases=phases,
        begin_m=begin_m,
        cast=cast,
        painted=painted,
    )
    write_zones(patrol.zones, patrol.district, STARTED_AT.date())
    _write_truth(patrol)
    write_srt(patrol.srt, _cues(patrol), fps)
    photographer = Photographer(
        ground=ground, things=patrol.things, lens=patrol.lens, seed=seed, exposure_sigma=_EXPOSURE_SIGMA
    )
    _encode(patrol, _pictures(patrol, photographer, workers), on_frame)
    return patrol


def plan_patrol(
    out_dir: Path,
    *,
    seconds: float,
    fps: int = 30,
    size: tuple[int, int] = (1920, 1080),
    seed: int = 1,
    height_m: float = 70.0,
    phases: Sequence[Phase] | None = None,
    begin_m: float = 0.0,
    cast: Cast | None = None,
    painted: bool = False,
) -> tuple[StagedPatrol, Ground]:
    """What `stage_patrol` films, and the ground it films, without writing a file: for films that are there already.

    The arguments are those of `stage_patrol`.

    Raises:
        MissingSpritesError: The sprites cannot be read.
    """
    camera = patrol_camera(size)
    lens = Lens(size_wh_px=size, focal_px=camera.focal_xy_px[0], noise_sigma=_VIDEO_NOISE_SIGMA)
    district, ground = _ground(seed, max(_FINEST_GROUND_M, 0.6 * height_m / lens.focal_px), painted=painted)
    patrol = StagedPatrol(
        video=out_dir / "patrol.mp4",
        srt=out_dir / "patrol.SRT",
        zones=out_dir / "zones.geojson",
        truth=out_dir / "truth.geojson",
        camera=camera,
        frames=round(seconds * fps),
        fps=fps,
        started_at=STARTED_AT,
        flight=PatrolFlight(phases=phases or usual_phases(seconds), height_m=height_m, begin_m=begin_m, seed=seed),
        lens=lens,
        things=tuple(stage(district, ground, read_sprites(), seed, cast)),
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


def _pictures(patrol: StagedPatrol, photographer: Photographer, workers: int) -> Iterator[Image]:
    """All frames in order, a few rendered ahead."""

    def take(index: int) -> Image:
        return photographer.take(patrol.flight.pose(index / patrol.fps), index)

    waiting: deque[Future[Image]] = deque()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="render") as pool:
        for index in range(patrol.frames):
            waiting.append(pool.submit(take, index))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _encode(patrol: StagedPatrol, pictures: Iterator[Image], on_frame: Callable[[int, int], None]) -> None:
    """Writes the video beside its final name first and renames it when complete."""
    partial = patrol.video.with_name(patrol.video.name + ".part")
    with av.open(str(partial), "w", format="mp4") as container:
        container.metadata["creation_time"] = f"{patrol.started_at:%Y-%m-%dT%H:%M:%S.000000Z}"
        # A key frame a second, and no frames out of order, as drones encode; a fixed number of threads for fixed bytes.
        options = {"preset": "veryfast", "crf": "23", "g": str(patrol.fps), "bf": "0", "threads": "2"}
        stream = container.add_stream("libx264", rate=patrol.fps, options=options)
        stream.width, stream.height = patrol.lens.size_wh_px
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, patrol.fps)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
            on_frame(index + 1, patrol.frames)
        container.mux(stream.encode())
    os.replace(partial, patrol.video)  # noqa: PTH105 - pathlib's replace is the same call


def _cues(patrol: StagedPatrol) -> Iterator[Cue]:
    for index in range(patrol.frames):
        time_s = index / patrol.fps
        told = patrol.flight.reported(time_s)
        lon, lat = patrol.district.frame.lonlat_from_enu((told.east_m, told.north_m))[0]
        yield Cue(
            media_time_s=time_s,
            at=patrol.started_at + timedelta(seconds=time_s),
            lon=float(lon),
            lat=float(lat),
            height_m=told.up_m,
            alt_msl_m=patrol.district.home_alt_msl_m + told.up_m,
            yaw_deg=told.heading_deg,
            pitch_deg=told.pitch_deg,
            roll_deg=told.roll_deg,
        )


def _write_truth(patrol: StagedPatrol) -> None:
    """Writes what is staged, and when the video shows the middle of each thing (looked up ten times a second)."""
    times = np.arange(0, patrol.frames / patrol.fps, 0.1)
    shown: dict[str, list[float]] = {thing.thing_id: [] for thing in patrol.things}
    for time_s in times:
        for seen in patrol.in_view(float(time_s)):
            shown[seen.thing.thing_id].append(float(time_s))
    features = [_feature(patrol.district, thing, shown[thing.thing_id]) for thing in patrol.things]
    document = {"type": "FeatureCollection", "name": "staged patrol (truth)", "features": features}
    patrol.truth.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _feature(district: District, thing: StagedThing, shown_s: list[float]) -> dict[str, Any]:
    outline = thing.outline_m()
    ring = np.round(district.frame.lonlat_from_enu(np.concatenate([outline, outline[:1]])), 8).tolist()
    lon, lat = district.frame.lonlat_from_enu((thing.east_m, thing.north_m))[0]
    return {
        "type": "Feature",
        "properties": {
            "id": thing.thing_id,
            "label": thing.label,
            "look": thing.look.name,
            "lon": round(float(lon), 8),
            "lat": round(float(lat), 8),
            "area_m2": round(Polygon(outline).area, 2),
            "first_shown_s": round(shown_s[0], 1) if shown_s else None,
            "last_shown_s": round(shown_s[-1], 1) if shown_s else None,
            "shown_s": round(0.1 * len(shown_s), 1),
            "staged": True,
        },
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
