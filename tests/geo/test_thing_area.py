"""A thing's area and how far it may be off: errors of one flight's pictures do not average out."""

from __future__ import annotations

import math

import pytest
from geo_builders import a_fix, a_sighting, a_square

from geo.identity import Grouper, IdentityRules, Thing
from geo.sighting import CUT_BY_EDGE, Sighting


def the_thing(*sightings) -> Thing:
    grouper = Grouper(rules=IdentityRules())
    for sighting in sightings:
        grouper.add(sighting)
    grouper.merge_pass()
    (thing,) = grouper.things()
    return thing


def a_puddle(source, side_m, sigma_m2, **changes):
    return a_sighting(
        source=source,
        footprint_lonlat=a_square(0, 0, side_m),
        area_m2=side_m**2,
        area_sigma_m2=sigma_m2,
        **changes,
    )


def test_the_area_comes_with_the_error_of_the_outline_that_is_shown() -> None:
    thing = the_thing(a_puddle("1", 4.99, 2.0), a_puddle("2", 5.0, 1.0), a_puddle("3", 5.01, 3.0))
    assert (thing.area_m2, thing.area_sigma_m2) == (pytest.approx(25.0, rel=0.01), pytest.approx(1.0, rel=0.02))


def test_outlines_that_differ_make_the_area_less_sure_but_a_single_stray_one_does_not() -> None:
    sides = (4.6, 4.8, 5.0, 5.2, 5.4)
    scattered = the_thing(*(a_puddle(str(n), side, 0.5) for n, side in enumerate(sides)))
    # 21.2, 23.0, 25.0, 27.0, 29.2: half of them lie within 2 of the middle one.
    assert scattered.area_sigma_m2 == pytest.approx(math.hypot(0.5, 2.0 / 0.6745), rel=0.05)
    stray = the_thing(*(a_puddle(str(n), side, 0.5) for n, side in enumerate((5.0, 5.0, 5.0, 5.0, 7.0))))
    assert stray.area_sigma_m2 == pytest.approx(0.5, rel=0.01)
    two = the_thing(a_puddle("1", 3.0, 0.1), a_puddle("2", 5.0, 0.1))
    assert two.area_sigma_m2 == pytest.approx(8.0 / 0.6745, rel=0.05)


def test_many_pictures_of_one_flight_are_no_surer_than_one() -> None:
    thing = the_thing(*(a_puddle(str(n), 5.0, 2.0) for n in range(20)))
    assert thing.area_sigma_m2 == pytest.approx(2.0)


def test_parts_put_together_are_off_together() -> None:
    def a_part(source: str, east_m: float, north_m: float) -> Sighting:
        square = a_square(east_m, north_m, 50)
        return a_sighting(east_m, north_m, source=source, footprint_lonlat=square, area_m2=2500.0, area_sigma_m2=250.0)

    middles = ((0, 0), (30, 0), (-30, 0), (0, 30), (0, -30))
    thing = the_thing(*(a_part(str(n), east, north) for n, (east, north) in enumerate(middles)))
    assert thing.area_m2 == pytest.approx(50 * 50 + 4 * 30 * 50, rel=0.02)
    assert thing.area_sigma_m2 == pytest.approx(0.1 * thing.area_m2, rel=0.01)


@pytest.mark.parametrize("side_m", [4.0, 5.0])
def test_where_no_picture_tells_the_error_it_stays_unknown(side_m: float) -> None:
    assert the_thing(a_puddle("1", side_m, None)).area_sigma_m2 is None
    assert the_thing(a_sighting()).area_sigma_m2 is None


def test_how_much_of_a_cut_thing_lies_beyond_the_edge_nobody_knows() -> None:
    cut = a_puddle("1", 4.0, 2.0, fix=a_fix(flags=(CUT_BY_EDGE,)))
    thing = the_thing(cut)
    assert (thing.area_m2, thing.area_sigma_m2) == (pytest.approx(16.0, rel=0.01), None)
    whole = a_puddle("2", 5.0, 1.0)
    assert the_thing(cut, whole).area_sigma_m2 == pytest.approx(1.0)


@pytest.mark.parametrize(("area_m2", "sigma_m2"), [(None, 1.0), (4.0, -1.0), (4.0, float("inf"))])
def test_an_error_of_no_area_or_no_number_is_refused(area_m2: float | None, sigma_m2: float) -> None:
    with pytest.raises(ValueError, match="error of a sighting's area"):
        a_sighting(area_m2=area_m2, area_sigma_m2=sigma_m2)
