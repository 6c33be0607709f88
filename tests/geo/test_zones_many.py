"""Many places at once, each with its error: against a dense Monte Carlo, and against geometry asked pair by pair."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest
import shapely
from geo_builders import LAT, LON, a_fix

from geo.frames import LocalFrame
from geo.position import Fix
from geo.zones import Zone, Zones
from geo.zones.likelihood import likelihoods

FRAME = LocalFrame(lon=LON, lat=LAT)


def a_zone(geometry: shapely.Geometry, code: str = "1", kind: str = "grid", **changes: object) -> Zone:
    values = {"name": code, "properties": {}, "axis": None, "valid_from": None, "valid_to": None}
    return Zone(kind=kind, code=code, geometry=geometry, **(values | changes))


def at_m(geometry: shapely.Geometry) -> shapely.Geometry:
    """A shape in metres around the middle of the tests, in degrees."""
    return shapely.transform(geometry, FRAME.lonlat_from_en)


def there(east_m: float, north_m: float, *, sigma_m: float = 1.5, **changes: Any) -> Fix:
    lon, lat = FRAME.lonlat_from_en((east_m, north_m))[0]
    return a_fix(lon=lon, lat=lat, sigma_m=sigma_m, **changes)


def a_blob(rng: np.random.Generator, east_m: float, north_m: float, radius_m: float, corners: int) -> shapely.Geometry:
    angle = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    radius = radius_m * (0.75 + 0.2 * np.sin(5 * angle + rng.uniform(0, 6)) + rng.uniform(-0.04, 0.04, corners))
    return shapely.Polygon(np.column_stack((east_m + radius * np.cos(angle), north_m + radius * np.sin(angle))))


@pytest.fixture(scope="module")
def city() -> Zones:
    """Blobs that overlap, one with a hole, one in two parts, a strip with long edges, and a large one around all."""
    rng = np.random.default_rng(11)
    shapes = [a_blob(rng, *rng.uniform(-900, 900, 2), rng.uniform(40, 250), 200) for _ in range(60)]
    shapes.append(shapely.difference(shapely.box(-400, -400, 300, 350), shapely.Point(0, 0).buffer(120)))
    shapes.append(shapely.union_all([shapely.box(500, 500, 620, 700), shapely.box(-700, 100, -650, 400)]))
    shapes.append(shapely.LineString([(-1200, -1000), (1200, 1100)]).buffer(4))
    shapes.append(shapely.box(-1300, -1300, 1300, 1300))
    return Zones([a_zone(at_m(shape), str(number)) for number, shape in enumerate(shapes)])


def pairs_of(place: np.ndarray, zone: np.ndarray) -> set[tuple[int, int]]:
    pairs = list(zip(place.tolist(), zone.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    return set(pairs)


def test_the_join_finds_what_geometry_says_of_every_pair(city: Zones) -> None:
    rng = np.random.default_rng(5)
    corners = np.concatenate([shapely.get_coordinates(zone.geometry) for zone in city.all])
    points = np.concatenate((
        FRAME.lonlat_from_en(rng.uniform(-1500, 1500, (4000, 2))),
        corners[rng.choice(len(corners), 1500)],  # on borders, where a rounding would show
        shapely.get_coordinates(city.all[-1].geometry),
    ))  # fmt: skip
    expected = {
        (int(place), number)
        for number, zone in enumerate(city.all)
        for place in np.flatnonzero(shapely.intersects_xy(zone.geometry, *points.T))
    }
    assert pairs_of(*city.at_points(points)) == expected


def test_points_on_the_lines_between_cells_are_found() -> None:
    squares = [
        a_zone(shapely.box(LON + i * 1e-3, LAT + j * 1e-3, LON + (i + 1) * 1e-3, LAT + (j + 1) * 1e-3), f"{i}{j}")
        for i in range(8)
        for j in range(8)
    ]
    zones = Zones(squares)
    steps = np.arange(0, 8.01, 1 / 32) * 1e-3
    points = np.array([(LON + x, LAT + y) for x in steps for y in steps])
    expected = {
        (int(place), number)
        for number, zone in enumerate(squares)
        for place in np.flatnonzero(shapely.intersects_xy(zone.geometry, *points.T))
    }
    assert pairs_of(*zones.at_points(points)) == expected


def test_a_place_that_is_no_number_is_in_no_zone(city: Zones) -> None:
    place, _ = city.at_points([(math.nan, LAT), (LON, math.inf), (2.0, 48.0)])
    assert len(place) == 0


def test_no_zones_and_no_places_are_fine(city: Zones) -> None:
    assert len(Zones().at_points([(LON, LAT)])[0]) == 0
    assert len(city.at_points([])[0]) == 0
    assert city.under_many([]) == []
    assert Zones().under_many([a_fix(), a_fix()]) == [[], []]
    assert Zones().under_many([a_fix()] * 200) == [[]] * 200


def a_covariance(rng: np.random.Generator, largest_m: float, smallest_m: float) -> np.ndarray:
    turn = rng.uniform(0, math.pi)
    axes = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return axes @ np.diag([largest_m**2, smallest_m**2]) @ axes.T


@pytest.mark.parametrize(("largest_m", "smallest_m"), [(1.5, 1.5), (6, 2), (25, 3), (40, 0.4)])
def test_probabilities_are_those_of_a_dense_monte_carlo(city: Zones, largest_m: float, smallest_m: float) -> None:
    rng = np.random.default_rng(3)
    draws = 40_000
    for _ in range(4):
        corners = FRAME.en_from_lonlat(shapely.get_coordinates(city.all[rng.integers(len(city) - 1)].geometry))
        east_m, north_m = corners[rng.integers(len(corners))] + rng.normal(0, largest_m, 2)
        covariance = a_covariance(rng, largest_m, smallest_m)
        hits = city.under(there(east_m, north_m, covariance_m2=tuple(map(tuple, covariance.tolist()))))
        found = {hit.zone.code: hit.probability for hit in hits}
        cloud = FRAME.lonlat_from_en(rng.multivariate_normal((east_m, north_m), covariance, draws))
        for zone in city.all:
            share = float(shapely.intersects_xy(zone.geometry, *cloud.T).mean())
            # Five sigmas of what the draws themselves are unsure of.
            tolerance = 5 * math.sqrt(max(share * (1 - share), 1e-4) / draws)
            assert found.get(zone.code, 0.0) == pytest.approx(share, abs=tolerance if zone.code in found else 0.006)


@pytest.mark.parametrize("beyond_m", [-4.0, -1.0, -0.001, 0.0, 0.3, 2.0])
def test_beside_a_straight_border_it_is_the_normal_tail(beyond_m: float) -> None:
    zones = Zones([a_zone(at_m(shapely.box(-200, -200, 0, 200)))])
    expected = 0.5 * math.erfc(beyond_m / 1.5 / math.sqrt(2))
    hits = zones.under(there(beyond_m, 0, sigma_m=1.5))
    assert hits[0].probability == pytest.approx(expected, abs=1e-6)


def test_the_zones_of_a_city_without_gaps_share_the_place_wholly() -> None:
    cells = [shapely.box(i * 7, j * 5, (i + 1) * 7, (j + 1) * 5) for i in range(-9, 9) for j in range(-12, 12)]
    shapes = np.array([at_m(cell) for cell in cells])
    for largest_m, smallest_m in ((0.5, 0.5), (2, 2), (8, 0.3), (0.002, 0.001)):
        covariance = a_covariance(np.random.default_rng(2), largest_m, smallest_m)
        places = np.tile(FRAME.lonlat_from_en((14.0, 0.4)), (len(shapes), 1))
        shares, _ = likelihoods(shapes, places, np.tile(covariance, (len(shapes), 1, 1)))
        assert shares.sum() == pytest.approx(1.0, abs=2e-5)
        assert (shares > 0.01).sum() > 1


def test_every_zone_that_the_ellipse_touches_is_named_however_thin() -> None:
    ditch = a_zone(at_m(shapely.box(-0.02, -200, 0.02, 200)), "ditch", "permanent_water")
    apart = a_zone(at_m(shapely.box(60, -200, 61, 200)), "apart")
    (hit,) = Zones([ditch, apart]).under(there(8, 0, sigma_m=5))
    assert hit.zone.code == "ditch"
    assert 0 < hit.probability < 0.005


@pytest.mark.parametrize("largest_m", [1.0, 60.0])
def test_many_places_get_what_each_gets_alone(city: Zones, largest_m: float) -> None:
    rng = np.random.default_rng(9)
    fixes = [there(*rng.uniform(-1450, 1450, 2), sigma_m=rng.uniform(0.3, largest_m)) for _ in range(400)]
    fixes[7] = there(0, 200, sigma_m=0)
    together = city.under_many(fixes)
    for fix, hits in zip(fixes, together, strict=True):
        alone = city.under(fix)
        assert [hit.zone.code for hit in hits] == [hit.zone.code for hit in alone]
        assert [hit.probability for hit in hits] == pytest.approx([hit.probability for hit in alone], abs=1e-9)
    assert sum(len(hits) > 1 for hits in together) > 100


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_place_or_an_error_that_is_no_number_is_refused(city: Zones, bad: float) -> None:
    for lonlat, covariance in (((bad, LAT), np.eye(2)), ((LON, LAT), np.full((2, 2), bad))):
        with pytest.raises(ValueError, match="finite"):
            city.under_ellipses([lonlat], [covariance])


def test_only_zones_of_the_day_are_named_among_many() -> None:
    square = at_m(shapely.box(-50, -50, 50, 50))
    notice = a_zone(square, "n", "no_fishing", valid_from=date(2026, 3, 1), valid_to=date(2026, 6, 30))
    zones = Zones([notice, a_zone(square, "g")])
    named = [
        [hit.zone.code for hit in hits] for hits in zones.under_many([a_fix(), a_fix(sigma_m=0)], date(2026, 7, 1))
    ]
    assert named == [["g"], ["g"]]


@pytest.mark.parametrize("sigma_m", [0.0, 2.0])
def test_of_two_as_likely_the_smaller_then_the_code_goes_first_whatever_the_file_order(sigma_m: float) -> None:
    west, east = (at_m(shapely.box(*bounds)) for bounds in ((-100, -50, 0, 50), (0, -50, 100, 50)))
    around = a_zone(at_m(shapely.box(-500, -500, 500, 500)), "0", "district")
    on_the_border = a_fix(0, 0, sigma_m=sigma_m)
    for zones in ([a_zone(west, "2"), a_zone(east, "1"), around], [around, a_zone(east, "1"), a_zone(west, "2")]):
        hits = Zones(zones).under(on_the_border)
        assert [hit.zone.code for hit in hits] == (["1", "2", "0"] if sigma_m == 0 else ["0", "1", "2"])
        assert [hit.probability for hit in hits] == pytest.approx([1, 1, 1] if sigma_m == 0 else [1, 0.5, 0.5])
