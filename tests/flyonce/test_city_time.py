"""A time without a zone is the city's: what flew at ten in the morning was not there at six in the evening."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from flyonce.city_time import in_city_time
from flyonce.looks import OriginalFile, Prepared, Shot
from vision.frame import Frame
from vision.pixels import ArrayPixels

TEN = datetime(2026, 7, 1, 10, tzinfo=UTC)
TWO = datetime(2026, 7, 1, 2, tzinfo=UTC)
CITY = ZoneInfo("Asia/Shanghai")


def a_picture(*, taken_at, flags=("time_zone_unknown",), captured_at=None) -> Prepared:
    image = np.zeros((4, 6, 3), np.uint8)
    return Prepared(
        key="a",
        name="a",
        frame=Frame(pixels=ArrayPixels(image), captured_at=captured_at, source="a", index=0, sha256="0" * 64),
        shot=Shot(pose=None, camera=None, taken_at=taken_at, clock_s=5.0, size_wh_px=(6, 4), flags=flags),
        original=OriginalFile(path=Path("a.jpg"), sha256="0" * 64),
    )


def times(*pictures, zone=CITY):
    return [picture.shot.taken_at for picture in in_city_time(pictures, zone)]


def test_a_time_without_a_zone_is_the_citys_and_stays_aware_utc():
    (taken_at,) = times(a_picture(taken_at=TEN))
    assert taken_at == TWO
    assert taken_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("picture", "zone"),
    [
        (a_picture(taken_at=TEN, flags=("no_gps",)), CITY),
        (a_picture(taken_at=TEN, captured_at=TEN), CITY),
        (a_picture(taken_at=None), CITY),
        (a_picture(taken_at=TEN), None),
    ],
)
def test_what_is_told_with_a_zone_or_not_at_all_stays(picture, zone):
    assert list(in_city_time([picture], zone)) == [picture]


def test_the_clock_that_stays_are_measured_on_does_not_move():
    (moved,) = in_city_time([a_picture(taken_at=TEN)], CITY)
    assert moved.shot.clock_s == 5.0
