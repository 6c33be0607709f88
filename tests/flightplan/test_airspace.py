"""No-fly areas, controlled airspace and approvals, held against missions over Quzhou."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely
from flight_builders import FRAME, a_mission, a_plan, a_square, a_waypoint, the_items

from flightplan.airspace.checking import check_airspace
from flightplan.airspace.reading import read_airspace
from flightplan.errors import InvalidMission, NotCleared
from flightplan.files import read_mission
from flightplan.files.draft import write_draft
from flightplan.files.qgc_plan import write_plan
from flightplan.mission.items import Home, ReturnHome, Waypoint
from flightplan.mission.limits import FlightLimits
from geo.errors import InputFileError

CITY = ZoneInfo("Asia/Shanghai")
# A Monday.
NINE = datetime(2026, 11, 23, 9, 0, tzinfo=CITY)
EARLY = datetime(2026, 11, 20, 8, 0, tzinfo=CITY)
# The mission's path has its corners at 0 0, 100 100, 100 300, 160 300 and 160 100, metres from home.
OVER_A_ROW = (80.0, 180.0, 120.0, 200.0)
BESIDE = (200.0, 180.0, 260.0, 200.0)
ALL = (-50.0, -50.0, 300.0, 400.0)


def a_feature(box_en=OVER_A_ROW, **properties):
    ring = FRAME.lonlat_from_en(shapely.get_coordinates(shapely.box(*box_en)))
    geometry = {"type": "Polygon", "coordinates": [ring.tolist()]}
    told = {"kind": "no_fly", "name": "market", **properties}
    return {"type": "Feature", "properties": told, "geometry": geometry}


def an_approval(box_en=ALL, **properties):
    told = {"id": "ZJ-2026-0815", "from": "2026-11-23T08:00+08:00", "until": "2026-11-23T12:00+08:00"}
    return a_feature(box_en, kind="approval", **{**told, "ceiling_m": 120.0, **properties})


def the_airspace(folder: Path, *features):
    path = folder / "airspace.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}), encoding="utf-8")
    return read_airspace([path])


def found(folder, *features, at=NINE, mission=None, now=EARLY):
    return check_airspace(mission or a_mission(), the_airspace(folder, *features), at, now=now)


def test_a_leg_over_a_no_fly_area_is_a_breach_with_place_and_remedy(tmp_path):
    (breach,) = found(tmp_path, a_feature()).violations

    assert breach.rule == "no-fly area"
    assert "market" in breach.problem
    assert "2026-11-23 09:00" in breach.problem
    assert "--no-fly" in breach.remedy
    lon, lat = (float(part) for part in breach.place.rpartition(" at ")[2].split(", "))
    east, north = FRAME.en_from_lonlat(np.array([[lon, lat]]))[0]
    assert 70 < east < 130
    assert 165 < north < 215


def test_a_flight_beside_a_no_fly_area_is_cleared_for_any_time(tmp_path):
    result = found(tmp_path, a_feature(BESIDE))

    assert result.violations == ()
    assert (result.clearance.not_before, result.clearance.not_after, result.clearance.approvals) == (None, None, ())


def test_a_sliver_between_two_samples_is_not_missed(tmp_path):
    assert len(found(tmp_path, a_feature((99.0, 183.0, 101.0, 183.4))).violations) == 1


def test_home_in_a_no_fly_area_counts_although_the_legs_leave_it_above_its_ceiling(tmp_path):
    (breach,) = found(tmp_path, a_feature((-5.0, -5.0, 5.0, 5.0), ceiling_m=30.0)).violations

    assert breach.rule == "no-fly area"


@pytest.mark.parametrize(
    ("heights", "breaches"),
    [
        ({"ceiling_m": 50.0}, 0),
        ({"ceiling_m": 70.0}, 1),
        ({"floor_m": 70.0}, 0),
        ({"floor_m": 50.0}, 1),
        # Home lies 71.5 m above the sea, the flight 60 m higher.
        ({"floor_m": 100.0, "ceiling_m": 125.0, "heights_above": "msl"}, 0),
        ({"floor_m": 100.0, "ceiling_m": 140.0, "heights_above": "msl"}, 1),
    ],
)
def test_a_zone_counts_at_its_heights_only(tmp_path, heights, breaches):
    assert len(found(tmp_path, a_feature(**heights)).violations) == breaches


@pytest.mark.parametrize(
    ("times", "breaches"),
    [
        ({"from": "2026-11-23", "until": "2026-11-23"}, 1),
        ({"from": "2026-11-24"}, 0),
        ({"until": "2026-11-22"}, 0),
        ({"hours": "08:00-10:00"}, 1),
        ({"hours": "10:00-18:00"}, 0),
        ({"hours": "22:00-09:05"}, 1),
        ({"weekdays": ["sat", "sun"]}, 0),
        ({"weekdays": "mon,tue"}, 1),
        # It ends in time only if it does not begin late.
        ({"hours": "09:10-10:00"}, 1),
    ],
)
def test_a_zone_counts_while_it_is_in_force_only(tmp_path, times, breaches):
    assert len(found(tmp_path, a_feature(**times)).violations) == breaches


def test_without_a_time_of_take_off_a_dated_zone_counts_too(tmp_path):
    (breach,) = found(tmp_path, a_feature(**{"from": "2030-01-01"}), at=None).violations

    assert breach.rule == "no-fly area"


def test_the_clearance_ends_before_the_zone_comes_into_force(tmp_path):
    mission = a_mission()
    clearance = found(tmp_path, a_feature(hours="10:00-18:00"), mission=mission).clearance

    lasts = timedelta(seconds=mission.figures().duration_s)
    opens = datetime(2026, 11, 23, 10, 0, tzinfo=CITY)
    assert clearance.not_before == datetime(2026, 11, 22, 18, 0, tzinfo=CITY)
    assert opens - lasts - timedelta(minutes=15) < clearance.not_after < opens - lasts
    clearance.check(NINE)
    with pytest.raises(NotCleared, match="may not take off after"):
        clearance.check(opens)
    with pytest.raises(NotCleared, match="may not take off before"):
        clearance.check(NINE - timedelta(days=1))


def test_controlled_airspace_needs_an_approval_and_the_remedy_says_until_when_to_apply(tmp_path):
    (breach,) = found(tmp_path, a_feature(kind="controlled", name="tower")).violations

    assert breach.rule == "approval"
    assert "tower" in breach.problem
    assert breach.remedy == "Apply for an approval by 2026-11-22 12:00 and confirm it 1 h before take-off"


def test_after_noon_of_the_day_before_it_is_too_late_to_apply(tmp_path):
    late = datetime(2026, 11, 22, 12, 1, tzinfo=CITY)
    (breach,) = found(tmp_path, a_feature(kind="controlled"), now=late).violations

    assert breach.remedy.startswith("It is too late to apply for 2026-11-23")


def test_where_an_approval_ends_too_early_the_remedy_says_when_to_take_off(tmp_path):
    approval = a_feature(kind="approval", id="QZ-1", ceiling_m=120, **{
        "from": "2026-11-23T06:00+08:00", "until": "2026-11-23T07:00+08:00",
    })  # fmt: skip
    (breach,) = found(tmp_path, a_feature(kind="controlled", name="tower"), approval).violations

    assert breach.remedy.startswith(
        "Approval QZ-1 covers it from 2026-11-23 06:00, for a take-off not after 2026-11-23 06:"
    )
    late = datetime(2026, 11, 23, 6, 59, tzinfo=CITY)
    (breach,) = found(tmp_path, a_feature(kind="controlled", name="tower"), approval, now=late).violations
    assert breach.remedy.startswith("It is too late")


def test_an_approval_clears_the_flight_for_its_window(tmp_path):
    clearance = found(tmp_path, a_feature(kind="controlled"), an_approval()).clearance

    assert clearance.approvals == ("ZJ-2026-0815",)
    assert clearance.not_before == datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    assert clearance.not_after < datetime(2026, 11, 23, 3, 50, tzinfo=UTC)


def test_an_approval_drawn_along_the_zones_border_covers_it(tmp_path):
    assert found(tmp_path, a_feature(kind="controlled"), an_approval(OVER_A_ROW)).violations == ()


def test_two_approvals_may_cover_a_zone_together(tmp_path):
    crossing = (90.0, 250.0, 170.0, 310.0)
    zone = a_feature(crossing, kind="controlled")
    left, right = an_approval((80.0, 240.0, 130.0, 320.0), id="a"), an_approval((130.0, 240.0, 180.0, 320.0), id="b")

    assert found(tmp_path, zone, left, right).clearance.approvals == ("a", "b")
    assert len(found(tmp_path, zone, left).violations) == 1


def test_an_approval_that_is_not_needed_narrows_nothing(tmp_path):
    zone = a_feature(kind="controlled")
    short = an_approval(id="short", until="2026-11-23T09:40+08:00", ceiling_m=70.0)
    late = an_approval(id="late", **{"from": "2026-11-23T08:55+08:00"})
    clearance = found(tmp_path, zone, short, late, an_approval(id="day")).clearance

    assert clearance.approvals == ("day",)
    assert clearance.not_before == datetime(2026, 11, 23, 8, 0, tzinfo=CITY)
    assert clearance.not_after > datetime(2026, 11, 23, 11, 30, tzinfo=CITY)
    assert clearance.ceiling_agl_m == 120.0


def test_the_widest_of_several_covers_is_relied_on(tmp_path):
    west, east = (80.0, 240.0, 130.0, 320.0), (130.0, 240.0, 180.0, 320.0)
    zone = a_feature((90.0, 250.0, 170.0, 310.0), kind="controlled")
    # One for all of it, and shorter than the two halves; a third half is as short.
    whole = an_approval(id="whole", until="2026-11-23T10:00+08:00")
    halves = [an_approval(west, id="w"), an_approval(east, id="e", until="2026-11-23T11:00+08:00")]
    third = an_approval(east, id="e2", until="2026-11-23T09:50+08:00", **{"from": "2026-11-23T07:00+08:00"})
    clearance = found(tmp_path, zone, whole, *halves, third).clearance

    assert clearance.approvals == ("e", "w")
    assert clearance.not_after > datetime(2026, 11, 23, 10, 30, tzinfo=CITY)


def test_an_approval_that_two_zones_need_is_relied_on_for_both(tmp_path):
    zones = a_feature(kind="controlled"), a_feature((150.0, 180.0, 170.0, 200.0), kind="controlled", name="tower")
    own = an_approval((70.0, 170.0, 130.0, 210.0), id="own")
    both = an_approval(id="both", until="2026-11-23T11:00+08:00")

    assert found(tmp_path, *zones, own, both).clearance.approvals == ("both",)


def test_times_of_zones_count_when_the_widest_cover_is_looked_for(tmp_path):
    # Nobody may fly from 10:00 on: that one approval lasts longer is worth nothing, that another begins earlier is.
    shut = a_feature(name="market", hours="10:00-18:00")
    zone = a_feature((150.0, 180.0, 170.0, 200.0), kind="controlled")
    long = an_approval(id="long", until="2026-11-23T20:00+08:00", **{"from": "2026-11-23T08:50+08:00"})
    early = an_approval(id="early", until="2026-11-23T10:00+08:00", **{"from": "2026-11-23T06:00+08:00"})

    assert found(tmp_path, shut, zone, long, early).clearance.approvals == ("early",)


def test_a_low_approval_for_a_low_part_leaves_a_plan_that_can_be_read(tmp_path):
    low, high = [a_waypoint(100.0, 100.0), a_waypoint(100.0, 300.0)], [a_waypoint(160.0, 300.0, 150.0)]
    items = [*the_items()[:3], *low, *high, a_waypoint(160.0, 100.0, 150.0), ReturnHome()]
    mission = a_mission(items, limits=FlightLimits(max_height_agl_m=150.0))
    near = an_approval((70.0, 170.0, 129.0, 210.0), id="near", ceiling_m=70.0)
    far = [an_approval((-50.0, -50.0, 300.0, 150.0), id="f1", ceiling_m=160.0)]
    far.append(an_approval((110.0, 140.0, 300.0, 400.0), id="f2", ceiling_m=155.0))
    clearance = found(tmp_path, a_feature(kind="controlled"), near, *far, mission=mission).clearance

    assert clearance.approvals == ("f1", "f2", "near")
    assert clearance.ceiling_agl_m == 155.0
    write_plan(tmp_path / "mission.plan", replace(mission, clearance=clearance))
    assert read_mission(tmp_path / "mission.plan").waypoints[2].alt_m == 150.0


@pytest.mark.parametrize(
    "changes",
    [
        {"from": "2026-11-23T09:30+08:00"},
        {"until": "2026-11-23T09:05+08:00"},
        {"ceiling_m": 50.0},
        {"box_en": BESIDE},
        {"box_en": (80.0, 180.0, 120.0, 190.0)},
    ],
)
def test_an_approval_for_another_time_height_or_place_does_not(tmp_path, changes):
    (breach,) = found(tmp_path, a_feature(kind="controlled"), an_approval(**changes)).violations

    assert breach.rule == "approval"


def test_no_approval_opens_a_no_fly_area(tmp_path):
    (breach,) = found(tmp_path, a_feature(), an_approval()).violations

    assert breach.rule == "no-fly area"


def test_above_120_m_all_air_is_controlled(tmp_path):
    high = a_plan(a_square(300.0), altitude_m=150.0, limits=FlightLimits(max_height_agl_m=150.0)).missions[0]
    (breach,) = found(tmp_path, mission=high).violations

    assert breach.rule == "approval"
    assert "150 m true height" in breach.problem
    allowed = found(tmp_path, an_approval((-50.0, -50.0, 500.0, 500.0), ceiling_m=150.0), mission=high)
    assert allowed.clearance.ceiling_agl_m == 150.0
    assert len(found(tmp_path, an_approval((-50.0, -50.0, 500.0, 500.0), ceiling_m=149.0), mission=high).violations)


def test_a_mission_of_many_rows_is_checked_leg_by_leg(tmp_path):
    mission = a_mission([*the_items()])
    zones = [a_feature((155.0, 200.0 + 10 * row, 165.0, 205.0 + 10 * row), name=f"z{row}") for row in range(5)]

    assert len(found(tmp_path, *zones, mission=mission).violations) == 5


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        (a_feature(kind="nofly"), "feature 1 > kind"),
        (a_feature(name=""), "feature 1 > name"),
        (a_feature(hours="8-18"), "hours are written like 08:00-18:00"),
        (a_feature(**{"from": "23.11.2026"}), "feature 1 > from"),
        (a_feature(**{"from": "2026-11-23", "until": "2026-11-20"}), "must not end before it begins"),
        (a_feature(floor_m=50.0, ceiling_m=20.0), "floor_m must be less than ceiling_m"),
        (a_feature(weekdays=["monday"]), "feature 1 > weekdays"),
        (an_approval(until="2026-11-23T12:00"), "say their time zone"),
        (an_approval(ceiling_m=None), "feature 1 > ceiling_m: it is missing"),
        (an_approval(id=" "), "id must not be empty"),
        ({"type": "Feature", "properties": {"kind": "no_fly"}, "geometry": None}, "feature 1: it has no geometry"),
        (
            {**a_feature(), "geometry": {"type": "Point", "coordinates": [118.87, 28.94]}},
            "it is a Point",
        ),
        (
            {
                **a_feature(),
                "geometry": {"type": "Polygon", "coordinates": [[[28, 118], [28, 119], [29, 119], [28, 118]]]},
            },
            "feature 1",
        ),
        (
            {
                **a_feature(),
                "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
            },
            "its outline cannot be used",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_file_feature_and_remedy(tmp_path, feature, said):
    with pytest.raises(InputFileError) as refused:
        the_airspace(tmp_path, feature)

    assert said in str(refused.value)
    assert "airspace.geojson" in str(refused.value)


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        (a_feature(ceilling_m=50.0), "feature 1 > ceilling_m: this is not a property of ours; is ceiling_m meant?"),
        (a_feature(ceiling_ft=150.0), "is ceiling_m meant?"),
        (a_feature(Floor=50.0), "is floor_m meant?"),
        (a_feature(form="2026-11-23"), "is from meant?"),
        (a_feature(untill="2026-11-23"), "is until meant?"),
        (a_feature(hour="08:00-18:00"), "is hours meant?"),
        (a_feature(**{"week-days": "mon"}), "is weekdays meant?"),
        (a_feature(heights_over="msl"), "is heights_above meant?"),
        (an_approval(hours="08:00-10:00"), "feature 1 > hours: approvals have none"),
        (an_approval(floor_m=60.0), "feature 1 > floor_m: approvals have none"),
        (an_approval(floor=60.0), "is floor_m meant?"),
        (a_feature(kind=None, Kind="no_fly"), "is kind meant?"),
        (a_feature(**{"from": 20261123}), "days are written like 2026-11-23, not 20261123"),
        (a_feature(**{"from": True}), "days are written like 2026-11-23"),
        (a_feature(**{"until": "1795400000"}), "days are written like 2026-11-23"),
        (an_approval(until=1795400000), "times are written like 2026-11-23T08:00+08:00"),
        (an_approval(ceiling_m=True), "no number of metres"),
        (a_feature(floor_m=False), "no number of metres"),
        (a_feature(name=True), "feature 1 > name"),
        (an_approval(id=815), "feature 1 > id"),
    ],
)
def test_what_was_meant_to_be_a_property_is_not_passed_over(tmp_path, feature, said):
    with pytest.raises(InputFileError) as refused:
        the_airspace(tmp_path, feature)

    assert said in str(refused.value)
    assert "airspace.geojson" in str(refused.value)


def test_foreign_properties_of_a_layer_are_passed_over(tmp_path):
    foreign = {"OBJECTID": 7, "house": 3, "Shape_Length": 1.5, "name_en": "market", "color": "red", "unit": "m"}

    assert the_airspace(tmp_path, a_feature(**foreign), an_approval(**foreign)).zones[0].name == "market"


def test_a_shapefile_cuts_names_off_and_is_understood(tmp_path):
    import pyogrio.raw

    path = tmp_path / "zones.shp"
    shape = shapely.transform(shapely.box(*OVER_A_ROW), FRAME.lonlat_from_en)
    columns = {"kind": "no_fly", "name": "market", "heights_ab": "msl", "ceiling_m": 125.0}
    pyogrio.raw.write(
        path, np.array([shapely.to_wkb(shape)]), [np.array([value]) for value in columns.values()], [*columns],
        driver="ESRI Shapefile", geometry_type="Polygon", crs="EPSG:4326", encoding="UTF-8",
    )  # fmt: skip

    assert read_airspace([path]).zones[0].heights_above == "msl"


KML = """<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>stadium</name><ExtendedData>
<Data name="kind"><value>no_fly</value></Data><Data name="ceiling_m"><value>60</value></Data></ExtendedData>
<Polygon><outerBoundaryIs><LinearRing><coordinates>118.8,28.9 118.9,28.9 118.9,29 118.8,28.9</coordinates></LinearRing>
</outerBoundaryIs></Polygon></Placemark></Document></kml>"""


def test_zones_of_a_kml_have_its_names_and_their_data_as_texts(tmp_path):
    (tmp_path / "zones.kml").write_text(KML)
    (zone,) = read_airspace([tmp_path / "zones.kml"]).zones

    assert (zone.name, zone.ceiling_m) == ("stadium", 60.0)


@pytest.mark.parametrize(
    ("corners", "said"),
    [
        ([[179, 60], [-179, 60], [-179, 61], [179, 60]], "across the 180° meridian"),
        ([[179, 60], [181, 60], [181, 61], [179, 60]], "longitude 181 lies beyond the 180° meridian"),
    ],
)
def test_a_zone_across_the_180_degrees_meridian_is_refused_and_two_halves_are_not(tmp_path, corners, said):
    zone = a_feature()
    zone["geometry"] = {"type": "Polygon", "coordinates": [corners]}
    with pytest.raises(InputFileError, match=said):
        the_airspace(tmp_path, zone)

    halves = [[[179, 60], [180, 60], [180, 61], [179, 60]]], [[[-180, 60], [-179, 60], [-179, 61], [-180, 60]]]
    zone["geometry"] = {"type": "MultiPolygon", "coordinates": halves}
    assert len(the_airspace(tmp_path, zone).zones) == 1


def test_a_mission_across_the_180_degrees_meridian_does_not_exist():
    items = [
        *the_items()[:3],
        Waypoint(lon=179.999, lat=60.0, alt_m=60.0),
        Waypoint(lon=-179.999, lat=60.0, alt_m=60.0),
        ReturnHome(),
    ]
    with pytest.raises(InvalidMission, match="flies across the 180° meridian"):
        a_mission(items, home=Home(lon=179.998, lat=60.0))


def test_zones_may_come_as_a_geopackage(tmp_path):
    import pyogrio.raw

    path = tmp_path / "zones.gpkg"
    shape = shapely.transform(shapely.box(*OVER_A_ROW), FRAME.lonlat_from_en)
    pyogrio.raw.write(
        path, np.array([shapely.to_wkb(shape)]), [np.array(["no_fly"]), np.array(["market"]), np.array([70.0])],
        ["kind", "name", "ceiling_m"], layer="zones", driver="GPKG", geometry_type="Polygon", crs="EPSG:4326",
    )  # fmt: skip
    (breach,) = check_airspace(a_mission(), read_airspace([path]), NINE).violations

    assert breach.rule == "no-fly area"


def test_a_plan_file_carries_its_clearance(tmp_path):
    clearance = found(tmp_path, a_feature(kind="controlled"), an_approval()).clearance
    path = tmp_path / "mission.plan"
    write_plan(path, replace(a_mission(), clearance=clearance))

    assert read_mission(path).clearance == clearance
    write_plan(path, a_mission())
    assert read_mission(path).clearance is None


def test_a_plan_approved_for_more_than_120_m_is_read_back_and_one_without_is_not(tmp_path):
    high = a_plan(a_square(300.0), altitude_m=150.0, limits=FlightLimits(max_height_agl_m=150.0)).missions[0]
    clearance = found(tmp_path, an_approval((-50.0, -50.0, 500.0, 500.0), ceiling_m=150.0), mission=high).clearance
    path = tmp_path / "mission.plan"
    write_plan(path, replace(high, clearance=clearance))

    assert read_mission(path).waypoints[0].alt_m == 150.0
    write_plan(path, high)
    with pytest.raises(InvalidMission):
        read_mission(path)


@pytest.mark.parametrize(
    "changes",
    [{"notAfter": "soon"}, {"notAfter": "2026-11-23T09:00"}, {"approvals": [7]}, {"ceilingAglM": None}, {"gone": 1}],
)
def test_a_clearance_that_cannot_be_read_is_not_passed_over(tmp_path, changes):
    path = tmp_path / "mission.plan"
    write_plan(path, replace(a_mission(), clearance=found(tmp_path).clearance))
    document = json.loads(path.read_text(encoding="utf-8"))
    told = document["flyonce"]["clearance"] | changes
    document["flyonce"]["clearance"] = {} if "gone" in changes else told
    path.write_text(json.dumps(document), encoding="utf-8")

    with pytest.raises(InputFileError, match=r"flyonce\.clearance"):
        read_mission(path)


def test_a_draft_is_refused_with_its_first_breach(tmp_path):
    violations = found(tmp_path, a_feature()).violations
    path = tmp_path / "mission.draft.geojson"
    write_draft(path, a_mission(), violations)

    with pytest.raises(InputFileError, match=r"draft, not to be flown.*it enters the no-fly area market"):
        read_mission(path)
