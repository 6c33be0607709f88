"""The demo's figures: measured from the store and the log, never copied from the truth."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.flying.tlog import TlogWriter
from flyonce.demo.measure import FoundCase, compare, flown_path_lonlat, path_length_km

METRE_LAT = 1 / 110_861.0


def truth_file(folder: Path) -> Path:
    things = [
        {"id": "puddle-1", "label": "standing_water", "lon": 118.87, "lat": 28.95},
        {"id": "heap-1", "label": "waste", "lon": 118.87, "lat": 28.951},
    ]
    (folder / "truth.json").write_text(json.dumps({"things": things}))
    return folder / "truth.json"


def a_case(case_id: str, matter: str, north_m: float) -> FoundCase:
    return FoundCase(case_id=case_id, matter=matter, lon=118.87, lat=28.95 + north_m * METRE_LAT)


def test_a_case_near_the_true_place_matches_with_its_distance(tmp_path: Path) -> None:
    seen = compare(truth_file(tmp_path), [a_case("a", "waterlogging.road", 2.0)])
    assert [(match.thing_id, match.case_id) for match in seen.matches] == [("puddle-1", "a")]
    assert seen.position_error_m_median == pytest.approx(2.0, abs=0.01)
    assert seen.missed == ("heap-1",)
    assert seen.false_case_ids == ()


def test_a_case_of_another_matter_or_too_far_away_is_false(tmp_path: Path) -> None:
    cases = [a_case("a", "dumping.household", 1.0), a_case("b", "waterlogging.road", 14.0)]
    seen = compare(truth_file(tmp_path), cases)
    assert seen.matches == ()
    assert seen.position_error_m_median is None
    assert seen.false_case_ids == ("a", "b")


def test_a_second_case_of_the_same_thing_is_false_and_the_nearer_one_counts(tmp_path: Path) -> None:
    cases = [a_case("far", "waterlogging.road", 5.0), a_case("near", "waterlogging.road", 1.0)]
    seen = compare(truth_file(tmp_path), cases)
    assert [match.case_id for match in seen.matches] == ["near"]
    assert seen.false_case_ids == ("far",)


def test_a_path_has_its_length_on_the_ellipsoid() -> None:
    assert path_length_km([(118.87, 28.95), (118.87, 28.95 + 1000 * METRE_LAT)]) == pytest.approx(1.0, rel=1e-3)
    assert path_length_km([(118.87, 28.95)]) == 0.0


def test_the_flown_path_comes_out_of_the_telemetry_log(tmp_path: Path) -> None:
    codec = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
    with TlogWriter(tmp_path / "flight.tlog") as log:
        for step in range(3):
            message = dialect.MAVLink_global_position_int_message(
                step, 289_500_000 + step * 90, 1_188_700_000, 0, 0, 0, 0, 0, 0
            )
            log.write(message.pack(codec), datetime(2026, 7, 1, tzinfo=UTC))
    path = flown_path_lonlat(tmp_path / "flight.tlog")
    assert [lon for lon, _ in path] == pytest.approx([118.87] * 3)
    assert [lat for _, lat in path] == pytest.approx([28.95, 28.950009, 28.950018], abs=1e-9)
