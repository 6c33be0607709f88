"""How high to climb before flying straight home."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import shapely
from flight_builders import FRAME, LAT, LON, a_mission, a_waypoint
from flight_ground import HOME_M, a_model

from flightplan.errors import InputFileError
from flightplan.files import read_plan, write_plan
from flightplan.flying.flight_log import BreakPoint
from flightplan.ground.obstacles import Obstacle
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import ReturnHome, TakeOff
from flightplan.mission.remaining import remaining_mission
from flightplan.mission.return_height import return_height_m


def round_a_hill(terrain=None):
    """East, north and back west, round a hill that stands between the last place and home."""
    items = (TakeOff(alt_home_m=60.0), a_waypoint(600, 0), a_waypoint(600, 600), a_waypoint(0, 600), ReturnHome())
    limits = FlightLimits(max_height_agl_m=200.0)
    return replace(a_mission(), items=items, terrain=terrain, limits=limits)


def a_knoll(east, north):
    """90 m high in the middle of the round, level ground along it."""
    off = np.hypot(east - 300.0, north - 300.0)
    return HOME_M + np.clip(90.0 * (1.0 - off / 150.0), 0.0, None)


def test_without_terrain_it_is_the_missions_own_height():
    assert return_height_m(round_a_hill()) == 60.0
    assert return_height_m(a_mission()) == 60.0


def test_a_hill_beside_the_path_but_on_the_straight_way_home_counts(tmp_path):
    mission = round_a_hill(a_model(tmp_path / "knoll.tif", a_knoll))

    assert 110.0 <= return_height_m(mission) <= 121.0
    assert return_height_m(mission, clearance_m=50.0) == pytest.approx(return_height_m(mission) + 20.0, abs=1.0)


def test_a_plan_tells_it_to_whoever_reads_it_without_the_terrain(tmp_path):
    mission = round_a_hill(a_model(tmp_path / "knoll.tif", a_knoll))
    write_plan(tmp_path / "hill.plan", mission)
    read = read_plan(tmp_path / "hill.plan", mission.limits)
    write_plan(tmp_path / "again.plan", read)

    assert read.terrain is None
    assert return_height_m(read) == return_height_m(mission) > 60.0
    assert return_height_m(read_plan(tmp_path / "again.plan", mission.limits)) == return_height_m(mission)
    rest = remaining_mission(read, BreakPoint(item=3, lon=LON + 0.004, lat=LAT, alt_home_m=60.0))
    assert return_height_m(rest) == return_height_m(mission)


@pytest.mark.parametrize("height", ["high", -5, True, float("inf")])
def test_a_plan_that_tells_no_height_is_refused(tmp_path, height):
    path = tmp_path / "odd.plan"
    write_plan(path, round_a_hill())
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"flyonce": {"returnHeightM": height}}), encoding="utf-8")

    with pytest.raises(InputFileError, match="returnHeightM"):
        read_plan(path)


def test_a_hill_on_no_way_home_does_not(tmp_path):
    def far(east, north):
        return HOME_M + np.where((east < -100.0) & (north > 100.0), 90.0, 0.0)

    mission = round_a_hill(a_model(tmp_path / "far.tif", far))
    assert return_height_m(mission) == 30.0


def test_what_stands_on_the_ground_counts_where_a_way_home_leads_over_it():
    def past_a_tower(east, north):
        outline = shapely.transform(shapely.box(east - 5, north - 5, east + 5, north + 5), FRAME.lonlat_from_en)
        corners = tuple(map(tuple, shapely.get_coordinates(outline)[:-1].tolist()))
        tower = Obstacle(name="tower", outline=corners, top_msl_m=HOME_M + 80.0)
        return replace(round_a_hill(), obstacles=(tower,))

    assert return_height_m(past_a_tower(300.0, 400.0)) == 110.0
    assert return_height_m(past_a_tower(-300.0, 400.0)) == 60.0


def test_a_gap_of_the_terrain_on_the_way_home_is_not_guessed_over(tmp_path):
    def hole(east, north):
        return np.where(np.hypot(east - 300.0, north - 300.0) < 80.0, -9999.0, HOME_M)

    mission = round_a_hill(a_model(tmp_path / "hole.tif", hole, nodata=-9999.0))
    with pytest.raises(ValueError, match="no height"):
        return_height_m(mission)
