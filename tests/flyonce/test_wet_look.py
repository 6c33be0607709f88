"""What only looks wet: each doubt for itself, on outlines made for it."""

from __future__ import annotations

import math

import numpy as np

from flyonce.rules import WetLook
from flyonce.rules_file import load_interpretation
from flyonce.wet_look import doubts
from geo.identity import Thing
from geo.position import Fix
from geo.sighting import Sighting

LON, LAT = 118.87, 28.95
FIGURES = load_interpretation().wet_look


def ring(corners_m):
    return tuple((LON + e / (111_320 * math.cos(math.radians(LAT))), LAT + n / 110_790) for e, n in corners_m)


def box(width_m, height_m, *, east_m=0.0, north_m=0.0):
    dx, dy = width_m / 2, height_m / 2
    return [(east_m + x, north_m + y) for x, y in ((-dx, -dy), (dx, -dy), (dx, dy), (-dx, dy))]


def water(outlines, *, confidence=0.9, label="standing_water", flags=()):
    fix = Fix(
        lon=LON, lat=LAT, alt_m=0.0, covariance_m2=((1.0, 0.0), (0.0, 1.0)), height_source="t", yaw_source="gimbal",
        flags=flags,
    )  # fmt: skip
    sightings = tuple(
        Sighting(label=label, confidence=confidence, fix=fix, source=str(i), footprint_lonlat=ring(outline))
        for i, outline in enumerate(outlines)
    )
    return Thing(
        thing_id=1, label=label, fix=fix, confidence=confidence, sightings=sightings, first_seen_at=None,
        last_seen_at=None, footprint_lonlat=sightings[0].footprint_lonlat, area_m2=10.0,
    )  # fmt: skip


def test_a_puddle_that_lies_still_is_not_doubted():
    wobbling = [box(4, 3, east_m=e, north_m=n) for e, n in ((0, 0), (0.8, -0.5), (-0.6, 0.9))]
    assert doubts(water(wobbling), hits=3, looks=3, figures=FIGURES) == ()


def test_weak_thin_unsteady_and_missing_water_are_doubts():
    assert doubts(water([box(4, 3)] * 3, confidence=0.5), hits=3, looks=3, figures=FIGURES) == ("weak",)
    assert doubts(water([box(20, 0.4)] * 3), hits=3, looks=3, figures=FIGURES) == ("thin",)
    wandering = [box(9, 1.5), box(1.5, 9), [(0, 0), (12, 1), (12, 2), (0, 1)]]
    assert doubts(water(wandering), hits=3, looks=3, figures=FIGURES) == ("unsteady",)
    assert doubts(water([box(4, 3)] * 3), hits=4, looks=6, figures=FIGURES) == ("missing",)


def test_a_sliver_along_a_shore_that_is_weak_too_has_doubts_enough_to_be_dropped():
    found = doubts(water([box(30, 0.5)] * 3, confidence=0.5), hits=3, looks=3, figures=FIGURES)
    assert len(found) >= FIGURES.drop_at


def test_parts_cut_off_by_the_pictures_edge_do_not_make_an_outline_unsteady():
    whole = water([box(6, 4), box(6, 4)])
    cut = water([box(1, 4, east_m=2)], flags=("cut_by_edge",))
    both = Thing(**{**vars(whole), "sightings": whole.sightings + cut.sightings})
    assert doubts(both, hits=3, looks=3, figures=FIGURES) == ()


def test_other_labels_are_never_doubted():
    assert doubts(water([box(20, 0.2)], confidence=0.1, label="waste"), hits=1, looks=9, figures=FIGURES) == ()
    assert doubts(water([box(20, 0.2)], confidence=0.1), hits=1, looks=9, figures=WetLook()) == ()


def test_many_looks_are_judged_by_some_of_them():
    rng = np.random.default_rng(1)
    many = [box(4, 3, east_m=rng.normal(0, 0.5), north_m=rng.normal(0, 0.5)) for _ in range(500)]
    assert doubts(water(many), hits=500, looks=500, figures=FIGURES) == ()
