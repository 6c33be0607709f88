"""DJI's waylines: what is written against a table of what the documents ask for, and what comes back."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from flight_builders import LAT, LON, a_mission, a_plan, a_waypoint, the_items
from flight_ground import HOME_M, a_model
from test_flight_fence_files import a_fenced_mission
from test_flight_files import assert_same

from flightplan.errors import CannotPlan, InputFileError, InvalidMission
from flightplan.files import read_wpml, write_wpml
from flightplan.files.markup import parse_markup
from flightplan.files.wpml import TEMPLATE, WAYLINES, wpml_texts
from flightplan.files.wpml_model import AIRCRAFT, WpmlOptions
from flightplan.files.wpml_schema import template_problems, waylines_problems
from flightplan.mission.items import (
    ONE_PHOTO,
    Home,
    LandHere,
    PhotosByDistance,
    PhotosOff,
    PointCamera,
    ReturnHome,
    SetSpeed,
    TakeOff,
)

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
KML = "{http://www.opengis.net/kml/2.2}"
WPML = "{http://www.dji.com/wpmz/1.0.2}"
MADE_AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.fixture
def kmz(tmp_path):
    write_wpml(tmp_path / "mission.kmz", a_mission())
    return tmp_path / "mission.kmz"


def documents(path):
    """Both documents, read by the standard library alone."""
    with zipfile.ZipFile(path) as archive:
        return [ElementTree.fromstring(archive.read(name)) for name in (TEMPLATE, WAYLINES)]


def repacked(path, change, which=WAYLINES):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[which] = change(members[which].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def texts(root, name):
    return [(node.text or "").strip() for node in root.iter(f"{WPML}{name}")]


def test_the_golden_waylines_are_written_to_the_letter():
    template, waylines, lost = wpml_texts(a_mission(), made_at=MADE_AT)

    assert template == (GOLDEN / "template.kml").read_text()
    assert waylines == (GOLDEN / "waylines.wpml").read_text()
    assert lost == ()


def test_the_same_mission_makes_the_same_archive(tmp_path):
    for name in ("one.kmz", "two.kmz"):
        write_wpml(tmp_path / name, a_mission())

    assert (tmp_path / "one.kmz").read_bytes() == (tmp_path / "two.kmz").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.kmz") as archive:
        assert archive.namelist() == ["wpmz/template.kml", "wpmz/waylines.wpml"]


def test_longitude_comes_first_in_waypoints_and_latitude_in_the_place_of_take_off(kmz):
    template, waylines = documents(kmz)

    for root in (template, waylines):
        places = [node.text.split(",") for node in root.iter(f"{KML}coordinates")]
        assert len(places) == 4
        for (lon, lat), waypoint in zip(places, a_mission().waypoints, strict=True):
            assert (float(lon), float(lat)) == pytest.approx((waypoint.lon, waypoint.lat), abs=1e-8)
            assert float(lon) > 90
    lat, lon, height = texts(template, "takeOffRefPoint")[0].split(",")
    assert (float(lat), float(lon), float(height)) == pytest.approx((LAT, LON, 71.5))


def test_gdal_sees_the_waypoints_of_the_template_where_they_are(kmz, tmp_path):
    pyogrio = pytest.importorskip("pyogrio")
    import shapely

    with zipfile.ZipFile(kmz) as archive:
        (tmp_path / "template.kml").write_bytes(archive.read(TEMPLATE))
    layer = str(pyogrio.list_layers(tmp_path / "template.kml")[0][0])
    _, _, geometries, _ = pyogrio.raw.read(tmp_path / "template.kml", layer=layer)

    points = shapely.get_coordinates(shapely.from_wkb(geometries)).tolist()
    assert len(points) == 4
    for point, waypoint in zip(points, a_mission().waypoints, strict=True):
        assert point == pytest.approx([waypoint.lon, waypoint.lat], abs=1e-8)


@pytest.mark.parametrize(
    ("aircraft", "drone", "payload"),
    [("m30", ("67", "0"), "52"), ("m30t", ("67", "1"), "53"), ("m3d", ("91", "0"), "80"), ("m3td", ("91", "1"), "81")],
)
def test_each_drone_of_a_dock_is_named_with_its_camera_in_both_files(tmp_path, aircraft, drone, payload):
    write_wpml(tmp_path / "m.kmz", a_mission(), WpmlOptions(aircraft=aircraft))

    for root in documents(tmp_path / "m.kmz"):
        assert (texts(root, "droneEnumValue")[0], texts(root, "droneSubEnumValue")[0]) == drone
        assert texts(root, "payloadEnumValue") == [payload]
        assert set(texts(root, "payloadLensIndex")) == {"wide"}
        # Only drones that can fly round obstacles say that they must not.
        assert texts(root, "missionAutoRerouteMode") == (["0"] if drone[0] == "91" else [])


def test_photos_by_distance_become_an_action_group_over_the_row(kmz):
    _, waylines = documents(kmz)
    groups = [
        (
            group.findtext(f"{WPML}actionGroupStartIndex"),
            group.findtext(f"{WPML}actionGroupEndIndex"),
            group.findtext(f"{WPML}actionTrigger/{WPML}actionTriggerType"),
            group.findtext(f"{WPML}actionTrigger/{WPML}actionTriggerParam"),
            group.findtext(f"{WPML}action/{WPML}actionActuatorFunc"),
        )
        for group in waylines.iter(f"{WPML}actionGroup")
    ]

    # The first photo is due at once, which the trigger by distance does not promise.
    assert groups == [
        ("0", "0", "reachPoint", None, "takePhoto"),
        ("0", "1", "multipleDistance", "20", "takePhoto"),
        ("2", "2", "reachPoint", None, "takePhoto"),
        ("2", "3", "multipleDistance", "20", "takePhoto"),
    ]
    assert texts(waylines, "actionGroupId") == ["0", "1", "2", "3"]


def test_what_the_drone_does_when_it_hears_nothing_is_as_asked(tmp_path):
    for on_link_lost, expected in (
        ("goBack", ("executeLostAction", ["goBack"])),
        ("hover", ("executeLostAction", ["hover"])),
        ("goContinue", ("goContinue", [])),
    ):
        write_wpml(tmp_path / "m.kmz", a_mission(), WpmlOptions(on_link_lost=on_link_lost))
        for root in documents(tmp_path / "m.kmz"):
            assert (texts(root, "exitOnRCLost")[0], texts(root, "executeRCLostAction")) == expected


def test_heights_are_above_the_take_off_or_ellipsoid_heights(tmp_path):
    write_wpml(tmp_path / "m.kmz", a_mission(), WpmlOptions(rth_height_m=90))
    template, waylines = documents(tmp_path / "m.kmz")
    assert texts(waylines, "executeHeightMode") == ["relativeToStartPoint"]
    assert set(texts(waylines, "executeHeight")) == set(texts(template, "height")) == {"60"}
    assert texts(waylines, "globalRTHHeight") == ["90"]

    write_wpml(tmp_path / "m.kmz", a_mission(), WpmlOptions(geoid_m=8.25))
    template, waylines = documents(tmp_path / "m.kmz")
    assert texts(waylines, "executeHeightMode") == ["WGS84"]
    assert set(texts(waylines, "executeHeight")) == set(texts(template, "ellipsoidHeight")) == {"139.75"}
    assert (texts(template, "heightMode"), set(texts(template, "height"))) == (["EGM96"], {"131.5"})
    assert texts(waylines, "takeOffSecurityHeight") == ["60"]
    assert_same(a_mission(), read_wpml(tmp_path / "m.kmz").mission)


def test_a_height_above_the_sea_is_told_above_the_take_off(tmp_path):
    items = the_items()
    items[3] = a_waypoint(100.0, 100.0, 141.5, alt_reference="msl")
    write_wpml(tmp_path / "m.kmz", a_mission(items))

    assert texts(documents(tmp_path / "m.kmz")[1], "executeHeight") == ["70", "60", "60", "60"]


def test_a_mission_survives_its_waylines(kmz):
    read = read_wpml(kmz)

    assert_same(a_mission(), read.mission)
    assert read.lost == ()


def test_speeds_pitches_waits_and_triggers_survive_where_they_change(tmp_path):
    mission = a_mission(
        [
            TakeOff(alt_home_m=30.0),
            SetSpeed(speed_m_s=12.0),
            PointCamera(pitch_deg=-90.0),
            a_waypoint(100, 100, 30.0, hold_s=4.0),
            SetSpeed(speed_m_s=8.5),
            PointCamera(pitch_deg=-45.0),
            PhotosByDistance(distance_m=31.25, at_once=False),
            a_waypoint(100, 300, 45.5),
            PhotosByDistance(distance_m=25.0),
            a_waypoint(200, 300, 60.0),
            PointCamera(pitch_deg=0.0),
            PhotosOff(),
            a_waypoint(200, 100, 60.0),
            ReturnHome(),
        ]
    )
    write_wpml(tmp_path / "m.kmz", mission)

    assert_same(mission, read_wpml(tmp_path / "m.kmz").mission)


def test_a_whole_plan_survives_its_waylines(tmp_path):
    (mission,) = a_plan().missions
    write_wpml(tmp_path / "m.kmz", mission)

    read = read_wpml(tmp_path / "m.kmz").mission
    assert_same(mission, read)
    assert read.figures().photos == mission.figures().photos


def test_what_the_format_cannot_tell_is_said(tmp_path):
    lost = write_wpml(tmp_path / "m.kmz", a_fenced_mission())

    assert [line.partition(":")[0] for line in lost] == ["the fence", "1 rally points"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda items: [TakeOff(alt_home_m=5.0), *items[1:]], "take-off to 5 m is not possible from a dock"),
        (lambda items: [items[0], SetSpeed(speed_m_s=18.0), *items[2:]], "18 m/s is no speed"),
        (lambda items: [*items[:-1], LandHere()], "lands away from its dock"),
        (lambda items: [*items[:3], a_waypoint(alt_reference="terrain"), *items[4:]], "no model of the ground"),
    ],
)
def test_what_a_dock_cannot_fly_is_refused_and_nothing_written(tmp_path, change, words):
    with pytest.raises(CannotPlan, match=words):
        write_wpml(tmp_path / "m.kmz", a_mission(change(the_items())))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [{"aircraft": "mini"}, {"lenses": ("ir",)}, {"rth_height_m": 1}, {"geoid_m": 400}, {"geoid_m": float("nan")}],
)
def test_options_that_cannot_be_are_refused(options):
    with pytest.raises(CannotPlan):
        WpmlOptions(**options)


def test_every_lens_of_every_drone_may_be_asked_for(tmp_path):
    for name, aircraft in AIRCRAFT.items():
        write_wpml(tmp_path / "m.kmz", a_mission(), WpmlOptions(aircraft=name, lenses=aircraft.lenses))
        assert set(texts(documents(tmp_path / "m.kmz")[1], "payloadLensIndex")) == {",".join(aircraft.lenses)}


CASES = json.loads((GOLDEN / "wpml_faults.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["problem"][:40] for case in CASES])
def test_the_table_finds_what_is_wrong_with_a_file(case):
    name, problems_of = (
        ("template.kml", template_problems) if case["in"] == "template" else ("waylines.wpml", waylines_problems)
    )
    good = (GOLDEN / name).read_text()
    bad = good.replace(case["old"], case["new"], case.get("count", 1))
    assert bad != good

    assert list(problems_of(parse_markup(Path(name), good.encode()))) == []
    problems = list(problems_of(parse_markup(Path(name), bad.encode())))
    assert any(case["problem"] in problem for problem in problems), problems


def foreign(text):
    """As DJI Pilot 2 writes it: another version, more elements, and things that a mission has no words for."""
    text = text.replace("wpmz/1.0.2", "wpmz/1.0.6")
    text = text.replace("<wpml:waylineId>0", "<wpml:distance>512.5</wpml:distance><wpml:waylineId>0")
    text = text.replace("<wpml:waypointHeadingMode>followWayline", "<wpml:waypointHeadingMode>fixed", 1)
    return text.replace("<wpml:finishAction>goHome", "<wpml:finishAction>noAction")


def test_what_a_mission_has_no_words_for_is_named_when_a_foreign_file_is_read(kmz):
    read = read_wpml(repacked(kmz, foreign))

    assert_same(a_mission(), read.mission)
    assert any("wpml:distance is not known" in line for line in read.lost)
    assert any(line.startswith("heading fixed") for line in read.lost)
    assert any("noAction" in line for line in read.lost)


def test_photos_by_time_are_read_as_the_distance_flown_in_it(kmz):
    read = read_wpml(
        repacked(
            kmz,
            lambda text: text.replace("multipleDistance", "multipleTiming", 1).replace(
                "<wpml:actionTriggerParam>20", "<wpml:actionTriggerParam>2.5", 1
            ),
        )
    )

    distances = [item.distance_m for item in read.mission.items if isinstance(item, PhotosByDistance)]
    assert distances == [25.0, 20.0]
    assert read.lost == ("photos by time: they are taken by the distance flown in that time",)


def test_a_single_photo_survives_its_waylines(kmz):
    with_one = a_mission([*the_items()[:-1], *ONE_PHOTO, ReturnHome()])
    write_wpml(kmz, with_one)
    read = read_wpml(kmz)
    assert [type(item) for item in read.mission.items] == [type(item) for item in with_one.items]
    assert read.mission.items[-3].at_once
    assert read.lost == ()


def test_home_may_be_given_where_the_file_does_not_tell_it(kmz):
    path = repacked(kmz, lambda text: text.replace("takeOffRefPoint>", "theirPoint>"), TEMPLATE)
    with pytest.raises(InputFileError, match="Give it with --home"):
        read_wpml(path)

    home = Home(lon=LON, lat=LAT, alt_msl_m=71.5)
    assert read_wpml(path, home=home).mission.home == home


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("<Folder>", "<Folder></Folder><Folder>", "2 waylines"),
        ("<wpml:index>2", "<wpml:index>3", "its number is not 2"),
        ("<wpml:executeHeight>60", "<wpml:executeHeight>sixty", "'sixty' is no number"),
        ("<wpml:executeHeight>60", "<wpml:executeHeight>1e999", "not what belongs there"),
        ("<wpml:executeHeight>60", "<wpml:executeHeight>" + "9" * 5000, "not what belongs there"),
        ("<coordinates>118.87", "<coordinates>1,2,3,118.87", "not what belongs there"),
        ("relativeToStartPoint", "realTimeFollowSurface", "heights are of the kind realTimeFollowSurface"),
        ("<wpml:autoFlightSpeed>10</wpml:autoFlightSpeed>", "", "Folder > wpml:autoFlightSpeed"),
        ("</Folder>", "", "this is not XML"),
        ("<kml ", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><kml ', "document type or entities"),
        ('encoding="UTF-8"', 'encoding="UTF-77"', "cannot be decoded"),
    ],
)
def test_waylines_that_cannot_be_read_are_refused_with_their_place(kmz, old, new, problem):
    with pytest.raises(InputFileError) as refused:
        read_wpml(repacked(kmz, lambda text: text.replace(old, new, 1)))

    assert str(kmz) in str(refused.value)
    assert problem in str(refused.value)


def test_a_wayline_that_breaks_a_limit_is_no_mission(kmz):
    with pytest.raises(InvalidMission, match="exceeds 120 m"):
        read_wpml(repacked(kmz, lambda text: text.replace("<wpml:executeHeight>60", "<wpml:executeHeight>400", 1)))


def test_broken_archives_are_refused(kmz, tmp_path):
    whole = kmz.read_bytes()
    for name, data, problem in (
        ("cut.kmz", whole[: len(whole) // 2], "cannot be read as a ZIP archive"),
        ("text.kmz", b"<kml/>", "cannot be read as a ZIP archive"),
        ("flipped.kmz", whole[:200] + bytes(40) + whole[240:], "cannot be read as a ZIP archive"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputFileError, match=problem):
            read_wpml(tmp_path / name)
    with pytest.raises(InputFileError, match="no such file"):
        read_wpml(tmp_path / "none.kmz")


def test_an_archive_that_unpacks_to_more_than_a_mission_is_refused(tmp_path):
    path = tmp_path / "bomb.kmz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(WAYLINES, b" " * 65_000_000)
    assert path.stat().st_size < 100_000

    with pytest.raises(InputFileError, match="unpacked it has more than 64 MB"):
        read_wpml(path)


def test_an_archive_without_waylines_or_with_two_is_refused(kmz, tmp_path):
    with zipfile.ZipFile(tmp_path / "none.kmz", "w") as archive:
        archive.writestr("doc.kml", "<kml/>")
    with pytest.raises(InputFileError, match=r"no wpmz/waylines\.wpml"):
        read_wpml(tmp_path / "none.kmz")
    with zipfile.ZipFile(kmz, "a") as archive:
        archive.writestr(f"other/{WAYLINES}", "<kml/>")
    with pytest.raises(InputFileError, match="several missions"):
        read_wpml(kmz)


def test_deep_and_endless_documents_are_refused():
    for text in ("<a>" * 100 + "</a>" * 100, "<a>" + "<b/>" * 300_001 + "</a>"):
        with pytest.raises(InputFileError, match="than any mission"):
            parse_markup(Path("x.kml"), text.encode())


def test_an_entity_that_grows_is_refused():
    text = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]><kml>&c;</kml>'
    with pytest.raises(InputFileError, match="document type or entities"):
        parse_markup(Path("x.kml"), text.encode())


def test_limits_given_are_the_mission_s(kmz):
    limits = replace(a_mission().limits, max_range_m=5_000.0)
    assert read_wpml(kmz, limits).mission.limits == limits


def test_docks_climb_to_the_first_waypoints_height_over_home_and_are_held_to_that(tmp_path):
    def a_valley(east, north):
        return HOME_M + np.clip(north - 20.0, 0.0, 60.0)

    items = (TakeOff(alt_home_m=40.0), a_waypoint(0.0, 100.0, 110.0), a_waypoint(0.0, 300.0, 110.0), ReturnHome())
    level = a_mission(items)
    path = tmp_path / "m.kmz"
    write_wpml(path, level)
    assert read_wpml(path).mission.items[0].alt_home_m == 110.0

    high = [TakeOff(alt_home_m=40.0), a_waypoint(0.0, 100.0, 140.0), a_waypoint(0.0, 300.0, 140.0), LandHere()]
    home = Home(lon=LON, lat=LAT, alt_msl_m=HOME_M)
    valley = a_mission(high, home=home, terrain=a_model(tmp_path / "valley.tif", a_valley))
    # It lands where it is, for docks' drones come home high; that is refused later.
    with pytest.raises(InvalidMission, match=r"140\.0 m above ground exceeds 120 m"):
        write_wpml(path, valley)


def test_ellipsoid_heights_need_to_know_how_high_home_lies(tmp_path):
    mission = a_mission(home=Home(lon=LON, lat=LAT))
    with pytest.raises(CannotPlan, match="home's height above the sea is not known"):
        write_wpml(tmp_path / "m.kmz", mission, WpmlOptions(geoid_m=8.25))


def test_heights_above_the_ellipsoid_are_not_moved_to_another_home(tmp_path):
    write_wpml(tmp_path / "m.kmz", a_mission(), WpmlOptions(geoid_m=8.25))
    with pytest.raises(InputFileError, match="Leave out --home"):
        read_wpml(tmp_path / "m.kmz", home=Home(lon=LON, lat=LAT, alt_msl_m=150.0))
