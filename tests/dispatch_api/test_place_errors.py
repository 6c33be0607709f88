"""The error of a place as it is shown: the same whether it is reckoned alone or with a thousand others."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from dispatch_api.cases.features import errors_of


def some_rows(count: int):
    rng = np.random.default_rng(7)
    for _ in range(count):
        root = rng.normal(size=(2, 2)) * rng.uniform(0.1, 30.0)
        ((ee, en), (_, nn)) = (root @ root.T + 1e-4 * np.eye(2)).tolist()
        lon, lat = rng.uniform(-179, 179), rng.uniform(-80, 80)
        yield SimpleNamespace(
            lon=float(lon),
            lat=float(lat),
            cov_ee_m2=ee,
            cov_en_m2=en,
            cov_nn_m2=nn,
            footprint=None,
            first_seen_at=None,
            last_seen_at=None,
        )


def test_one_place_has_the_error_that_it_has_among_many():
    rows = list(some_rows(300))
    for row, among in zip(rows, errors_of(rows), strict=True):
        (alone,) = errors_of([row])
        assert alone.sigma["major_m"] == pytest.approx(among.sigma["major_m"], abs=0.0011)
        assert alone.sigma["minor_m"] == pytest.approx(among.sigma["minor_m"], abs=0.0011)
        turned = abs(alone.sigma["azimuth_deg"] - among.sigma["azimuth_deg"]) % 180.0
        assert min(turned, 180.0 - turned) <= 0.11
        ring, other = (np.array(one.ellipse95["coordinates"][0]) for one in (alone, among))
        assert ring.shape == (37, 2)
        assert alone.ellipse95["coordinates"][0][0] == alone.ellipse95["coordinates"][0][-1]
        np.testing.assert_allclose(ring, other, atol=2.1e-8)


def test_rings_that_stay_arrays_hold_the_same():
    rows = list(some_rows(20))
    for kept, listed in zip(errors_of(rows, for_orjson=True), errors_of(rows), strict=True):
        assert kept.sigma == listed.sigma
        assert kept.ellipse95["coordinates"][0].tolist() == listed.ellipse95["coordinates"][0]
