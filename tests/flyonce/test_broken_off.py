"""What a broken-off flight leaves: its new way is judged, or owed, and never cleared unseen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import shapely
import typer

from flightplan.airspace.clearance import Clearance
from flightplan.errors import NotCleared
from flightplan.files import read_mission, write_plan
from flightplan.flying.flight_log import BreakPoint
from flightplan.mission.items import Home, ReturnHome, SetSpeed, TakeOff, Waypoint
from flightplan.mission.mission import Mission
from flightplan.projection import LocalFrame
from flyonce.broken_off import rest_of
from flyonce.cli.lawful import mission_to_fly
from flyonce.cli.mission_files import convert

LON, LAT = 118.8712345, 28.9398765
FRAME = LocalFrame(lon=LON, lat=LAT)


def place(east_m, north_m):
    lon, lat = FRAME.lonlat_from_en([(east_m, north_m)])[0]
    return {"lon": float(lon), "lat": float(lat)}


def a_mission(**told):
    """North, east, south: the straight way from home to its last corner leads over ground that it goes round."""
    corners = [(0.0, 300.0), (300.0, 300.0), (300.0, 100.0)]
    points = [Waypoint(**place(*corner), alt_m=60.0) for corner in corners]
    items = (TakeOff(alt_home_m=60.0), SetSpeed(speed_m_s=10.0), *points, ReturnHome())
    home = Home(lon=LON, lat=LAT, alt_msl_m=70.0)
    return Mission(name="grid 7", home=home, items=items, **{"clearance": HELD, **told})


HELD = Clearance(held_against=("airspace",))
BROKEN_OFF = BreakPoint(item=5, **place(300.0, 250.0), alt_home_m=60.0)


def zones(folder, *boxes_en, **properties):
    """A file of no-fly areas; metres from home."""
    features = []
    for box_en in boxes_en:
        ring = FRAME.lonlat_from_en(shapely.get_coordinates(shapely.box(*box_en))).tolist()
        told = {"kind": "no_fly", "name": "market", **properties}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": told, "geometry": geometry})
    path = folder / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


BETWEEN = (140.0, 110.0, 160.0, 140.0)
"""Only the straight way to the break point leads over it."""
FAR = (5_000.0, 5_000.0, 5_100.0, 5_100.0)


def test_a_rest_whose_airspace_nobody_knows_is_owed_it_and_armed_by_nobody():
    rest = rest_of(a_mission(), BROKEN_OFF)

    assert rest.mission.clearance.owed == ("airspace",)
    with pytest.raises(NotCleared, match="not held against the airspace"):
        rest.mission.clearance.check(datetime.now(UTC))
    assert "--airspace" in rest.remarks[-1]


def test_a_rest_is_cleared_where_the_airspace_lets_its_new_way_through(tmp_path):
    rest = rest_of(a_mission(), BROKEN_OFF, [zones(tmp_path, FAR)])

    assert rest.mission.clearance.owed == ()
    assert rest.remarks == ()
    rest.mission.clearance.check(datetime.now(UTC))


def test_a_rest_whose_new_way_enters_a_no_fly_area_is_not_cleared(tmp_path):
    rest = rest_of(a_mission(), BROKEN_OFF, [zones(tmp_path, BETWEEN)])

    assert "market" in rest.remarks[0]
    with pytest.raises(NotCleared):
        rest.mission.clearance.check(datetime.now(UTC))


def test_the_times_of_the_whole_plan_still_hold_for_its_rest(tmp_path):
    ends = datetime.now(UTC) + timedelta(hours=1)
    rest = rest_of(a_mission(clearance=replace(HELD, not_after=ends)), BROKEN_OFF, [zones(tmp_path, FAR)])

    assert rest.mission.clearance.not_after == ends


def test_an_airspace_that_cannot_be_read_any_more_leaves_a_rest_that_is_owed_it(tmp_path):
    rest = rest_of(a_mission(), BROKEN_OFF, [tmp_path / "gone.geojson"])

    assert rest.mission.clearance.owed == ("airspace",)
    assert "gone.geojson" in rest.remarks[0]


def test_a_flight_in_open_air_owes_its_rest_nothing():
    rest = rest_of(a_mission(clearance=Clearance(held_against=())), BROKEN_OFF)

    assert rest.mission.clearance.owed == ()
    assert rest.remarks == ()


def test_a_clearance_that_does_not_say_what_it_was_held_against_is_owed_everything():
    assert rest_of(a_mission(clearance=Clearance()), BROKEN_OFF).mission.clearance.owed == ("airspace", "terrain")


def test_the_whole_mission_left_over_keeps_its_clearance():
    while_climbing = BreakPoint(item=1, lon=LON, lat=LAT, alt_home_m=20.0)

    assert rest_of(a_mission(), while_climbing).mission == a_mission()


def a_rest_file(folder, **told):
    path = folder / "mission-rest.plan"
    write_plan(path, rest_of(a_mission(**told), BROKEN_OFF).mission)
    return path


def test_a_rest_is_uploaded_only_with_the_airspace_and_only_where_that_allows_it(tmp_path, capsys):
    path = a_rest_file(tmp_path)
    with pytest.raises(typer.Exit):
        mission_to_fly(path, None, [])
    said = " ".join(capsys.readouterr().err.split())
    assert "Give --airspace. Nothing was sent." in said

    with pytest.raises(typer.Exit):
        mission_to_fly(path, None, [zones(tmp_path, BETWEEN)])
    assert "market" in capsys.readouterr().err
    assert mission_to_fly(path, None, [zones(tmp_path, FAR)]).clearance.owed == ()


def test_a_rest_over_hills_is_owed_its_terrain_too(tmp_path, capsys):
    path = a_rest_file(tmp_path, clearance=Clearance(held_against=("airspace", "terrain")))

    assert read_mission(path).clearance.owed == ("airspace", "terrain")
    with pytest.raises(typer.Exit):
        mission_to_fly(path, None, [zones(tmp_path, FAR)])
    assert "Give --terrain." in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("name", ["rest.waypoints", "rest.kmz"])
def test_a_rest_is_not_converted_into_what_cannot_say_that_nobody_looked_at_it(tmp_path, capsys, name):
    with pytest.raises(typer.Exit):
        convert(a_rest_file(tmp_path), tmp_path / name)

    assert "nobody has looked at it" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / name).exists()
