"""Rings round what is to be inspected, the camera kept on it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import shapely
from flight_builders import CAMERA, FRAME, lonlat
from shapely.geometry import LineString, MultiPoint, Point, box

from flightplan.coverage.asked import Drone, Shooting
from flightplan.coverage.orbit import Inspection, plan_orbits
from flightplan.coverage.site import Departure
from flightplan.errors import CannotPlan, InputFileError, InvalidMission
from flightplan.files import read_mission, write_plan
from flightplan.files.wpml_model import wayline_of
from flightplan.link.mavlink import Autopilot as Dialect
from flightplan.link.mavlink import differences, items_from_mission, mission_from_items
from flightplan.link.modes import Mode
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import LookAt, PointCamera
from flightplan.mission.shots import shots_of
from flightplan.vehicle.autopilot import Autopilot

TOWER = (200.0, 150.0)
DRONE = Drone(speed_m_s=8.0, endurance_s=1_500.0, limits=FlightLimits(), kinematics=Kinematics())


def rings(*places_en, radius_m=40.0, height_m=50.0, home_en=(0.0, 0.0), no_fly=(), terrain=None, **more):
    inspection = Inspection(
        name="tower", places=MultiPoint([lonlat(*place) for place in places_en]), radius_m=radius_m, **more
    )
    departure = Departure(
        home_lonlat=lonlat(*home_en),
        no_fly=[shapely.transform(place, FRAME.lonlat_from_en) for place in no_fly],
        terrain=terrain,
    )
    return plan_orbits(inspection, Shooting(camera=CAMERA, altitude_agl_m=height_m), DRONE, departure)


def test_photos_stand_evenly_round_the_place_and_look_at_it():
    plan = rings(TOWER, photos=12, looked_at_m=20.0)

    shots = shots_of(plan.missions, FRAME)
    assert len(shots) == 12
    away = shots.en_m - np.array(TOWER)
    assert np.hypot(*away.T) == pytest.approx(40.0, abs=0.5)
    bearings = np.sort(np.degrees(np.arctan2(away[:, 0], away[:, 1])) % 360)
    assert np.diff(bearings) == pytest.approx(30.0, abs=2.0)
    # Each looks back at the middle, 30 m below.
    back = np.degrees(np.arctan2(-away[:, 0], -away[:, 1])) % 360
    assert np.abs((shots.course_deg - back + 180) % 360 - 180).max() < 0.5
    assert shots.pitch_deg == pytest.approx(-math.degrees(math.atan2(30.0, 40.0)), abs=0.5)


def test_what_is_flown_round_is_never_flown_over():
    plan = rings(TOWER, (400.0, 150.0), (300.0, -100.0))

    path = LineString(FRAME.en_from_lonlat(np.array(plan.missions[0].path_lonlat())))
    for place in (TOWER, (400.0, 150.0), (300.0, -100.0)):
        assert path.distance(Point(place)) >= 30.0
    assert sum(isinstance(item, LookAt) for item in plan.missions[0].items) == 3
    assert plan.figures[0].photos == 3 * 24


def test_the_camera_looks_straight_down_again_after_each_ring():
    items = rings(TOWER).missions[0].items

    kinds = [type(item) for item in items if isinstance(item, LookAt | PointCamera)]
    assert kinds == [PointCamera, LookAt, PointCamera]


def test_the_place_survives_the_wire_and_the_file(tmp_path):
    mission = rings(TOWER, looked_at_m=12.5).missions[0]

    for dialect in Dialect:
        wire = items_from_mission(mission, dialect)
        looked = next(item for item in wire if item.command == 195)
        assert (looked.x / 1e7, looked.y / 1e7) == pytest.approx(lonlat(*TOWER)[::-1], abs=1e-7)
        assert looked.z == 12.5
        own = wire[1:] if dialect.home_is_item_0 else wire
        assert LookAt in [type(i) for i in mission_from_items(name="x", home=mission.home, items=own).items]
        moved = [item if item.command != 195 else type(item)(**{**vars(item), "x": item.x + 90}) for item in wire]
        assert differences(wire, moved, dialect)
    write_plan(tmp_path / "ring.plan", mission)
    again = next(item for item in read_mission(tmp_path / "ring.plan").items if isinstance(item, LookAt))
    assert (again.lon, again.lat, again.alt_home_m) == pytest.approx((*lonlat(*TOWER), 12.5), abs=1e-6)


def test_the_simulated_drone_keeps_its_camera_on_the_place():
    mission = rings(TOWER, photos=8, looked_at_m=10.0).missions[0]
    photos = []
    autopilot = Autopilot(home=mission.home, on_photo=photos.append)
    autopilot.load(items_from_mission(mission))
    autopilot.set_mode(Mode.GUIDED)
    autopilot.arm()
    autopilot.set_mode(Mode.AUTO)
    assert autopilot.start_mission() is None

    for _ in range(40_000):
        autopilot.step(0.05)
        if not autopilot.armed:
            break

    assert len(photos) == 8
    for photo in photos:
        east, north = FRAME.en_from_lonlat(np.array([[photo.lon, photo.lat]]))[0]
        wanted = math.degrees(math.atan2(TOWER[0] - east, TOWER[1] - north)) % 360
        assert abs((photo.heading_deg - wanted + 180) % 360 - 180) < 1.0
        assert photo.pitch_deg == pytest.approx(-45.0, abs=1.0)


def test_over_hills_the_ring_and_what_is_looked_at_follow_the_ground():
    class Slope:
        def heights_m(self, places):
            return 100.0 + 0.2 * FRAME.en_from_lonlat(places)[:, 0]

    plan = rings(TOWER, terrain=Slope(), looked_at_m=10.0)

    looked = next(item for item in plan.missions[0].items if isinstance(item, LookAt))
    assert looked.alt_home_m == pytest.approx(0.2 * 200.0 + 10.0, abs=0.1)
    heights = [point.alt_m for point in plan.missions[0].waypoints]
    assert max(heights) - min(heights) > 30.0


def test_a_dock_s_wayline_is_refused_rather_than_flown_without_looking():
    with pytest.raises(CannotPlan, match="looking at a place"):
        wayline_of(rings(TOWER).missions[0])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"radius_m": 2.0}, "radius 2 m is out of range"),
        ({"radius_m": math.nan}, "out of range"),
        ({"photos": 1}, "1 photos"),
        ({"looked_at_m": -1.0}, "to look at"),
        ({"home_en": TOWER}, "home lies in a ring"),
        ({"no_fly": [box(230, 140, 260, 160)]}, "meets a no-fly area"),
        ({"height_m": 130.0}, "exceeds 120 m"),
    ],
)
def test_rings_that_cannot_be_are_refused_with_the_reason(options, problem):
    with pytest.raises((CannotPlan, InvalidMission), match=problem):
        rings(TOWER, **options)


def test_rings_that_overlap_are_refused():
    with pytest.raises(CannotPlan, match="rings overlap"):
        rings(TOWER, (230.0, 150.0))


def test_places_are_read_from_geojson(tmp_path):
    path = tmp_path / "towers.geojson"
    path.write_text(json.dumps({"type": "MultiPoint", "coordinates": [[118.87, 28.93], [118.88, 28.93]]}))
    assert len(Inspection.from_geojson(path, 30.0).places.geoms) == 2

    path.write_text(json.dumps({"type": "LineString", "coordinates": [[118.87, 28.93], [118.88, 28.93]]}))
    with pytest.raises(InputFileError, match="there is no point in it"):
        Inspection.from_geojson(path, 30.0)
