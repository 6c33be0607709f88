"""Stages a patrol as a video file with telemetry beside it: the demo's ground and things, filmed by the demo's camera.

The picture is rendered, its encoding is real: H.264 in an MP4 as any drone writes it. Tests and benchmarks of all that
takes video start here, because here alone the truth is known.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from shapely.geometry import Polygon

from flyonce.demo.camera_sim import Image, Photographer
from flyonce.demo.district import District
from flyonce.demo.patrol_plan import PatrolPlan, StagedPatrol, patrol_of
from flyonce.demo.srt_file import Cue, write_srt
from flyonce.demo.staging import StagedThing
from flyonce.demo.zones_file import write_zones
from geo.whole_file import whole_file

_EXPOSURE_SIGMA = 0.001
_AHEAD = 4


def stage_patrol(
    out_dir: Path,
    plan: PatrolPlan,
    *,
    workers: int = 2,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> StagedPatrol:
    """Films a patrol and writes `patrol.mp4`, `patrol.SRT`, `zones.geojson` and `truth.geojson`.

    Args:
        out_dir: Where the files go; made if missing.
        plan: What is filmed.
        workers: Threads that render.
        on_frame: Called with the frames done and their total.

    Returns:
        The files and the truth.

    Raises:
        MissingSpritesError: The sprites cannot be read.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    patrol, ground = patrol_of(plan, out_dir)
    write_zones(patrol.zones, patrol.district, patrol.started_at.date())
    _write_truth(patrol)
    write_srt(patrol.srt, _cues(patrol), plan.fps)
    photographer = Photographer(
        ground=ground, things=patrol.things, lens=patrol.lens, seed=plan.seed, exposure_sigma=_EXPOSURE_SIGMA
    )
    _encode(patrol, _pictures(patrol, photographer, workers), on_frame)
    return patrol


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
    """Write the video, whole or not at all."""
    with whole_file(patrol.video) as partial, av.open(str(partial), "w", format="mp4") as container:
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
