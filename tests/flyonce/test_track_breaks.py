"""Over a film, from detections to things: a track that breaks is one thing once its sightings are on the ground."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from flyonce.demo.camera_sim import Lens
from flyonce.demo.frame import LocalFrame
from flyonce.demo.patrol_flight import PatrolFlight, Phase
from flyonce.demo.patrol_plan import patrol_camera
from geo.ground import FlatGround
from geo.identity import Grouper
from geo.locate import locate_pixels
from geo.pose import Pose
from geo.sighting import Sighting
from vision.detections import Detections
from vision.frame import Frame
from vision.pixels import ArrayPixels
from vision.sampling import GroundView
from vision.tracking import ByteTracker, GroundMotion, TrackBook, TrackEvent

SIZE = (960, 540)
BEGAN_AT = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
CAMERA = patrol_camera(SIZE)
LENS = Lens(size_wh_px=SIZE, focal_px=CAMERA.focal_xy_px[0])
FLIGHT = PatrolFlight(phases=(Phase(seconds=60, speed_m_s=0.5),), height_m=60, begin_m=100)
PLANE = LocalFrame(lon=118.87, lat=28.95)
# Two heaps of two metres, nine metres apart, metres east and north of the district's origin.
HEAPS_M = ((-6.0, -92.0), (3.0, -92.0))
# Ten looks half a second apart that find the heaps, then some that find nothing for eight seconds; four times.
LOOK_TIMES_S = [burst * 13.0 + 0.5 * look for burst in range(4) for look in range(10)]
VAIN_LOOK_TIMES_S = [burst * 13.0 + later_s for burst in range(3) for later_s in (6.5, 8.5, 12.0)]
BLACK = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


def a_frame(index: int, time_s: float) -> Frame:
    return Frame(pixels=ArrayPixels(BLACK), captured_at=None, source="film.mp4", index=index, media_time_s=time_s)


def view_of(frame: Frame) -> GroundView:
    pose = FLIGHT.reported(frame.media_time_s or 0.0)
    return GroundView(corners_m=LENS.ground_corners_m(pose), ground_resolution_m=pose.up_m / LENS.focal_px)


def detected(time_s: float, rng: np.random.Generator) -> Detections:
    boxes = []
    for east, north in HEAPS_M:
        corners = np.array([(east + dx, north + dy, 0.0) for dx in (-1, 1) for dy in (-1, 1)])
        seen = LENS.project(FLIGHT.pose(time_s), corners) + rng.normal(0, 1.0, 2)
        boxes.append([*seen.min(axis=0), *seen.max(axis=0)])
    return Detections(
        boxes_xyxy_px=np.array(boxes, np.float32), confidence=np.full(2, 0.7, np.float32), labels=("waste",) * 2
    )


def sightings_of(frame: Frame, found: Detections) -> list[Sighting]:
    told = FLIGHT.reported(frame.media_time_s or 0.0)
    lon, lat = PLANE.lonlat_from_enu((told.east_m, told.north_m))[0]
    at = BEGAN_AT + timedelta(seconds=frame.media_time_s or 0.0)
    pose = Pose(
        at=at, lon=float(lon), lat=float(lat), alt_m=told.up_m, alt_datum="home",
        heading_deg=told.heading_deg, pitch_deg=told.pitch_deg, roll_deg=told.roll_deg,
    )  # fmt: skip
    middles = (found.boxes_xyxy_px[:, :2] + found.boxes_xyxy_px[:, 2:]) / 2
    fixes = locate_pixels(middles, pose, CAMERA, FlatGround())
    return [
        Sighting(label="waste", confidence=0.7, fix=fix, source=f"film.mp4#{frame.index}", seen_at=at)
        for fix in fixes
        if fix is not None
    ]


def test_forty_frames_with_three_track_breaks_are_still_one_thing_each() -> None:
    rng = np.random.default_rng(4)
    tracker, book, grouper = ByteTracker(camera_motion=GroundMotion(view_of)), TrackBook(), Grouper()
    tracks: list[set[int]] = [set(), set()]
    events: list[TrackEvent] = []
    for index, time_s in enumerate(sorted(LOOK_TIMES_S + VAIN_LOOK_TIMES_S)):
        frame = a_frame(index, time_s)
        if time_s in VAIN_LOOK_TIMES_S:
            events += book.add(frame, tracker(frame, Detections.empty()))
            continue
        found = tracker(frame, detected(time_s, rng))
        assert found.track_id is not None
        for heap in range(2):
            tracks[heap].add(int(found.track_id[heap]))
        events += book.add(frame, found)
        grouper.add_picture(sightings_of(frame, found))
    events += book.flush()
    # Three breaks make four tracks of each heap, and each of them is told of once.
    assert [len(ids) for ids in tracks] == [4, 4]
    assert not tracks[0] & tracks[1]
    confirmed = [event.track.track_id for event in events if event.kind == "confirmed"]
    assert sorted(confirmed) == sorted(tracks[0] | tracks[1])
    # On the ground they are two things, each seen in all forty frames, where they lie.
    things = grouper.things()
    assert [len(thing.sightings) for thing in things] == [40, 40]
    for thing, place in zip(things, HEAPS_M, strict=True):
        assert PLANE.enu_from_lonlat((thing.fix.lon, thing.fix.lat))[0] == pytest.approx(place, abs=4.0)
