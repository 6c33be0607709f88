"""Frames chosen by what earlier looks found: the decoder waits for them, and never for ever."""

from __future__ import annotations

import threading
from itertools import pairwise

import av
import numpy as np

from flyonce.ground_views import GroundViews
from flyonce.looks import Prepared
from flyonce.material import Candidate
from flyonce.picture_masks import Masks
from flyonce.recordings import Recording
from flyonce.rules_file import load_interpretation
from flyonce.video_material import VideoMaterial
from geo.camera import camera_by_name
from geo.ground import FlatGround
from geo.pose import Pose
from geo.pose_track import PoseTrack
from geo.telemetry.recorded import RecordedTelemetry

FPS, SECONDS, SIZE = 10, 8, (160, 96)
LON, LAT = 120.15, 30.25


def a_recording(path, *, located=True):
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        picture = rng.integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
        for _ in range(FPS * SECONDS):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    poses = [
        Pose(at=None, lon=LON, lat=LAT, alt_m=40.0, alt_datum="home", heading_deg=0.0, pitch_deg=-90.0, roll_deg=0.0)
        for _ in range(SECONDS + 1)
    ]
    track = PoseTrack(times_s=list(range(SECONDS + 1)), poses=poses)
    told = RecordedTelemetry(track=track, dialect="test", entries=9, dropped={}, flags=(), problems=())
    return Recording(
        path=path,
        sha256="0" * 64,
        duration_s=float(SECONDS),
        size_wh_px=SIZE,
        frame_rate=float(FPS),
        telemetry=told if located else None,
        track=track if located else None,
        camera=camera_by_name("generic-84dfov").filming(SIZE) if located else None,
    )


def material_of(*recordings, **more):
    masks = Masks(None, load_interpretation(), FlatGround())
    return VideoMaterial(recordings, ground=FlatGround(), masks=masks, **more)


def test_a_hovering_camera_looks_rarely_and_at_a_candidate_once_a_second(tmp_path):
    recording = a_recording(tmp_path / "a.mp4")
    idle = [picture.frame.media_time_s for picture in material_of(recording).pictures()]
    material = material_of(recording)
    attended: list[Prepared] = []
    for picture in material.pictures():
        attended.append(picture)
        material.attend(Candidate(key=1, lon=LON, lat=LAT, radius_m=2.0, clock_s=picture.shot.clock_s))
    times = [picture.frame.media_time_s for picture in attended]
    assert len(idle) <= 4
    assert len(times) >= 6
    assert max(there - here for here, there in pairwise(times[1:])) <= 2.2
    assert material.account().frames_decoded >= len(times)


def test_ground_shown_too_coarsely_asks_for_no_look_of_its_own(tmp_path):
    recording = a_recording(tmp_path / "a.mp4")
    resolution_m = 40.0 / recording.camera.focal_xy_px[0]
    fine = list(material_of(recording, coarsest_resolution_m=1.1 * resolution_m).pictures())
    coarse = list(material_of(recording, coarsest_resolution_m=0.9 * resolution_m).pictures())
    assert len(fine) >= 3
    assert len(coarse) == 1


def test_a_settled_candidate_is_looked_at_no_more(tmp_path):
    material = material_of(a_recording(tmp_path / "a.mp4"))
    times = []
    for picture in material.pictures():
        times.append(picture.frame.media_time_s)
        material.attend(Candidate(key=1, lon=LON, lat=LAT, radius_m=2.0, clock_s=picture.shot.clock_s))
        material.settle(1)
    assert len(times) <= 4


def test_two_videos_of_one_flight_share_one_clock_that_rises(tmp_path):
    first, second = (a_recording(tmp_path / name) for name in ("a.mp4", "b.mp4"))
    pictures = list(material_of(first, second).pictures())
    clocks = [picture.shot.clock_s for picture in pictures]
    assert clocks == sorted(clocks)
    assert {picture.frame.source for picture in pictures} == {str(first.path), str(second.path)}
    assert len({picture.key for picture in pictures}) == len(pictures)


def test_frames_that_were_damaged_do_not_count_as_looked_at(tmp_path):
    recording = a_recording(tmp_path / "a.mp4")
    data = bytearray(recording.path.read_bytes())
    data[len(data) // 5 : 4 * len(data) // 5] = bytes(4 * len(data) // 5 - len(data) // 5)
    recording.path.write_bytes(data)
    material = material_of(recording)
    times = []
    for picture in material.pictures():
        times.append(picture.frame.media_time_s)
        material.attend(Candidate(key=1, lon=LON, lat=LAT, radius_m=2.0, clock_s=picture.shot.clock_s))
    assert (damaged := material.account().sources[0]["corrupt"]) > 0
    assert f"{recording.path}: damaged in {damaged} places, which were passed over" in material.unreadable[0][1]
    assert times[0] < 2
    assert material._ground_sampler.stats().looks == len(times)
    assert material._ground_sampler.looks_at([(0.0, 0.0)]).tolist() == [len(times)]


def test_a_film_without_poses_says_so_on_every_frame(tmp_path):
    pictures = list(material_of(a_recording(tmp_path / "a.mp4", located=False)).pictures())
    assert 1 <= len(pictures) <= 6
    assert all(picture.shot.flags == ("no_telemetry", "no_camera") for picture in pictures)
    assert all(picture.shot.camera is None for picture in pictures)


def test_whoever_stops_reading_leaves_no_decoder_behind(tmp_path):
    pictures = material_of(a_recording(tmp_path / "a.mp4")).pictures()
    next(pictures)
    pictures.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("video ")]


def test_metres_are_unknown_before_the_first_view():
    assert GroundViews(FlatGround()).metres_of(LON, LAT) is None
