"""Zones with dates hold on the city's days: a ban that begins on 1 March begins at its midnight, not at eight."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import shapely

from flyonce.city_time import city_day
from flyonce.context import GroundContext
from flyonce.evidence_shelf import EvidenceShelf
from flyonce.looks import Shot
from flyonce.picture_masks import Masks
from flyonce.recording import Recorder
from flyonce.rules_file import load_interpretation
from geo.camera import camera_by_name
from geo.ground import FlatGround
from geo.identity import Thing
from geo.pose import Pose, PoseSigmas
from geo.position import Fix
from geo.sighting import Sighting
from geo.zones import Zone, Zones

CHINA = ZoneInfo("Asia/Shanghai")
LON, LAT = 118.87, 28.95
SQUARE = shapely.box(LON - 1e-3, LAT - 1e-3, LON + 1e-3, LAT + 1e-3)
EARLY_ON_1_MARCH = datetime(2026, 2, 28, 22, 30, tzinfo=UTC)  # half past six in the morning in China
LATE_ON_30_JUNE = datetime(2026, 6, 30, 15, 59, tzinfo=UTC)
EARLY_ON_1_JULY = datetime(2026, 6, 30, 16, 1, tzinfo=UTC)
BAN = {"valid_from": date(2026, 3, 1), "valid_to": date(2026, 6, 30)}


def a_zone(kind: str = "no_fishing", **changes: Any) -> Zone:
    values: dict[str, Any] = {"code": "Z", "name": "Z", "properties": {}, "geometry": SQUARE, "axis": None}
    return Zone(kind=kind, **(values | {"valid_from": None, "valid_to": None} | changes))


def a_fix() -> Fix:
    return Fix(
        lon=LON, lat=LAT, alt_m=0.0, covariance_m2=((1.0, 0.0), (0.0, 1.0)), height_source="t", yaw_source="gimbal"
    )


def an_angler(seen_at: datetime | None) -> Thing:
    sighting = Sighting(label="person", confidence=0.9, fix=a_fix(), source="a", seen_at=seen_at)
    return Thing(
        thing_id=1, label="person", fix=a_fix(), confidence=0.9, sightings=(sighting,), first_seen_at=seen_at,
        last_seen_at=seen_at, footprint_lonlat=None, area_m2=None,
    )  # fmt: skip


def test_the_citys_day_is_not_that_of_utc() -> None:
    assert city_day(EARLY_ON_1_MARCH, CHINA) == date(2026, 3, 1)
    assert city_day(EARLY_ON_1_MARCH, None) == date(2026, 2, 28)


@pytest.mark.parametrize(
    ("seen_at", "holds"),
    [(EARLY_ON_1_MARCH, True), (LATE_ON_30_JUNE, True), (EARLY_ON_1_JULY, False), (None, True)],
)
def test_rules_see_a_notice_on_its_days_only(seen_at: datetime | None, holds: bool) -> None:
    context = GroundContext(Zones([a_zone(**BAN)]), time_zone=CHINA)
    around = context.around(LON, LAT, None, seen_at=seen_at)
    assert around.inside_m == ({"no_fishing": 0.0} if holds else {})
    assert set(around.edge_m) == set(around.inside_m)
    assert context.mapped_kinds == ("no_fishing",)


def test_what_holds_always_is_there_beside_what_has_ended() -> None:
    beside = shapely.box(LON + 0.01, LAT - 1e-3, LON + 0.012, LAT + 1e-3)
    context = GroundContext(Zones([a_zone(**BAN), a_zone(geometry=beside)]), time_zone=CHINA)
    assert context.around(LON, LAT, None, seen_at=LATE_ON_30_JUNE).inside_m["no_fishing"] == 0
    later = context.around(LON, LAT, None, seen_at=EARLY_ON_1_JULY).inside_m["no_fishing"]
    assert later == pytest.approx(0.01 * 111_320 * 0.875, rel=0.01)


@pytest.mark.parametrize(("seen_at", "holds"), [(EARLY_ON_1_MARCH, True), (EARLY_ON_1_JULY, False)])
def test_an_observation_names_the_zones_of_the_citys_day(seen_at: datetime, holds: bool) -> None:
    rules = load_interpretation()
    recorder = Recorder(
        intake=None,  # type: ignore[arg-type]  # nothing is recorded
        zones=Zones([a_zone(**BAN)]),
        flight_id="F",
        shelf=EvidenceShelf(None),  # type: ignore[arg-type]  # nothing is shown
        received_at=seen_at,
        time_zone=CHINA,
    )
    seen = recorder.observed(an_angler(seen_at), rules.rules[0], beside=(), offset_m=(0.0, 0.0))
    assert [zone.kind for zone in seen.zones] == (["no_fishing"] if holds else [])


def a_shot(taken_at: datetime | None, *flags: str) -> Shot:
    exact = PoseSigmas(east_m=0.01, north_m=0.01, height_m=0.01, heading_deg=0.01, pitch_deg=0.01, roll_deg=0.01)
    pose = Pose(
        at=datetime(2026, 7, 1, tzinfo=UTC), lon=LON, lat=LAT, alt_m=60.0, alt_datum="home", heading_deg=0.0,
        pitch_deg=-90.0, roll_deg=0.0, sigmas=exact,
    )  # fmt: skip
    camera = replace(camera_by_name("generic-84dfov").filming((1920, 1080)), focal_sigma_ratio=1e-4)
    return Shot(pose=pose, camera=camera, taken_at=taken_at, clock_s=0.0, size_wh_px=(1920, 1080), flags=flags)


@pytest.mark.parametrize(
    ("shot", "masked"),
    [
        (a_shot(LATE_ON_30_JUNE), True),
        (a_shot(EARLY_ON_1_JULY), False),
        (a_shot(None), True),
        # A clock without a zone: half past six in the evening of 30 June, as the city's people read it.
        (a_shot(datetime(2026, 6, 30, 18, 30, tzinfo=UTC), "time_zone_unknown"), True),
        (a_shot(datetime(2026, 7, 1, 0, 30, tzinfo=UTC), "time_zone_unknown"), False),
    ],
)
def test_ground_deceives_in_pictures_of_its_days_only(shot: Shot, masked: bool) -> None:
    masks = Masks(Zones([a_zone("false_alarm_mask", **BAN)]), load_interpretation(), FlatGround(), time_zone=CHINA)
    assert bool(masks.of(shot)) is masked
