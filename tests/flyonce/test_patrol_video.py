"""The staged patrol video: real H.264 with telemetry beside it, the same for the same seed, true to its truth."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from flyonce.demo.patrol_flight import PatrolFlight, Phase, usual_phases
from flyonce.demo.patrol_plan import PatrolPlan, StagedPatrol, patrol_camera
from flyonce.demo.patrol_video import stage_patrol
from flyonce.demo.reported import NavigationErrors
from geo.frames import LocalFrame
from geo.ground import FlatGround
from geo.locate import locate_pixels
from geo.pose import Pose

SIZE = (320, 180)
NO_ERRORS = NavigationErrors(**dict.fromkeys(NavigationErrors.__dataclass_fields__, 0.0))


def filmed(folder: Path, **changes: Any) -> StagedPatrol:
    values: dict[str, Any] = {"seconds": 3, "fps": 5, "size_wh_px": SIZE, "seed": 1, "painted": True}
    return stage_patrol(folder, PatrolPlan(**(values | changes)), workers=1)


@pytest.fixture(scope="module")
def patrol(tmp_path_factory: pytest.TempPathFactory) -> StagedPatrol:
    return filmed(tmp_path_factory.mktemp("patrol"))


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def truth_of(patrol: StagedPatrol) -> list[dict[str, Any]]:
    features = json.loads(patrol.truth.read_text(encoding="utf-8"))["features"]
    return [feature["properties"] for feature in features]


def test_the_video_is_real_h264_with_a_time_on_every_frame(patrol: StagedPatrol) -> None:
    with av.open(str(patrol.video)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert container.metadata["creation_time"].startswith("2026-07-01T02:00:00")
    frames = decoded(patrol.video)
    assert [frame.time for frame in frames] == pytest.approx([index / 5 for index in range(15)])
    assert {(frame.width, frame.height) for frame in frames} == {SIZE}
    assert not list(patrol.video.parent.glob(".*"))


def test_the_telemetry_has_a_cue_per_frame_with_the_gimbals_angles_and_local_time(patrol: StagedPatrol) -> None:
    blocks = patrol.srt.read_text(encoding="utf-8").strip().split("\n\n")
    assert len(blocks) == patrol.frames
    second = blocks[1].splitlines()
    assert second[:2] == ["2", "00:00:00,200 --> 00:00:00,400"]
    assert second[3] == "2026-07-01 10:00:00.200"
    assert "[latitude: 28.94" in second[4]
    assert "[longitude: 118.86" in second[4]
    assert "gb_pitch: -89" in second[4] or "gb_pitch: -90" in second[4]


def test_the_same_seed_films_the_same_and_another_seed_other_pictures(patrol: StagedPatrol, tmp_path: Path) -> None:
    again, other = filmed(tmp_path / "again"), filmed(tmp_path / "other", seed=2)
    assert again.srt.read_bytes() == patrol.srt.read_bytes()
    assert other.srt.read_bytes() != patrol.srt.read_bytes()
    first, same, different = (decoded(one.video)[-1].to_ndarray(format="gray") for one in (patrol, again, other))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, different)


def test_what_the_truth_says_is_in_view_is_where_geo_puts_it(patrol: StagedPatrol) -> None:
    camera, frame = patrol.camera, patrol.district.frame
    seen = patrol.in_view(2.0)
    assert seen
    told = patrol.flight.reported(2.0)
    lon, lat = frame.lonlat_from_enu((told.east_m, told.north_m))[0]
    pose = Pose(
        at=patrol.started_at, lon=float(lon), lat=float(lat), alt_m=told.up_m, alt_datum="home",
        heading_deg=told.heading_deg, pitch_deg=told.pitch_deg, roll_deg=told.roll_deg,
    )  # fmt: skip
    for one in seen:
        left, top, right, bottom = one.box_xyxy_px
        (fix,) = locate_pixels([((left + right) / 2, (top + bottom) / 2)], pose, camera, FlatGround())
        assert fix is not None
        true_lon, true_lat = frame.lonlat_from_enu((one.thing.east_m, one.thing.north_m))[0]
        east, north = LocalFrame(lon=fix.lon, lat=fix.lat).en_from_lonlat([(float(true_lon), float(true_lat))])[0]
        assert math.hypot(east, north) < 6.0


def test_the_truth_names_everything_and_when_it_is_shown(patrol: StagedPatrol) -> None:
    rows = truth_of(patrol)
    assert [row["id"] for row in rows] == [thing.thing_id for thing in patrol.things]
    shown = {row["id"] for row in rows if row["shown_s"] > 0}
    assert shown == {one.thing.thing_id for step in range(30) for one in patrol.in_view(step / 10)}
    assert 0 < len(shown) < len(rows)
    hidden = next(row for row in rows if row["id"] not in shown)
    assert (hidden["first_shown_s"], hidden["last_shown_s"]) == (None, None)


def test_the_pictures_show_the_ground_moving_past(patrol: StagedPatrol) -> None:
    first, last = (
        frame.to_ndarray(format="gray").astype(float) for frame in (decoded(patrol.video)[i] for i in (0, -1))
    )
    assert first.std() > 10
    assert np.abs(first - last).mean() > 3


def test_a_hovering_camera_stands_still_and_a_flying_one_keeps_its_speed() -> None:
    flight = PatrolFlight(phases=(Phase(seconds=10, speed_m_s=10), Phase(seconds=20, speed_m_s=0)))
    assert flight.flown_m(8) == pytest.approx(80, abs=0.5)
    # Ten metres a second are braked away in four seconds.
    assert flight.flown_m(30) == pytest.approx(flight.flown_m(15), abs=0.05)
    assert flight.seconds == 30


def test_the_round_is_closed_and_has_no_jump_in_place_or_heading() -> None:
    flight = PatrolFlight(phases=(Phase(seconds=220, speed_m_s=10),), errors=NO_ERRORS)
    poses = [flight.pose(time_s) for time_s in np.arange(0, 220, 0.25)]
    for here, there in pairwise(poses):
        assert math.hypot(there.east_m - here.east_m, there.north_m - here.north_m) < 2.6
        assert abs((there.heading_deg - here.heading_deg + 180) % 360 - 180) < 8
    back = [pose for pose in poses[400:] if math.hypot(pose.east_m + 120, pose.north_m + 100) < 3]
    assert back


def test_the_usual_phases_fill_the_time_in_rounds_of_a_minute_at_most() -> None:
    assert sum(phase.seconds for phase in usual_phases(150)) == pytest.approx(150)
    assert len(usual_phases(150)) == 9
    assert {phase.speed_m_s for phase in usual_phases(20)} == {10.0, 0.0, 3.0}


def test_the_film_uses_the_full_width_of_the_photo_camera() -> None:
    film = patrol_camera((1920, 1080))
    assert film.footprint_wh_m(70)[0] == pytest.approx(100.9, abs=0.2)
    assert film.focal_xy_px[0] == film.focal_xy_px[1]


def test_sizes_that_cannot_be_encoded_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be encoded"):
        filmed(tmp_path, size_wh_px=(321, 180))
    with pytest.raises(ValueError, match="cannot be encoded"):
        filmed(tmp_path, seconds=0)
