from __future__ import annotations

import numpy as np
import prcoords
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Geod

from geo import crs_cn

GEOD = Geod(ellps="WGS84")
# Two roundings of a double near 137 degrees: 2 x 2.8e-14 degrees are 6 nm; more would be an inverse that is not exact.
ROUNDING_M = 1.5e-8

CHINA = st.tuples(st.floats(73.0, 135.5), st.floats(3.5, 53.5))


def places(count: int = 4000) -> np.ndarray:
    rng = np.random.default_rng(7)
    return np.column_stack((rng.uniform(73.0, 135.5, count), rng.uniform(3.5, 53.5, count)))


def apart_m(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Metres by degrees: geodesics themselves are only good to a nanometre or ten."""
    scale = np.column_stack((111_320 * np.cos(np.radians(a[:, 1])), np.full(len(a), 111_320.0)))
    return np.linalg.norm((a - b) * scale, axis=1)


def lonlat_of(coords: prcoords.Coords) -> tuple[float, float]:
    return coords.lon, coords.lat


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (crs_cn.gcj02_from_wgs84, prcoords.wgs_gcj),
        (crs_cn.bd09_from_gcj02, prcoords.gcj_bd),
        (crs_cn.bd09_from_wgs84, prcoords.wgs_bd),
    ],
)
def test_the_shifts_agree_with_an_independent_library(ours, theirs) -> None:
    lonlat = places(500)
    expected = np.array([lonlat_of(theirs((lat, lon))) for lon, lat in lonlat])
    assert apart_m(ours(lonlat), expected).max() < 1e-6


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (crs_cn.wgs84_from_gcj02, prcoords.gcj_wgs_bored),
        (crs_cn.gcj02_from_bd09, prcoords.bd_gcj_bored),
        (crs_cn.wgs84_from_bd09, prcoords.bd_wgs_bored),
    ],
)
def test_the_inverses_agree_with_an_independent_library(ours, theirs, monkeypatch) -> None:
    # Left alone, the library stops searching once a step is shorter than a metre.
    monkeypatch.setattr(prcoords, "PRC_EPS", 1e-13)
    lonlat = places(300)
    expected = np.array([lonlat_of(theirs((lat, lon))) for lon, lat in lonlat])
    assert apart_m(ours(lonlat), expected).max() < 1e-6


@pytest.mark.parametrize(
    ("there", "back"),
    [
        (crs_cn.gcj02_from_wgs84, crs_cn.wgs84_from_gcj02),
        (crs_cn.bd09_from_gcj02, crs_cn.gcj02_from_bd09),
        (crs_cn.bd09_from_wgs84, crs_cn.wgs84_from_bd09),
    ],
)
def test_the_way_there_and_back_is_exact_to_rounding(there, back) -> None:
    lonlat = places()
    away = there(lonlat)
    assert np.median(apart_m(away, lonlat)) > 100
    assert apart_m(back(away), lonlat).max() < ROUNDING_M
    assert apart_m(there(back(lonlat)), lonlat).max() < ROUNDING_M


@given(CHINA)
def test_any_place_comes_back(place: tuple[float, float]) -> None:
    lonlat = np.array([place])
    # A root of the longitude's distance from 105 degrees makes the last nanometre there unsure by a ten-thousandth.
    assert apart_m(crs_cn.wgs84_from_gcj02(crs_cn.gcj02_from_wgs84(lonlat)), lonlat)[0] < 1e-6
    assert apart_m(crs_cn.wgs84_from_bd09(crs_cn.bd09_from_wgs84(lonlat)), lonlat)[0] < 1e-6


@pytest.mark.parametrize("place", [(2.35, 48.86), (-0.14, 50.82), (71.9, 40.0), (120.0, 56.0), (120.0, 0.5)])
def test_outside_china_nothing_is_shifted(place: tuple[float, float]) -> None:
    for convert in (crs_cn.gcj02_from_wgs84, crs_cn.wgs84_from_gcj02, crs_cn.bd09_from_wgs84, crs_cn.wgs84_from_bd09):
        assert convert(place).tolist() == [list(place)]


def test_a_known_place_is_shifted_as_maps_show_it() -> None:
    shifted = crs_cn.gcj02_from_wgs84((116.3913, 39.9075))[0]
    assert GEOD.inv(116.3913, 39.9075, *shifted)[2] == pytest.approx(555, abs=5)
    assert shifted[0] > 116.3913


@pytest.mark.parametrize(
    ("lon", "width_deg", "zone_prefix", "epsg"),
    [
        (75.0, 3, True, 4513),
        (120.15, 3, True, 4528),
        (120.15, 3, False, 4549),
        (135.0, 3, False, 4554),
        (118.49, 3, False, 4548),
        (118.5, 3, False, 4549),
        (120.0, 6, False, 4510),
        (119.99, 6, False, 4509),
        (75.0, 6, True, 4491),
    ],
)
def test_a_longitude_has_its_zone(lon: float, width_deg: int, zone_prefix: bool, epsg: int) -> None:
    assert crs_cn.gauss_kruger_epsg(lon, width_deg=width_deg, zone_prefix=zone_prefix) == epsg


@pytest.mark.parametrize(("width_deg", "zone_prefix"), [(3, True), (3, False), (6, True), (6, False)])
def test_every_zone_is_the_one_that_the_register_names(width_deg: int, zone_prefix: bool) -> None:
    for lon in np.arange(75.0, 136.0, width_deg):
        epsg = crs_cn.gauss_kruger_epsg(lon, width_deg=width_deg, zone_prefix=zone_prefix)
        grid = CRS.from_epsg(epsg)
        meridian = next(value.value for value in grid.coordinate_operation.params if "Longitude" in value.name)
        east_m = next(value.value for value in grid.coordinate_operation.params if "easting" in value.name)
        number = round(meridian / 3) if width_deg == 3 else round((meridian + 3) / 6)
        assert abs(meridian - lon) <= width_deg / 2
        assert east_m == (number * 1_000_000 + 500_000 if zone_prefix else 500_000)


def test_the_grids_go_both_ways() -> None:
    lonlat = places(300)
    for zone_prefix in (True, False):
        epsg = [crs_cn.gauss_kruger_epsg(lon, zone_prefix=zone_prefix) for lon in np.clip(lonlat[:, 0], 75, 135)]
        for place, code in zip(lonlat, epsg, strict=True):
            back = crs_cn.lonlat_from_grid(crs_cn.grid_from_lonlat(place, code), code)
            assert apart_m(back, place[None])[0] < 1e-7


def test_the_middle_of_a_zone_has_the_easting_of_its_middle() -> None:
    assert crs_cn.grid_from_lonlat((120.0, 30.0), 4549)[0, 0] == pytest.approx(500_000, abs=1e-6)
    assert crs_cn.grid_from_lonlat((120.0, 30.0), 4528)[0, 0] == pytest.approx(40_500_000, abs=1e-6)
    assert crs_cn.epsg_of_prefixed_easting(40_512_345.6) == 4528
    assert crs_cn.epsg_of_prefixed_easting(512_345.6) is None


@pytest.mark.parametrize(("lon", "width_deg"), [(2.0, 3), (140.0, 3), (140.0, 6), (120.0, 4)])
def test_a_place_without_a_zone_is_refused(lon: float, width_deg: int) -> None:
    with pytest.raises(ValueError, match="zone"):
        crs_cn.gauss_kruger_epsg(lon, width_deg=width_deg)


@pytest.mark.parametrize("epsg", [4490, 32651, 4326])
def test_what_is_no_chinese_grid_is_refused(epsg: int) -> None:
    with pytest.raises(ValueError, match="no projected grid"):
        crs_cn.grid_from_lonlat((120.0, 30.0), epsg)
