"""What must hold for every area, on a seeded hundred; `benchmarks/planning.py --random 500` tries more of them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from flight_builders import CAMERA, FRAME, an_area, lonlat, what_is_seen
from random_areas import random_areas
from shapely.geometry import LineString

from flightplan.coverage.survey import plan_coverage

HOW_MANY = 100
GROUPS = 5
HEIGHT_M = 80.0
OVERLAPS = ((0.7, 0.6), (0.7, 0.3), (0.5, 0.1), (0.8, 0.7))
# Left between two no-fly areas, this is not worth a flight; the planner says that it left it out.
WORTH_A_PHOTO_M2 = 1.0


def planned(random_area, number):
    _, low, _, high = random_area.area.bounds
    east = max(part.bounds[2] for part in (random_area.area, *random_area.no_fly))
    return plan_coverage(
        an_area(random_area.area),
        CAMERA,
        HEIGHT_M,
        *OVERLAPS[number % len(OVERLAPS)],
        home_lonlat=lonlat(east + 30.0, (low + high) / 2),
        no_fly=[shapely.transform(place, FRAME.lonlat_from_en) for place in random_area.no_fly],
    )


def share_seen(plan, wanted):
    parts = [part for part in shapely.get_parts(wanted) if part.area >= WORTH_A_PHOTO_M2]
    seen = [what_is_seen(plan, part, HEIGHT_M, samples=1_500).once for part in parts]
    # A part narrower than the samples' distance has none.
    known = [(part.area, one) for part, one in zip(parts, seen, strict=True) if not np.isnan(one)]
    return sum(area * one for area, one in known) / sum(area for area, _ in known)


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
@pytest.mark.parametrize("group", range(GROUPS))
def test_whatever_the_area_all_of_it_is_seen_and_nothing_forbidden_is_entered(group):
    areas = random_areas(HOW_MANY)
    for number in range(group, HOW_MANY, GROUPS):
        area = areas[number]
        plan = planned(area, number)
        paths = [LineString(FRAME.en_from_lonlat(np.array(mission.path_lonlat()))) for mission in plan.missions]

        assert sum(path.intersection(area.forbidden).length for path in paths) == 0.0, (number, area.kind)
        if plan.left_out_m2 <= area.area.area - area.wanted.area + WORTH_A_PHOTO_M2:
            assert share_seen(plan, area.wanted) >= 0.999, (number, area.kind)
        assert plan.coverage.seen_once >= 0.999, (number, area.kind)


def test_the_same_random_areas_give_the_same_plans():
    again = random_areas(12)

    for number, area in enumerate(random_areas(12)):
        assert planned(area, number).missions == planned(again[number], number).missions
