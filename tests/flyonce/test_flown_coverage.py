"""What a flight's coverage keeps of its models, and what becomes of the file when a flight is analysed again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from flyonce.flown_coverage import FlownCoverage, keep, sight_of
from flyonce.looks import Look, Original, OriginalFile, Shot
from geo.camera import Camera
from geo.coverage import CoverageLedger, CoverageRecorder, FlightCoverage, ModelSight, path_of, read_coverage
from geo.coverage.grid import keys_at
from geo.footprint import footprint_polygon
from geo.frames import LocalFrame
from geo.ground import FlatGround
from geo.identity import Grouper
from geo.pose import Pose
from geo.position import Fix
from geo.sighting import Sighting
from vision.detections import Detections
from vision.model_card import ModelCard

LON, LAT = 118.87, 28.95
CAMERA = Camera.from_diagonal_fov(name="test", size_wh_px=(800, 600), diagonal_fov_deg=80.0)
NOON = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)


def a_card(**changes: object) -> ModelCard:
    values = {
        "name": "objects",
        "task": "detect",
        "classes": ("waste", "person"),
        "input_px": (640, 640),
        "sha256": "ab" * 32,
        "ground_resolution_m": (0.03, 0.06),
    }
    return ModelCard(**(values | changes))


def a_flight(*pictures: int, east_deg: float = 0.0, model: str = "objects") -> FlightCoverage:
    """One look per picture, all at one place."""
    pose = Pose(
        at=NOON,
        lon=LON + east_deg,
        lat=LAT,
        alt_m=60.0,
        alt_datum="home",
        heading_deg=0.0,
        pitch_deg=-90.0,
        roll_deg=0.0,
    )
    camera, ground = CAMERA, FlatGround()
    recorder = CoverageRecorder(models=(ModelSight(name=model, sha256="ab", labels=("waste",)),))
    for _ in pictures:
        recorder.add(pose, camera, ground, footprint_lonlat=footprint_polygon(pose, camera, ground), at=NOON)
    return recorder.result("F1", pictures=np.array(sorted(pictures), dtype=np.uint64))


def looks(folder: Path) -> int:
    return CoverageLedger.of_folder(folder).looked_at(LON, LAT).looks


def test_a_model_s_sight_says_what_its_card_says() -> None:
    sight = sight_of(a_card(), beyond_tried=1.5)
    assert (sight.name, sight.sha256, sight.labels) == ("objects", "ab" * 6, ("waste", "person"))
    assert sight.coarsest_m == pytest.approx(0.09)
    # A person is half a metre, and must show on twelve pixels.
    assert sight.looks_at_m == pytest.approx(0.5 / 12, abs=1e-5)
    assert sight.coarsest_for_m(0.5) == pytest.approx(0.5 / 12, rel=1e-4)
    assert sight.coarsest_for_m(0.4) == 0.0
    assert sight.coarsest_for_m(5.0) == pytest.approx(0.09)


def test_a_model_without_known_limits_is_held_to_pixels_alone() -> None:
    sight = sight_of(a_card(ground_resolution_m=None, classes=("graffiti",)), beyond_tried=1.5)
    assert (sight.coarsest_m, sight.looks_at_m) == (None, 0.0)
    assert sight.coarsest_for_m(1.2) == pytest.approx(0.1, rel=1e-4)


def test_the_same_pictures_again_take_the_place_of_what_they_gave_before(tmp_path: Path) -> None:
    keep(tmp_path, a_flight(1, 2, 3))
    keep(tmp_path, a_flight(1, 2, 3, 4, model="newer"))
    assert looks(tmp_path) == 4
    assert [model.name for model in CoverageLedger.of_folder(tmp_path).models()] == ["newer"]


def test_other_pictures_of_the_same_flight_add_up(tmp_path: Path) -> None:
    keep(tmp_path, a_flight(1, 2))
    keep(tmp_path, a_flight(3, 4, 5))
    again = read_coverage(path_of(tmp_path, "F1"))
    assert looks(tmp_path) == 5
    assert again.looks == 5
    assert again.pictures.tolist() == [1, 2, 3, 4, 5]


def test_one_picture_of_a_flight_analysed_again_takes_nothing_away_and_counts_once(tmp_path: Path) -> None:
    keep(tmp_path, a_flight(1, 2, 3))
    keep(tmp_path, a_flight(2))
    assert looks(tmp_path) == 3
    assert read_coverage(path_of(tmp_path, "F1")).looks == 3
    keep(tmp_path, a_flight(3, 9, east_deg=0.01))
    ledger = CoverageLedger.of_folder(tmp_path)
    assert ledger.looked_at(LON, LAT).looks == 3
    assert ledger.looked_at(LON + 0.01, LAT).looks == 2


def test_a_damaged_file_gives_way_to_what_is_known_now(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path_of(tmp_path, "F1").write_bytes(b"half a file")
    keep(tmp_path, a_flight(1))
    assert looks(tmp_path) == 1
    assert "written anew" in caplog.text


def test_a_flight_that_placed_nothing_keeps_that_it_looked(tmp_path: Path) -> None:
    keep(tmp_path, replace(a_flight(), looks=4, unplaced=4))
    assert CoverageLedger.of_folder(tmp_path).flight_ids == ("F1",)
    assert looks(tmp_path) == 0


def a_look(
    key: str, *, placed: bool = True, of_interest: np.ndarray | None = None, original: Original | None = None
) -> Look:
    pose = Pose(
        at=None, lon=LON, lat=LAT, alt_m=60.0, alt_datum="home", heading_deg=0.0, pitch_deg=-90.0, roll_deg=0.0
    )  # fmt: skip
    shot = Shot(pose=pose if placed else None, camera=CAMERA, taken_at=NOON, clock_s=None, size_wh_px=(800, 600))
    return Look(
        key=key,
        name=key,
        size_wh_px=(800, 600),
        ground_resolution_m=None,
        shot=shot,
        detections=Detections.empty(),
        found=Detections.empty(),
        doubtful=Detections.empty(),
        masked={},
        original=original or OriginalFile(path=Path(key), sha256=key.zfill(64)),
        shown=(),
        of_interest=of_interest,
    )


def test_looks_count_by_the_parts_looked_at_and_those_without_a_place_are_counted_apart() -> None:
    left = np.array([[True, False]])
    flown, ground = FlownCoverage(models=(), time_zone=ZoneInfo("Asia/Shanghai")), FlatGround()
    for look in (a_look("a"), a_look("b", of_interest=left), a_look("c", placed=False), a_look("d")):
        pose = look.shot.pose
        footprint = None if pose is None or look.key == "d" else footprint_polygon(pose, CAMERA, ground)
        flown.add(look, footprint, ground)
    coverage = flown.result("F1")
    assert (coverage.looks, coverage.unplaced, len(coverage.pictures)) == (4, 2, 4)
    assert set(coverage.days) == {date(2026, 7, 1)}
    ledger, frame = CoverageLedger(flights=[coverage]), LocalFrame(lon=LON, lat=LAT)
    west, east = (ledger.looked_at(*frame.lonlat_from_en([(off_m, 0.0)])[0]) for off_m in (-15.0, 15.0))
    assert (west.looks, east.looks) == (2, 1)


def test_pictures_that_cannot_be_placed_are_blind_times_from_the_first_to_the_next_that_can() -> None:
    flown, ground = FlownCoverage(models=(), time_zone=None), FlatGround()
    for second, placed in enumerate((True, False, False, True, False)):
        look = a_look(str(second), placed=placed)
        look = replace(look, shot=replace(look.shot, taken_at=NOON + timedelta(seconds=second)))
        pose = look.shot.pose
        flown.add(look, None if pose is None else footprint_polygon(pose, CAMERA, ground), ground)
    first, second = flown.result("F1").blind
    assert (first.began_at, first.ended_at) == (NOON + timedelta(seconds=1), NOON + timedelta(seconds=3))
    assert (second.began_at, second.ended_at) == (NOON + timedelta(seconds=4), None)


def test_a_picture_is_known_again_by_its_bytes_or_by_its_frame_and_moment() -> None:
    class Still:
        def secure(self, folder: Path) -> OriginalFile:
            raise AssertionError("nobody wants it")

    def pictures(*looks: Look) -> list[int]:
        flown = FlownCoverage(models=(), time_zone=None)
        for look in looks:
            flown.add(look, None, FlatGround())
        return flown.result("F1").pictures.tolist()

    photo = OriginalFile(path=Path("a"), sha256="1" * 64)
    assert pictures(a_look("/card/1.jpg", original=photo)) == pictures(a_look("1.jpg", original=photo))
    here, there = a_look("/card/film.mp4#7", original=Still()), a_look("film.mp4#7", original=Still())
    assert pictures(here) == pictures(there)
    later = replace(there, shot=replace(there.shot, taken_at=NOON + timedelta(days=1)))
    other = a_look("film.mp4#8", original=Still())
    assert len(pictures(here, later, other)) == 3


def test_blind_times_and_sighted_places_are_kept_with_the_flight(tmp_path: Path) -> None:
    gaps = [
        {"began_at": NOON.isoformat(), "ended_at": None, "seconds": 3.0, "reason": "the stream ended"},
        {"began_at": NOON.isoformat(), "ended_at": NOON.isoformat(), "seconds": 0.0, "reason": "no packet"},
    ]
    grouper = Grouper()
    grouper.add(a_sighting())
    flown = FlownCoverage(models=(), time_zone=None)
    keep(tmp_path, flown.result("F1", gaps=gaps, things=grouper.things()))
    again = read_coverage(path_of(tmp_path, "F1"))
    assert [(one.ended_at, one.reason) for one in again.blind] == [(None, "the stream ended"), (NOON, "no packet")]
    assert keys_at([(LON, LAT)])[0] in again.sighted


def a_sighting() -> Sighting:
    fix = Fix(
        lon=LON,
        lat=LAT,
        alt_m=0.0,
        covariance_m2=((2.0, 0.0), (0.0, 2.0)),
        height_source="test",
        yaw_source="gimbal",
    )
    return Sighting(label="waste", confidence=0.8, fix=fix, source="a.jpg", seen_at=NOON)
