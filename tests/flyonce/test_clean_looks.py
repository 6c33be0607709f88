"""A flight's coverage as a clean look: cases hear of it, and what comes back after it is another case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.looked_again import KIND, LookedAgain
from dispatch_api.cases.matters import load_matters
from dispatch_api.cases.observation import Observation, Recorded
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.store import Store, open_store
from dispatch_api.store.schema import event
from flyonce.clean_looks import CleanLooks, note_clean_looks
from flyonce.flown_coverage import keep
from geo.camera import Camera
from geo.coverage import CoverageRecorder, FlightCoverage, ModelSight, place_cells
from geo.footprint import footprint_polygon
from geo.ground import FlatGround
from geo.pose import Pose, PoseSigmas

LON, LAT = 118.87, 28.95
MONDAY = datetime(2026, 7, 6, 2, 0, tzinfo=UTC)
MATTERS = load_matters()
ROUTING = load_routing(matters=MATTERS, departments=load_departments())
CAMERA = Camera.from_diagonal_fov(name="test", size_wh_px=(4000, 3000), diagonal_fov_deg=84.0)
RTK = PoseSigmas(east_m=0.05, north_m=0.05, height_m=0.1, heading_deg=0.3, pitch_deg=0.1, roll_deg=0.1)
SEES = ModelSight(name="water", sha256="ab", labels=("standing_water",), coarsest_m=0.2)


def a_flight(
    flight_id: str, at: datetime, *, looks: int = 5, sighted: bool = False, height_m: float = 60.0
) -> FlightCoverage:
    """Photos of the place from straight above."""
    recorder, ground = CoverageRecorder(models=(SEES,)), FlatGround(sigma_m=0.1)
    pose = Pose(
        at=None,
        lon=LON,
        lat=LAT,
        alt_m=height_m,
        alt_datum="home",
        heading_deg=0,
        pitch_deg=-90,
        roll_deg=0,
        sigmas=RTK,
    )
    for number in range(looks):
        footprint = footprint_polygon(pose, CAMERA, ground)
        recorder.add(pose, CAMERA, ground, footprint_lonlat=footprint, at=at + timedelta(seconds=number))
    cells = place_cells(LON, LAT, ((2.0, 0.0), (0.0, 2.0))) if sighted else None
    return recorder.result(flight_id, pictures=np.arange(looks, dtype=np.uint64), sighted=cells)


def puddle(flight_id: str, at: datetime) -> Observation:
    return Observation(
        key=f"{flight_id}:1",
        matter="waterlogging.road",
        label="standing_water",
        confidence=0.9,
        lon=LON,
        lat=LAT,
        covariance_m2=((2.0, 0.0), (0.0, 2.0)),
        first_seen_at=at,
        last_seen_at=at,
        flight_id=flight_id,
        frames=4,
    )


@pytest.fixture
def store(tmp_path: Path):
    with open_store(f"sqlite:///{tmp_path / 'city.db'}", create=True) as opened:
        yield opened


def seen_twice(store: Store, folder: Path) -> tuple[Recorded, Recorded]:
    """On Monday and on Tuesday, with whatever lies in the folder in between."""
    intake = Intake(store, MATTERS, ROUTING, looked_clean=CleanLooks(folder, least_looks=4))
    tuesday = MONDAY + timedelta(days=1)
    return intake.record(puddle("monday", MONDAY)), intake.record(puddle("tuesday", tuesday))


def test_a_puddle_that_a_flight_in_between_did_not_find_is_another_case_when_it_is_back(
    store: Store, tmp_path: Path
) -> None:
    keep(tmp_path / "seen", a_flight("evening", MONDAY + timedelta(hours=8)))
    first, second = seen_twice(store, tmp_path / "seen")
    assert second.opened
    assert second.case_id != first.case_id


@pytest.mark.parametrize(
    "between",
    [
        a_flight("evening", MONDAY + timedelta(hours=8), looks=3),
        a_flight("evening", MONDAY + timedelta(hours=8), sighted=True),
        a_flight("evening", MONDAY + timedelta(hours=8), height_m=700.0),
        a_flight("tuesday", MONDAY + timedelta(hours=8)),
        a_flight("evening", MONDAY - timedelta(hours=8)),
    ],
    ids=["too few looks", "something was there", "too coarse", "the flight that found it", "earlier"],
)
def test_no_other_look_in_between_makes_two_cases_of_one_puddle(
    store: Store, tmp_path: Path, between: FlightCoverage
) -> None:
    keep(tmp_path / "seen", between)
    first, second = seen_twice(store, tmp_path / "seen")
    assert (second.opened, second.case_id) == (False, first.case_id)


def test_a_folder_that_is_missing_or_holds_rubbish_tells_of_no_clean_look(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = seen_twice(store, tmp_path / "none")
    assert second.case_id == first.case_id
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.coverage").write_bytes(b"rubbish")
    intake = Intake(store, MATTERS, ROUTING, looked_clean=CleanLooks(tmp_path / "bad", least_looks=4))
    assert intake.record(puddle("wednesday", MONDAY + timedelta(days=2))).case_id == first.case_id
    assert "x.coverage" in caplog.text


def test_a_flight_s_file_that_comes_later_is_known_at_the_next_question(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "seen"
    intake = Intake(store, MATTERS, ROUTING, looked_clean=CleanLooks(folder, least_looks=4))
    first = intake.record(puddle("monday", MONDAY))
    assert intake.record(puddle("noon", MONDAY + timedelta(hours=2))).case_id == first.case_id
    keep(folder, a_flight("evening", MONDAY + timedelta(hours=8)))
    assert intake.record(puddle("tuesday", MONDAY + timedelta(days=1))).opened


def test_a_case_whose_place_was_found_clean_hears_of_it_once(store: Store, tmp_path: Path) -> None:
    recorded = Intake(store, MATTERS, ROUTING).record(puddle("monday", MONDAY))
    desk = LookedAgain(store, MATTERS)
    evening = a_flight("evening", MONDAY + timedelta(hours=8))
    assert note_clean_looks(evening, desk, least_looks=4) == 1
    assert note_clean_looks(evening, desk, least_looks=4) == 0
    assert note_clean_looks(a_flight("night", MONDAY + timedelta(hours=9), sighted=True), desk, least_looks=4) == 0
    assert note_clean_looks(a_flight("monday", MONDAY + timedelta(hours=10)), desk, least_looks=4) == 0
    assert note_clean_looks(a_flight("sunday", MONDAY - timedelta(hours=9)), desk, least_looks=4) == 0
    with store.read() as connection:
        (told,) = connection.execute(select(event).where(event.c.kind == KIND)).all()
    assert told.case_id == recorded.case_id
    assert told.why.startswith("evening: 5 looks, ")
