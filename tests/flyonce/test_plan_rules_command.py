"""`flyonce plan` under the rules of the air, as an operator would run it."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import rasterio
import shapely

from flightplan.files import read_mission, read_wpml
from flightplan.mission.limits import VEHICLES, FlightLimits
from flightplan.projection import LocalFrame
from flightplan.vehicle import SimulatedVehicle
from flyonce.cli.main import run

LON, LAT = 118.8712345, 28.9398765
FRAME = LocalFrame(lon=LON, lat=LAT)
APPROVED = {"from": "2026-11-24T08:00+08:00", "until": "2026-11-24T12:00+08:00", "ceiling_m": 150}


def a_feature(box, **properties):
    ring = FRAME.lonlat_from_en(shapely.get_coordinates(shapely.box(*box))).tolist()
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


@pytest.fixture
def ground(tmp_path):
    (tmp_path / "area.geojson").write_text(json.dumps(a_feature((50, 50, 450, 450), name="grid")))
    return tmp_path


def airspace(folder, name, *features):
    path = folder / f"{name}.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return str(path)


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command left behind."""

    exit_code: int
    stderr: str
    told: dict


@pytest.fixture
def flyonce(monkeypatch, capsys) -> Callable[..., Done]:
    """Runs a command as the installed program does."""

    def flyonce(*words: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["flyonce", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            run()
        told = capsys.readouterr()
        return Done(
            exit_code=int(left.value.code or 0),
            stderr=" ".join(told.err.split()),
            told=json.loads(told.out) if told.out else {},
        )

    return flyonce


@pytest.fixture
def planned(ground, flyonce) -> Callable[..., Done]:
    """Plans the grid; options are added."""

    def planned(*options: str) -> Done:
        home = ("--home", f"{LON},{LAT}")
        return flyonce("plan", ground / "area.geojson", *home, "--out", ground / "out", "--json", *options)

    return planned


def metres_of(mission):
    return shapely.LineString(FRAME.en_from_lonlat(np.array(mission.path_lonlat())))


def test_a_flight_in_open_air_gets_a_clearance_for_any_time_and_a_fence(ground, planned):
    done = planned()

    assert done.exit_code == 0
    mission = read_mission(ground / "out" / "mission.plan")
    assert mission.clearance.not_after is None
    assert mission.fence.corners >= 4
    assert done.told["missions"][0]["clearance"]["approvals"] == []
    assert read_mission(ground / "out" / "mission.plan").fence is not None
    planned("--no-fence")
    assert read_mission(ground / "out" / "mission.plan").fence is None


def test_controlled_airspace_without_approval_makes_a_draft_and_nothing_else(ground, planned, flyonce):
    zone = airspace(ground, "air", a_feature((0, 0, 200, 200), kind="controlled", name="tower"))
    done = planned("--airspace", zone, "--takes-off-at", "2026-11-24T09:00")

    assert done.exit_code == 1
    assert [path.name for path in (ground / "out").iterdir()] == ["mission.draft.geojson"]
    assert done.told["lawful"] is False
    assert done.told["drafts"][0]["violations"][0]["rule"] == "approval"
    assert "tower" in done.stderr
    draft = flyonce("upload", ground / "out" / "mission.draft.geojson", "--link", "tcp:127.0.0.1:9")
    assert draft.exit_code == 2
    assert "draft, not to be flown" in draft.stderr


def test_with_its_approval_the_same_flight_is_cleared_for_its_window(ground, planned):
    zone = airspace(ground, "air", a_feature((0, 0, 200, 200), kind="controlled", name="tower"))
    approval = airspace(ground, "ok", a_feature((-100, -100, 600, 600), kind="approval", id="QZ-1", **APPROVED))
    options = ("--airspace", zone, "--airspace", approval, "--takes-off-at", "2026-11-24T09:00")
    done = planned(*options)

    assert done.exit_code == 0
    clearance = read_mission(ground / "out" / "mission.plan").clearance
    assert clearance.approvals == ("QZ-1",)
    assert clearance.not_before.isoformat() == "2026-11-24T08:00:00+08:00"
    assert done.told["missions"][0]["clearance"]["approvals"] == ["QZ-1"]


def test_150_m_need_an_approval(ground, planned):
    approval = airspace(ground, "ok", a_feature((-100, -100, 600, 600), kind="approval", id="QZ-1", **APPROVED))

    done = planned("--altitude-m", "150")
    assert done.exit_code == 1
    assert "150 m true height" in done.stderr
    options = ("--airspace", approval, "--takes-off-at", "2026-11-24T09:00+08:00")
    done = planned("--altitude-m", "150", *options)
    assert done.exit_code == 0
    assert read_mission(ground / "out" / "mission.plan").waypoints[0].alt_m == 150.0


def test_no_fly_zones_in_force_are_planned_round_and_fenced_off(ground, planned):
    market = a_feature((200, 200, 300, 300), kind="no_fly", name="market", hours="08:00-18:00")
    zone = airspace(ground, "air", market)
    box = shapely.box(200, 200, 300, 300)

    done = planned("--airspace", zone, "--takes-off-at", "2026-11-24T09:00")
    assert done.exit_code == 0
    mission = read_mission(ground / "out" / "mission.plan")
    assert metres_of(mission).intersection(box).length == 0.0
    assert len(mission.fence.outside) == 1
    # At night the market is empty, and flown over.
    planned("--airspace", zone, "--takes-off-at", "2026-11-24T19:00")
    mission = read_mission(ground / "out" / "mission.plan")
    assert metres_of(mission).intersection(box).length > 100.0
    assert mission.clearance.not_after is not None


def test_a_long_exposure_is_flown_slowly_enough_for_sharp_photos(ground, planned):
    done = planned("--exposure-s", "0.01", "--speed-m-s", "15")

    # 100 m high a pixel of this camera sees 3.6 cm.
    assert done.exit_code == 0
    assert done.told["speed_m_s"] == pytest.approx(3.6, abs=0.1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--vehicle", "balloon"), "vehicle 'balloon' is not known"),
        (("--airspace", "gone.geojson"), "gone.geojson"),
        (("--airspace", "gone.geojson", "--takes-off-at", "9999-12-31T23:59"), "9999-12-31 is no day to fly on"),
    ],
)
def test_bad_rules_are_one_line_and_nothing_is_written(ground, planned, options, said):
    done = planned(*options)

    assert done.exit_code == 2
    assert said in done.stderr
    assert not (ground / "out").exists()


def flown_from(vehicle, flyonce, ground, *options):
    return flyonce("upload", ground / "out" / "mission.plan", "--link", vehicle.address, "--json", *options)


def test_an_upload_is_checked_for_now_where_the_airspace_is_given(ground, planned, flyonce):
    planned()
    always = airspace(ground, "always", a_feature((200, 200, 300, 300), kind="no_fly", name="market"))
    past = a_feature((200, 200, 300, 300), kind="no_fly", name="market", until="2020-01-01")
    gone = airspace(ground, "gone", past)
    with SimulatedVehicle(home_lon=LON, home_lat=LAT).running() as vehicle:
        refused = flown_from(vehicle, flyonce, ground, "--airspace", always)
        allowed = flown_from(vehicle, flyonce, ground, "--airspace", gone)

    assert refused.exit_code == 1
    assert "market" in refused.stderr
    assert "Nothing was sent" in refused.stderr
    assert allowed.exit_code == 0
    assert allowed.told["verified"] is True


def test_a_mission_is_not_armed_outside_its_clearance(ground, planned, flyonce):
    approval = a_feature((-100, -100, 600, 600), kind="approval", id="QZ-1", **APPROVED)
    zones = airspace(ground, "ok", a_feature((0, 0, 200, 200), kind="controlled", name="tower"), approval)
    planned("--airspace", zones, "--takes-off-at", "2026-11-24T09:00")
    # The approval's hours, long past or long ahead of whoever runs this.
    document = json.loads((ground / "out" / "mission.plan").read_text(encoding="utf-8"))
    document["flyonce"]["clearance"] |= {
        "notBefore": "2020-01-01T08:00:00+08:00",
        "notAfter": "2020-01-01T09:00:00+08:00",
    }
    (ground / "out" / "mission.plan").write_text(json.dumps(document), encoding="utf-8")
    with SimulatedVehicle(home_lon=LON, home_lat=LAT).running() as vehicle:
        assert flown_from(vehicle, flyonce, ground).exit_code == 0
        done = flyonce("fly", ground / "out" / "mission.plan", "--link", vehicle.address, "--json")

        assert done.exit_code == 1
        assert "may not take off after 2020-01-01T09:00" in done.stderr
        assert not vehicle.autopilot.armed
        assert vehicle.autopilot.photos == 0


def test_the_format_without_room_for_times_is_no_way_round_them(ground, planned, flyonce):
    approval = a_feature((-100, -100, 600, 600), kind="approval", id="QZ-1", **APPROVED)
    zones = airspace(ground, "ok", a_feature((0, 0, 200, 200), kind="controlled", name="tower"), approval)
    assert planned("--airspace", zones, "--takes-off-at", "2026-11-24T09:00").exit_code == 0
    waypoints = ground / "out" / "mission.waypoints"
    for command in ("upload", "fly"):
        done = flyonce(command, waypoints, "--link", "tcp:127.0.0.1:9", "--json")
        assert done.exit_code == 1
        assert "mission.plan beside it" in done.stderr
    assert planned().exit_code == 0  # in open air there is nothing to get round
    assert "beside it" not in flyonce("upload", waypoints, "--link", "tcp:127.0.0.1:9", "--json").stderr


def test_a_plan_over_hills_is_uploaded_with_its_terrain_only(ground, planned, flyonce):
    model = ground / "slope.tif"
    with rasterio.open(
        model, "w", driver="GTiff", width=200, height=200, count=1, dtype="float32", crs="EPSG:4326",
        transform=rasterio.Affine(1e-4, 0, LON - 0.01, 0, -1e-4, LAT + 0.01),
    ) as file:  # fmt: skip
        # It rises to the north by 40 m per 100 m.
        file.write(np.repeat(np.arange(200, 0, -1, dtype=np.float32)[:, None] * 4.4, 200, axis=1), 1)
    assert planned("--terrain", str(model), "--band-m", "19").exit_code == 0
    with SimulatedVehicle(home_lon=LON, home_lat=LAT).running() as vehicle:
        bare = flown_from(vehicle, flyonce, ground)
        held = flown_from(vehicle, flyonce, ground, "--terrain", str(model))

    assert bare.exit_code == 2
    assert "give the terrain" in bare.stderr
    assert held.exit_code == 0
    plan, target = ground / "out" / "mission.plan", ground / "hill.waypoints"
    assert flyonce("convert", plan, target).exit_code == 2
    assert not target.exists()
    lost = flyonce("convert", plan, target, "--terrain", model, "--json").told["not_carried_over"]
    assert any("height for flying home" in line for line in lost)
    assert read_mission(target, FlightLimits(max_height_agl_m=1_000)).waypoints


def test_an_upload_without_the_terrain_still_returns_over_the_hill_that_the_plan_knew(ground, planned, flyonce):
    # A knoll of 100 m in the middle, which the rows go round.
    degrees = (np.arange(300) - 149.5) * 1e-4
    lonlat = np.column_stack([grid.ravel() for grid in np.meshgrid(LON + degrees, LAT - degrees)])
    east, north = FRAME.en_from_lonlat(lonlat).T
    heights = 60.0 + np.clip(100.0 * (1.0 - np.hypot(east - 250.0, north - 250.0) / 110.0), 0.0, None)
    with rasterio.open(
        ground / "knoll.tif", "w", driver="GTiff", width=300, height=300, count=1, dtype="float32", crs="EPSG:4326",
        transform=rasterio.Affine(1e-4, 0, LON - 0.015, 0, -1e-4, LAT + 0.015),
    ) as file:  # fmt: skip
        file.write(heights.reshape(300, 300).astype(np.float32), 1)
    shut = FRAME.lonlat_from_en([(130, 130), (370, 130), (370, 370), (130, 370), (130, 130)]).tolist()
    away = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [shut]}}
    no_fly = airspace(ground, "shut", away)
    done = planned("--terrain", ground / "knoll.tif", "--no-fly", no_fly, "--altitude-m", "60")
    assert done.exit_code == 0, done.stderr
    with SimulatedVehicle(home_lon=LON, home_lat=LAT).running() as vehicle:
        bare = flown_from(vehicle, flyonce, ground)
        held = flown_from(vehicle, flyonce, ground, "--terrain", str(ground / "knoll.tif"))

    needed_m = bare.told["return_height_needed_m"]
    assert needed_m == held.told["return_height_needed_m"] > 115.0
    plan, kmz = ground / "out" / "mission.plan", ground / "knoll.kmz"
    assert flyonce("convert", plan, kmz).exit_code == 0
    with zipfile.ZipFile(kmz) as archive:
        assert f"<wpml:globalRTHHeight>{needed_m:g}<".encode() in archive.read("wpmz/waylines.wpml")
    assert flyonce("convert", plan, kmz, "--rth-height-m", "100").exit_code == 2
    refused = flyonce("convert", kmz, ground / "back.plan", "--terrain", ground / "knoll.tif")
    assert refused.exit_code == 2
    assert "--terrain goes with a .plan or .waypoints" in refused.stderr


