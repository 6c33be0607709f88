"""The demo as a whole, over a synthetic ground and with a stand-in for the models; only loopback is used."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import urlopen

import cv2
import numpy as np
import pytest
from demo_builders import synthetic_orthophoto

from flyonce.demo import ground, orthophoto
from flyonce.demo.errors import DemoError, MissingGroundError
from flyonce.demo.measure import compare
from flyonce.demo.result import DemoResult
from flyonce.demo.run import DemoOptions, reopened, run_demo
from flyonce.settings import Settings
from vision.detections import Detections
from vision.frame import Frame


class ColourDetector:
    """Calls strongly coloured spots waste: knows nothing of the demo, and needs no model."""

    def __call__(self, frame: Frame) -> Detections:
        small = cv2.GaussianBlur(cv2.resize(frame.image_bgr, None, fx=0.5, fy=0.5), (5, 5), 0)
        hue, saturation, value = cv2.split(cv2.cvtColor(small, cv2.COLOR_BGR2HSV))
        spots = ((saturation > 110) & (value > 60) & ((hue < 15) | (hue > 100))).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(spots, np.ones((13, 13), np.uint8)))
        boxes = [(2 * x, 2 * y, 2 * (x + w), 2 * (y + h)) for x, y, w, h, _ in stats[1:] if 20 < min(w, h) < 90]
        return Detections(
            boxes_xyxy_px=np.array(boxes, dtype=np.float32).reshape(-1, 4),
            confidence=np.full(len(boxes), 0.8, dtype=np.float32),
            labels=("waste",) * len(boxes),
        )


class Notes:
    def __init__(self) -> None:
        self.stages: list[str] = []
        self.url = ""
        self.seen: list[tuple[int, int]] = []

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def address(self, url: str) -> None:
        self.url = url

    def photos(self, looked_at: int, due: int) -> None:
        self.seen.append((looked_at, due))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoOptions, DemoResult, Notes, dict[str, object]]:
    """One whole run, which all tests here look at."""
    options = DemoOptions(folder=tmp_path_factory.mktemp("demo") / "run", seed=3, speedup=60.0)
    notes, page = Notes(), {}

    def look(_result: DemoResult) -> None:
        with urlopen(notes.url + "api/v1/basemap", timeout=10) as answer:
            page["basemap"] = json.load(answer)
        with urlopen(notes.url + "api/v1/demo", timeout=10) as answer:
            page["demo"] = json.load(answer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flyonce.analysis.load_detectors", lambda *_args, **_kwargs: ColourDetector())
        patch.setattr(orthophoto, "read_orthophoto", synthetic_orthophoto)
        patch.setattr(ground, "read_orthophoto", synthetic_orthophoto)
        result = run_demo(Settings(), options, notes, linger=look)
    return options, result, notes, page


def test_the_flown_path_is_the_planned_one_measured_from_the_log(finished) -> None:
    options, result, _, _ = finished
    assert (options.folder / "flight.tlog").stat().st_size > 10_000
    assert 1.2 < result.planned_km < 3.0
    assert result.flown_km == pytest.approx(result.planned_km, rel=0.1)


def test_every_photo_of_the_flight_is_looked_at(finished) -> None:
    options, result, notes, _ = finished
    assert result.photos == len(list((options.folder / "photos").glob("*.JPG"))) > 50
    assert notes.seen[-1] == (result.photos, notes.seen[0][1])
    assert not list((options.folder / "photos").glob(".*"))


def test_coloured_heaps_become_cases_within_metres_of_where_they_were_staged(finished) -> None:
    _, result, _, _ = finished
    assert result.truth == 12
    assert result.found >= 2
    assert result.position_error_m_median is not None
    assert 0 < result.position_error_m_median < 4.0


def test_what_was_not_found_is_named(finished) -> None:
    _, result, _, _ = finished
    assert set(result.missed) >= {"puddle-1", "angler-1"}
    assert result.found + len(result.missed) == result.truth


def test_tasks_go_to_sanitation_and_to_a_towns_own_office(finished) -> None:
    _, result, _, _ = finished
    assert result.tasks_by_department["sanitation"] == result.cases
    assert {"town_west", "town_east"} & set(result.tasks_by_department)


def test_the_result_speaks_plainly_of_what_is_staged(finished) -> None:
    _, result, _, _ = finished
    told = result.as_json()
    assert "simulated" in told["staged"]
    assert "MAVLink" in told["real"]
    assert json.loads(json.dumps(told))["truth"] == 12


def test_the_pages_show_accounts_and_the_ground_under_the_map(finished) -> None:
    _, _, _, page = finished
    assert {account["name"] for account in page["demo"]["accounts"]} >= {
        "operator",
        "centre",
        "sanitation",
        "town_west",
    }
    west, south, east, north = page["basemap"]["extent_lonlat"]
    assert 118 < west < east < 119
    assert 28 < south < north < 29


def test_a_finished_run_can_be_served_again(finished) -> None:
    options, _, _, _ = finished
    with reopened(options.folder, 0) as url, urlopen(url + "healthz", timeout=10) as answer:
        assert answer.status == 200


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"no demo\.db in it"), reopened(tmp_path, 0):
        pass


def test_two_servers_cannot_share_a_port(finished) -> None:
    options, _, _, _ = finished
    with reopened(options.folder, 0) as url:
        port = int(url.rstrip("/").rsplit(":", 1)[1])
        with pytest.raises(DemoError, match="--port"), reopened(options.folder, port):
            pass


def test_without_the_data_package_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orthophoto, "_DISTRIBUTION", "no-such-package-anywhere")
    with pytest.raises(MissingGroundError, match="pip install --no-deps deepforest==2"):
        orthophoto.orthophoto_path(orthophoto.MEADOW_FILE)


def test_the_truth_is_read_only_by_the_measurement(finished, tmp_path: Path) -> None:
    options, result, _, _ = finished
    emptied = tmp_path / "truth.json"
    emptied.write_text(json.dumps({"things": []}))
    assert compare(emptied, []).truth == 0
    sources = [path for path in Path(ground.__file__).parents[1].rglob("*.py") if path.parent.name != "demo"]
    # evaluate.py speaks of a labelled set's truth, not of the demo's
    spoken_of = [path.name for path in sources if "truth" in path.read_text(encoding="utf-8")]
    assert set(spoken_of) <= {"demo.py", "evaluate.py"}
    assert result.truth == len(json.loads((options.folder / "truth.json").read_text())["things"])
