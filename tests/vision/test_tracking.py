"""The tracker: things keep their identity while the camera moves far between two looks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracking_scenes import HEIGHT, WIDTH, Shot, a_frame, boxes_seen, detections, passing, textured

from vision.detections import Detections
from vision.errors import InvalidValueError
from vision.frame import Frame
from vision.picture_motion import motion_between, thumbnail
from vision.pixels import Image
from vision.sampling import GroundView
from vision.tracking import UNTRACKED, ByteTracker, CameraShift, GroundMotion, PictureMotion
from vision.tracking.moving_box import MovingBox


@pytest.fixture(scope="module")
def ground() -> Image:
    return textured()


def things_along(count: int = 14, seed: int = 7) -> np.ndarray:
    rng = np.random.default_rng(seed)
    spots = np.array([(400 + 110 * index, rng.uniform(1080, 1320)) for index in range(count)])
    return np.column_stack([spots, rng.uniform(18, 50, count)])


def identities(
    ground: Image, shots: list[Shot], things: np.ndarray, tracker: ByteTracker, *, jitter_px: float = 1.0
) -> dict[int, list[int]]:
    """Identities that each thing was given, in the order of the shots."""
    rng = np.random.default_rng(0)
    given: dict[int, list[int]] = {index: [] for index in range(len(things))}
    for number, shot in enumerate(shots):
        boxes = boxes_seen(things, shot)
        shown = np.flatnonzero(np.isfinite(boxes[:, 0]))
        noisy = boxes[shown] + rng.normal(0, jitter_px, (len(shown), 4))
        answer = tracker(a_frame(shot, ground, number), detections(noisy))
        assert answer.track_id is not None
        for thing, track_id in zip(shown, answer.track_id, strict=True):
            given[int(thing)].append(int(track_id))
    return given


@pytest.mark.parametrize(("every_s", "turn_deg_s"), [(0.2, 0.0), (1.0, 0.0), (1.5, 0.0), (1.0, 8.0)])
def test_things_keep_their_identity_over_sparse_looks_of_a_moving_camera(
    ground: Image, every_s: float, turn_deg_s: float
) -> None:
    # At 1.5 s the picture moves by 36 % of its width between looks.
    shots = list(passing(every_s=every_s, speed_px_s=155, seconds=8, turn_deg_s=turn_deg_s))
    given = identities(ground, shots, things_along(), ByteTracker())
    seen = {thing: ids for thing, ids in given.items() if len(ids) >= 2}
    assert len(seen) >= 8
    assert all(len(set(ids)) == 1 for ids in seen.values())
    assert len({ids[0] for ids in seen.values()}) == len(seen)


def test_without_the_cameras_motion_the_same_looks_would_break_every_track(ground: Image) -> None:
    shots = list(passing(every_s=1.0, speed_px_s=155, seconds=8))
    given = identities(ground, shots, things_along(), ByteTracker(camera_motion=standing_camera))
    seen = [ids for ids in given.values() if len(ids) >= 2]
    assert sum(len(set(ids)) > 1 for ids in seen) > len(seen) / 2


def standing_camera(frame: Frame) -> CameraShift:
    return CameraShift(now_from_before=np.eye(3), sigma_px=1.0)


def test_the_pose_carries_tracks_where_the_picture_shows_nothing() -> None:
    flat = np.full((2400, 2400, 3), 90, np.uint8)
    shots = list(passing(every_s=1.0, speed_px_s=155, seconds=8, turn_deg_s=5.0))

    def view_of(frame: Frame) -> GroundView:
        to_ground = np.linalg.inv(shots[frame.index].picture_from_ground)
        corners = np.array([(0, 0, 1), (WIDTH, 0, 1), (WIDTH, HEIGHT, 1), (0, HEIGHT, 1)]) @ to_ground[:2].T
        return GroundView(corners_m=corners * 0.1, ground_resolution_m=0.1)

    for motion in (GroundMotion(view_of), PictureMotion(GroundMotion(view_of))):
        given = identities(flat, shots, things_along(), ByteTracker(camera_motion=motion))
        assert all(len(set(ids)) == 1 for ids in given.values() if ids)


def test_a_thing_that_is_missed_for_a_while_is_recognised_again(ground: Image) -> None:
    tracker = ByteTracker(keep_lost_s=3.0)
    box = (300.0, 150.0, 330.0, 180.0)
    ids = []
    for number, boxes in enumerate([[box], [], [], [box]]):
        answer = tracker(a_frame(Shot(time_s=0.5 * number, x_px=800, y_px=800), ground, number), detections(boxes))
        ids += [] if answer.track_id is None else answer.track_id.tolist()
    assert ids == [1, 1]
    for time_s in (3.0, 6.0):
        tracker(a_frame(Shot(time_s=time_s, x_px=800, y_px=800), ground, 5), detections([]))
    late = tracker(a_frame(Shot(time_s=9.0, x_px=800, y_px=800), ground, 9), detections([box]))
    assert late.track_id is not None
    assert late.track_id.tolist() == [2]


def test_rare_looks_of_a_hovering_camera_keep_their_tracks(ground: Image) -> None:
    tracker, box = ByteTracker(keep_lost_s=3.0), (300.0, 150.0, 330.0, 180.0)
    ids = []
    for number in range(4):
        answer = tracker(a_frame(Shot(time_s=15.0 * number, x_px=800, y_px=800), ground, number), detections([box]))
        assert answer.track_id is not None
        ids += answer.track_id.tolist()
    assert ids == [1, 1, 1, 1]


def test_a_doubtful_detection_prolongs_a_track_but_begins_none(ground: Image) -> None:
    tracker = ByteTracker(confident=0.5)
    box, elsewhere = (300.0, 150.0, 330.0, 180.0), (100.0, 50.0, 130.0, 80.0)
    still = [Shot(time_s=0.2 * number, x_px=800, y_px=800) for number in range(3)]
    first = tracker(a_frame(still[0], ground), detections([box]))
    second = tracker(a_frame(still[1], ground, 1), detections([box, elsewhere], confidence=[0.2, 0.2]))
    third = tracker(a_frame(still[2], ground, 2), detections([box], confidence=0.9))
    ids = [answer.track_id.tolist() for answer in (first, second, third) if answer.track_id is not None]
    assert ids == [[1], [1, UNTRACKED], [1]]


def test_labels_are_tracked_apart_unless_they_are_one_family(ground: Image) -> None:
    box = (300.0, 150.0, 330.0, 180.0)
    shots = [Shot(time_s=0.2 * number, x_px=800, y_px=800) for number in range(2)]

    def second_id(tracker: ByteTracker) -> int:
        tracker(a_frame(shots[0], ground), detections([box], label="waste_bin"))
        answer = tracker(a_frame(shots[1], ground, 1), detections([box], label="overflowing_bin"))
        assert answer.track_id is not None
        return int(answer.track_id[0])

    assert second_id(ByteTracker()) == 2
    assert second_id(ByteTracker(families={"waste_bin": "bin", "overflowing_bin": "bin"})) == 1


def test_two_things_that_pass_close_by_do_not_swap_identities(ground: Image) -> None:
    tracker = ByteTracker()
    seen: list[tuple[int, int]] = []
    for number in range(12):
        x = 200 + 20 * number
        boxes = [(x, 150, x + 24, 174), (460 - 20 * number, 168, 484 - 20 * number, 192)]
        shot = Shot(time_s=0.25 * number, x_px=800, y_px=800)
        answer = tracker(a_frame(shot, ground, number), detections(boxes, label="person"))
        assert answer.track_id is not None
        seen.append((int(answer.track_id[0]), int(answer.track_id[1])))
    assert set(seen) == {(1, 2)}


def test_a_thing_that_comes_in_cut_off_at_the_edge_keeps_its_identity_when_it_is_whole(ground: Image) -> None:
    things = np.array([[830.0, 1200.0, 120.0]])
    shots = [Shot(time_s=0.5 * number, x_px=515.0 + 40 * number, y_px=1200.0) for number in range(5)]
    given = identities(ground, shots, things, ByteTracker(), jitter_px=0.5)
    assert len(given[0]) == 5
    assert len(set(given[0])) == 1


def test_another_scene_ends_all_tracks(ground: Image) -> None:
    tracker = ByteTracker()
    box = (300.0, 150.0, 330.0, 180.0)
    tracker(a_frame(Shot(time_s=0.0, x_px=800, y_px=800), ground), detections([box]))
    cut = a_frame(Shot(time_s=0.2, x_px=800, y_px=800), textured(seed=99), 1)
    answer = tracker(cut, detections([box]))
    assert answer.track_id is not None
    assert answer.track_id.tolist() == [2]


def test_the_rows_keep_their_order_and_their_other_columns(ground: Image) -> None:
    found = detections([(10, 10, 40, 40), (200, 100, 230, 140)], confidence=[0.9, 0.7], label=["boat", "person"])
    answer = ByteTracker()(a_frame(Shot(time_s=0.0, x_px=800, y_px=800), ground), found)
    assert answer.labels == found.labels
    assert np.array_equal(answer.boxes_xyxy_px, found.boxes_xyxy_px)
    nothing = ByteTracker()(a_frame(Shot(time_s=0.0, x_px=800, y_px=800), ground), Detections.empty())
    assert nothing.track_id is not None
    assert len(nothing.track_id) == 0


@pytest.mark.parametrize(
    "there", [Shot(time_s=0, x_px=1010, y_px=900), Shot(time_s=0, x_px=820, y_px=1000, turn_deg=25),
              Shot(time_s=0, x_px=830, y_px=890, turn_deg=-10, zoom=1.25)]
)  # fmt: skip
def test_the_pictures_motion_is_found_to_a_pixel_of_the_full_picture(ground: Image, there: Shot) -> None:
    here = Shot(time_s=0, x_px=800, y_px=900)
    now, before = (thumbnail(a_frame(shot, ground).image_bgr) for shot in (there, here))
    matrix = motion_between(now, before)
    assert matrix is not None
    shares = np.array([(0.5, 0.5, 1), (0.3, 0.4, 1), (0.4, 0.7, 1)])
    found = shares @ matrix.T
    expected = (shares * (WIDTH, HEIGHT, 1)) @ (here.picture_from_ground @ np.linalg.inv(there.picture_from_ground)).T
    assert found[:, :2] / found[:, 2:] * (WIDTH, HEIGHT) == pytest.approx(expected[:, :2], abs=1.5)


def test_no_motion_is_told_between_different_scenes_or_from_a_blank_picture(ground: Image) -> None:
    here = thumbnail(a_frame(Shot(time_s=0, x_px=800, y_px=900), ground).image_bgr)
    other = thumbnail(a_frame(Shot(time_s=0, x_px=800, y_px=900), textured(seed=8)).image_bgr)
    blank = thumbnail(np.full((HEIGHT, WIDTH, 3), 70, np.uint8))
    assert motion_between(here, other) is None
    assert motion_between(blank, here) is None
    assert motion_between(here, thumbnail(np.zeros((300, 300, 3), np.uint8))) is None


@given(x=st.floats(0, 640), y=st.floats(0, 360), side=st.floats(5, 200), seconds=st.floats(0.01, 5))
def test_a_box_carried_there_and_back_stays_where_it_is_and_grows_less_sure(
    x: float, y: float, side: float, seconds: float
) -> None:
    box = MovingBox.begun((x, y, x + side, y + side), 0.5)
    there = np.array([[0.9, -0.3, 40.0], [0.3, 0.9, -20.0], [1e-5, 2e-5, 1.0]])
    moved = box.carried(there, 0.0)
    assert moved is not None
    back = moved.carried(np.linalg.inv(there), 0.0)
    assert back is not None
    assert back.box_xyxy_px == pytest.approx(box.box_xyxy_px, abs=1e-6)
    later = box.after(seconds, 0.5)
    assert later.sigma_px > box.sigma_px
    assert later.corrected(box.box_xyxy_px, cut=False).sigma_px < later.sigma_px


def test_a_box_that_comes_to_lie_behind_the_camera_is_nowhere() -> None:
    beyond = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -0.01, 1.0]])
    assert MovingBox.begun((100, 200, 120, 220), 0.5).carried(beyond, 0.0) is None
    assert MovingBox.begun((100, 20, 120, 40), 0.5).carried(beyond, 0.0) is not None


def test_a_box_learns_how_fast_its_thing_moves() -> None:
    box = MovingBox.begun((100, 100, 130, 130), 1.0)
    for step in range(1, 9):
        box = box.after(0.5, 1.0).corrected((100 + 10 * step, 100, 130 + 10 * step, 130), cut=False)
    assert box.velocity_xy_px_s == pytest.approx((20, 0), abs=3)


def test_figures_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="keep_lost_s"):
        ByteTracker(keep_lost_s=0)