def test_a_docks_drone_gets_waylines_and_an_autopilot_of_its_kind_a_plan(ground, planned):
    planned("--vehicle", "m3td")
    assert {path.suffix for path in (ground / "out").iterdir()} == {".kmz", ".geojson"}
    read = read_wpml(ground / "out" / "mission.kmz", FlightLimits(store=VEHICLES["dji"]))
    assert read.mission.home.lon == pytest.approx(LON, abs=1e-6)
    assert read.mission.figures().photos > 20

    planned("--vehicle", "px4")
    document = json.loads((ground / "out" / "mission.plan").read_text(encoding="utf-8"))
    assert document["mission"]["firmwareType"] == 12


def test_an_upload_sees_to_it_that_the_vehicle_returns_high_enough(ground, planned, flyonce):
    planned("--altitude-m", "90")
    with SimulatedVehicle(home_lon=LON, home_lat=LAT).running() as vehicle:
        done = flown_from(vehicle, flyonce, ground)

        assert done.told["return_height_m"] == done.told["return_height_needed_m"] == 90.0
        assert vehicle.autopilot.return_alt_m == 90.0


def test_an_earlier_plan_does_not_lie_beside_a_later_draft_nor_the_other_way_round(ground, planned):
    zone = airspace(ground, "air", a_feature((0, 0, 200, 200), kind="controlled", name="tower"))
    planned("--endurance-min", "4")
    log = ground / "out" / "mission.tlog"
    log.write_text("a flight's log is nobody's to remove")
    assert (ground / "out" / "mission-2.plan").is_file()

    planned("--airspace", zone)
    assert {path.name for path in (ground / "out").iterdir()} == {"mission.draft.geojson", "mission.tlog"}
    planned()
    assert {path.name for path in (ground / "out").iterdir()} == {
        "mission.geojson", "mission.plan", "mission.tlog", "mission.waypoints",
    }  # fmt: skip


