"""Heights over real ground: the band, the climb, the photos, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import rasterio
import shapely
from flight_builders import CAMERA, FRAME, an_area, lonlat
from pyproj import Transformer
from shapely.geometry import MultiLineString

from flightplan.coverage.asked import Drone, Shooting
from flightplan.coverage.corridor import Corridor, plan_corridor
from flightplan.coverage.heights import GroundFollower, HeightBand
from flightplan.coverage.site import Departure
from flightplan.coverage.survey import plan_coverage
from flightplan.errors import CannotPlan, InvalidMission
from flightplan.ground.terrain import DemTerrain
from flightplan.link.mavlink import items_from_mission
from flightplan.link.modes import Mode
from flightplan.mission.items import SetSpeed, TakeOff, Waypoint
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.limits import FlightLimits, VehicleStore
from flightplan.mission.mission import ReturnHome
from flightplan.mission.profile import profile_of
from flightplan.vehicle.autopilot import Autopilot

AREA = shapely.box(0.0, 0.0, 700.0, 500.0)
HOME = lonlat(-60.0, -60.0)


class Ground:
    """Ground whose height is a formula of metres east and north."""

    def __init__(self, height_m):
        self._height_m = height_m

    def heights_m(self, places):
        east, north = FRAME.en_from_lonlat(places).T
        return np.asarray(self._height_m(east, north), dtype=float) * np.ones(len(east))


def waves(amplitude_m, length_m=300.0):
    def height_m(east, north):
        turns = 2 * math.pi / length_m
        return 200 + amplitude_m * np.sin(east * turns) * np.cos(north * turns / 1.3) + 0.05 * east

    return height_m


def a_dem(path, height_m, cell_m=10.0, reach_m=1_500.0):
    """Writes a GeoTIFF in UTM 50 north around the area."""
    to_utm = Transformer.from_crs("OGC:CRS84", "EPSG:32650", always_xy=True)
    back = Transformer.from_crs("EPSG:32650", "OGC:CRS84", always_xy=True)
    x, y = to_utm.transform(FRAME.lon, FRAME.lat)
    cells = int(2 * reach_m / cell_m)
    transform = rasterio.Affine(cell_m, 0.0, x - reach_m, 0.0, -cell_m, y + reach_m)
    columns, rows = np.meshgrid(np.arange(cells) + 0.5, np.arange(cells) + 0.5)
    lon, lat = back.transform(x - reach_m + columns.ravel() * cell_m, y + reach_m - rows.ravel() * cell_m)
    east, north = FRAME.en_from_lonlat(np.column_stack([lon, lat])).T
    heights = np.asarray(height_m(east, north), dtype=np.float32).reshape(cells, cells)
    profile = {"driver": "GTiff", "width": cells, "height": cells, "count": 1, "dtype": "float32", "nodata": -9999.0}
    with rasterio.open(path, "w", crs="EPSG:32650", transform=transform, **profile) as raster:
        raster.write(heights, 1)
    return DemTerrain.open(path)


def a_hill_plan(terrain, altitude_m=90.0, area=AREA, home=HOME, frontlap=0.7, sidelap=0.6, **options):
    return plan_coverage(
        an_area(area), CAMERA, altitude_m, frontlap, sidelap, home_lonlat=home, terrain=terrain, **options
    )


def heights_flown(plan, terrain):
    """Height above the ground every half metre of every leg, take-off and way home included."""
    found = []
    for mission in plan.missions:
        takeoff = next(item.alt_home_m for item in mission.items if isinstance(item, TakeOff))
        last = mission.waypoints[-1].alt_m
        back = isinstance(mission.items[-1], ReturnHome)
        alts = [takeoff, *(point.alt_m for point in mission.waypoints), *([last] if back else [])]
        path = FRAME.en_from_lonlat(np.array(mission.path_lonlat()))
        for start, end, low, high in zip(path, path[1:], alts, alts[1:], strict=False):
            share = np.linspace(0.0, 1.0, max(2, int(math.dist(start, end) * 2)))
            ground = terrain.heights_m(FRAME.lonlat_from_en(start + share[:, None] * (end - start)))
            found.append(mission.home.alt_msl_m + low + share * (high - low) - ground)
    return np.concatenate(found)


def test_no_leg_leaves_the_band_over_hills_of_a_model_in_a_projected_crs(tmp_path):
    dem = a_dem(tmp_path / "hills.tif", waves(25.0))

    plan = a_hill_plan(dem, band_m=12.0)

    agl = heights_flown(plan, dem)
    assert agl.min() >= 90.0 - 12.0
    assert agl.max() <= 90.0 + 12.0
    assert plan.coverage.seen_once == 1.0
    assert plan.coverage.seen_five_times >= 0.99
    assert plan.missions[0].home.alt_msl_m == pytest.approx(waves(25.0)(-60.0, -60.0), abs=0.5)


@pytest.mark.parametrize("amplitude_m", [10.0, 40.0, 80.0])
def test_the_greatest_true_height_is_never_passed_however_wide_the_band(amplitude_m):
    ground = Ground(waves(amplitude_m, 600.0))

    plan = a_hill_plan(ground, altitude_m=110.0, band_m=30.0)

    agl = heights_flown(plan, ground)
    assert agl.max() <= 120.0
    assert agl.min() >= 80.0
    assert all(profile_of(mission).agl_m.max() <= 120.0 for mission in plan.missions)


def test_a_slope_is_flown_in_straight_legs_without_a_vertex_between():
    slope = Ground(lambda east, north: 300 + 0.2 * east - 0.1 * north)

    plan = a_hill_plan(slope)
    level = a_hill_plan(Ground(lambda east, north: 300 + 0 * east))

    assert len(plan.missions[0].waypoints) <= len(level.missions[0].waypoints) + 2
    assert heights_flown(plan, slope).min() >= 81.0


def test_a_wider_band_needs_fewer_vertices():
    ground = Ground(waves(20.0))

    narrow, wide = (a_hill_plan(ground, band_m=band_m) for band_m in (6.0, 25.0))

    assert len(wide.missions[0].waypoints) < len(narrow.missions[0].waypoints)


def test_climbs_are_no_steeper_than_the_drone_manages_at_the_commanded_speed():
    kinematics = Kinematics(climb_m_s=3.0, sink_m_s=2.0)

    plan = a_hill_plan(Ground(waves(60.0, 500.0)), kinematics=kinematics)

    speeds = set()
    for mission in plan.missions:
        speed, last = 0.0, None
        for item in mission.items:
            if isinstance(item, SetSpeed):
                speed = item.speed_m_s
            elif isinstance(item, Waypoint):
                here = FRAME.en_from_lonlat(np.array([[item.lon, item.lat]]))[0]
                if last is not None:
                    seconds = math.dist(here, last[0]) / speed
                    assert -2.0 * seconds - 0.1 <= item.alt_m - last[1] <= 3.0 * seconds + 0.1
                speeds.add(speed)
                last = (here, item.alt_m)
    assert min(speeds) < plan.speed_m_s
    assert max(speeds) == plan.speed_m_s


def test_slopes_cost_time():
    level, steep = (a_hill_plan(Ground(waves(amplitude_m, 500.0))) for amplitude_m in (0.0, 70.0))

    assert steep.figures[0].duration_s > level.figures[0].duration_s * 1.05


def test_ridges_that_stand_nearer_to_the_camera_get_more_photos():
    def ridges(east, north):
        return 100 + 45 * (np.sin(north * 2 * math.pi / 180.0) > 0.0) * np.sin(north * 2 * math.pi / 180.0)

    level, ridged = (
        a_hill_plan(Ground(ground), sidelap=0.15, frontlap=0.6, band_m=20.0)
        for ground in (lambda east, north: 100.0 + 0 * east, ridges)
    )

    assert level.coverage.seen_once == ridged.coverage.seen_once == 1.0
    assert ridged.figures[0].photos > level.figures[0].photos


def test_a_way_across_a_valley_keeps_the_band_between_its_stops():
    valley = Ground(lambda east, north: 50 + np.abs(east - 300.0) * 0.4)
    follower = GroundFollower(
        terrain=valley,
        frame=FRAME,
        home_alt_msl_m=170.0,
        band=HeightBand(low_m=60.0, wanted_m=70.0, high_m=80.0),
        kinematics=Kinematics(),
    )

    climbs = follower.climbs([(0.0, 0.0), (600.0, 0.0)], 10.0)

    assert (climbs[0].stop, climbs[-1].stop) == (0, 1)
    # Down, along the bottom, and up: the fewest that a band of 20 m over slopes of 120 m allows.
    assert 1 <= len(climbs) - 2 <= 2


def test_a_cliff_is_refused_with_its_place():
    cliff = Ground(lambda east, north: 100 + 150.0 * (east > 300.0))

    with pytest.raises(CannotPlan, match=r"longitude 118\.87\d+, latitude 28\.9\d+ is too steep") as refused:
        a_hill_plan(cliff)

    assert "wider band" in str(refused.value)


def test_no_ground_under_the_area_is_one_clear_line(tmp_path):
    here = a_dem(tmp_path / "small.tif", waves(5.0), reach_m=200.0)

    with pytest.raises(CannotPlan, match="the elevation model has no ground at longitude"):
        a_hill_plan(here)
    with pytest.raises(CannotPlan, match="no ground at home"):
        a_hill_plan(here, home=lonlat(-900.0, 0.0))


def test_higher_than_allowed_is_refused_with_terrain_too():
    with pytest.raises((CannotPlan, InvalidMission), match="exceeds 120 m"):
        a_hill_plan(Ground(waves(1.0)), altitude_m=125.0)


@pytest.mark.parametrize("band_m", [0.0, -3.0, math.nan, 0.2])
def test_a_band_that_is_none_is_refused(band_m):
    with pytest.raises(CannotPlan, match="band"):
        a_hill_plan(Ground(waves(1.0)), band_m=band_m)


def test_a_hilly_area_is_split_so_that_vehicles_hold_each_mission():
    ground = Ground(waves(35.0, 250.0))

    store = VehicleStore(items=60, fence_corners=70, rally_points=10)

    plan = a_hill_plan(ground, area=shapely.box(0.0, 0.0, 400.0, 250.0), band_m=6.0, limits=FlightLimits(store=store))

    assert len(plan.missions) > 1
    assert all(len(mission.items) + 1 <= 60 for mission in plan.missions)
    assert plan.coverage.seen_once == 1.0


def test_a_mountain_that_takes_longer_than_a_battery_is_flown_in_parts():
    mountain = Ground(lambda east, north: 900 - np.hypot(east - 350, north - 250))

    plan = a_hill_plan(mountain, endurance_s=1_200.0, sidelap=0.15)

    assert len(plan.missions) > 1
    assert all(figures.duration_s <= 1_200.0 for figures in plan.figures)
    assert heights_flown(plan, mountain).max() <= 99.0


def test_a_strip_over_hills_keeps_the_band_too():
    hills = Ground(waves(30.0, 400.0))
    line = shapely.transform(MultiLineString([[(0.0, 0.0), (500.0, 100.0), (700.0, 500.0)]]), FRAME.lonlat_from_en)

    plan = plan_corridor(
        Corridor(name="dyke", lines=line, width_m=60.0),
        Shooting(camera=CAMERA, altitude_agl_m=80.0, frontlap=0.6, sidelap=0.15),
        Drone(speed_m_s=12.0, endurance_s=1_500.0, limits=FlightLimits(), kinematics=Kinematics()),
        Departure(home_lonlat=HOME, terrain=hills),
    )

    agl = heights_flown(plan, hills)
    assert 72.0 <= agl.min() <= agl.max() <= 88.0
    assert plan.coverage.seen_once == 1.0


@pytest.mark.parametrize("amplitude_m", [25.0, 80.0])
def test_a_drone_with_limits_of_its_own_stays_in_the_band_when_it_flies_the_plan(amplitude_m):
    hills = Ground(waves(amplitude_m, 500.0))
    plan = a_hill_plan(hills, altitude_m=100.0, area=shapely.box(0.0, 0.0, 300.0, 120.0), sidelap=0.15)
    autopilot = Autopilot(home=plan.missions[0].home)
    autopilot.load(items_from_mission(plan.missions[0]))
    autopilot.set_mode(Mode.GUIDED)
    autopilot.arm()
    autopilot.set_mode(Mode.AUTO)
    assert autopilot.start_mission() is None

    track = []
    while autopilot.armed and autopilot.time_s < 2_000.0:
        autopilot.step(0.1)
        if autopilot.current > 1 and autopilot.current < len(autopilot.mission) - 1:
            track.append((*autopilot.lonlat(), autopilot.body.alt_m))

    flown = np.array(track)
    agl = plan.missions[0].home.alt_msl_m + flown[:, 2] - hills.heights_m(flown[:, :2])
    assert not autopilot.armed
    assert agl.min() >= 90.0 - 1.0
    assert agl.max() <= 110.0 + 1.0
    assert autopilot.time_s == pytest.approx(plan.figures[0].duration_s, rel=0.1)


def test_rows_run_along_steep_ridges_rather_than_across_them():
    ridges = Ground(lambda east, north: 200 + 90 * np.sin(east * 2 * math.pi / 500))
    wide = shapely.box(0.0, 0.0, 700.0, 300.0)

    level = a_hill_plan(Ground(lambda east, north: 200.0 + 0 * east), altitude_m=100.0, area=wide, sidelap=0.15)
    steep = a_hill_plan(ridges, altitude_m=100.0, area=wide, sidelap=0.15)

    assert min(level.angle_deg, 180 - level.angle_deg) < 1
    assert steep.angle_deg == pytest.approx(90.0, abs=2.0)
    assert heights_flown(steep, ridges).max() <= 110.0


def test_maps_of_ridges_have_their_rows_closer_everywhere():
    def ridges(east, north):
        return 100 + 30 * np.abs(np.sin(north * 2 * math.pi / 240.0))

    def flat(east, north):
        return 100.0 + 0 * east

    level, ridged = (a_hill_plan(Ground(ground), sidelap=0.55, band_m=20.0) for ground in (flat, ridges))

    assert ridged.coverage.seen_five_times >= 0.99
    assert ridged.row_spacing_m < level.row_spacing_m
