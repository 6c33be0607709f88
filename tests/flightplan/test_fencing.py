"""Fences round planned missions, and drafts of those that may not be flown."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import shapely
from flight_builders import FRAME, a_mission, a_plan, an_area

from flightplan.files.draft import why_draft, write_draft
from flightplan.mission.limits import FlightLimits, VehicleStore, Violation
from flightplan.rules.fencing import fence_round


def metres(ring):
    return shapely.Polygon(FRAME.en_from_lonlat(np.array(ring)))


def path_of(mission):
    return shapely.LineString(FRAME.en_from_lonlat(np.array(mission.path_lonlat())))


def test_the_path_and_every_straight_way_home_stay_inside():
    mission = a_plan(an_area(shapely.Polygon([(50, 50), (700, 50), (700, 200), (200, 200), (200, 600), (50, 600)])))
    mission = mission.missions[0]
    fence = fence_round(mission)

    (outer,) = fence.inside
    hull = path_of(mission).convex_hull
    assert metres(outer).buffer(-10.0).covers(hull)
    assert metres(outer).buffer(-60.0).area < hull.area
    # The mission's own rule agrees.
    assert replace(mission, fence=fence).fence is fence


def test_places_to_keep_out_of_become_rings_that_leave_the_path_its_margin():
    area = shapely.Polygon(
        [(50, 50), (650, 50), (650, 650), (50, 650)], [[(300, 300), (420, 300), (420, 420), (300, 420)]]
    )
    mission = a_plan(an_area(area), hole_clearance_m=3.0).missions[0]
    hole = shapely.transform(shapely.box(300, 300, 420, 420), FRAME.lonlat_from_en)
    far = shapely.transform(shapely.box(3_000, 3_000, 3_100, 3_100), FRAME.lonlat_from_en)
    fence = fence_round(mission, [hole, far])

    (ring,) = fence.outside
    shut = metres(ring)
    assert shut.distance(path_of(mission)) >= mission.limits.fence_margin_m - 0.01
    assert shut.area > 0.9 * 120**2
    assert replace(mission, fence=fence).fence is fence


def test_round_places_are_drawn_simpler_and_those_without_room_left_out():
    area = shapely.Polygon(shapely.box(50, 50, 900, 900).exterior, [shapely.Point(500, 500).buffer(90).exterior])
    limits = FlightLimits(store=VehicleStore(items=700, fence_corners=24, rally_points=0))
    mission = a_plan(an_area(area), hole_clearance_m=20.0, limits=limits).missions[0]
    circle = shapely.transform(shapely.Point(500, 500).buffer(90), FRAME.lonlat_from_en)
    fence = fence_round(mission, [circle])

    assert fence.corners <= 24
    assert len(fence.outside) == 1
    assert replace(mission, fence=fence).fence is fence
    few = replace(mission, limits=replace(limits, store=VehicleStore(items=700, fence_corners=9, rally_points=0)))
    assert fence_round(few, [circle]).outside == ()


def test_a_draft_names_every_breach_and_is_no_mission(tmp_path):
    breach = Violation(rule="approval", place="leg to item 4", problem="no approval covers it", remedy="Apply")
    path = tmp_path / "mission.draft.geojson"
    write_draft(path, a_mission(), [breach, breach])

    (feature,) = json.loads(path.read_text(encoding="utf-8"))["features"]
    assert feature["properties"]["not_to_be_flown"] is True
    assert len(feature["properties"]["violations"]) == 2
    assert feature["geometry"]["coordinates"] == [list(point) for point in a_mission().path_lonlat()]
    assert why_draft(path) == "leg to item 4: no approval covers it"
    with pytest.raises(ValueError, match="draft"):
        write_draft(tmp_path / "mission.plan", a_mission(), [breach])
    with pytest.raises(ValueError, match="no draft"):
        write_draft(path, a_mission(), [])