def a_mast(east_m, north_m, **properties):
    place = FRAME.lonlat_from_en([(east_m, north_m)])[0].tolist()
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": place}}


def test_masts_are_flown_round_or_over_and_clear_the_way_home(ground, planned, flyonce):
    high, low = a_mast(250, 250, name="mast", height_m=95), a_mast(150, 117, name="house", height_m=20)
    masts = airspace(ground, "masts", high, low)
    done = planned("--obstacles", masts)

    assert done.exit_code == 0, done.stderr
    mission = read_mission(ground / "out" / "mission.plan")
    assert {one.name for one in mission.obstacles} == {"mast", "house"}
    assert metres_of(mission).distance(shapely.Point(250, 250)) >= 17.9
    assert metres_of(mission).distance(shapely.Point(150, 117)) < 15
    assert done.told["left_out_m2"] > 500
    with SimulatedVehicle(home_lon=LON, home_lat=LAT).running() as vehicle:
        assert flown_from(vehicle, flyonce, ground).told["return_height_m"] == 125.0
    converted = flyonce("convert", ground / "out" / "mission.plan", ground / "m.kmz", "--rth-height-m", "110")
    assert converted.exit_code == 2
    assert "does not clear the ground, or what stands on the way home" in converted.stderr


def test_a_mast_beside_home_is_refused(ground, planned):
    done = planned("--obstacles", airspace(ground, "masts", a_mast(5, 5, name="mast", height_m=95)))
    assert done.exit_code == 2

    done = planned("--obstacles", airspace(ground, "masts", a_mast(5, 5, name="shed", height_m=5)))
    assert done.exit_code == 1
    assert "it passes shed" in done.stderr
    assert [path.name for path in (ground / "out").iterdir()] == ["mission.draft.geojson"]
