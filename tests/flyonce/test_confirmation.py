from __future__ import annotations

import numpy as np
import pytest

from flyonce.confirmation import LookLedger, Verdict, verdict
from flyonce.rules import Confirmation

TWO_OF_THREE = Confirmation(min_frames=2, min_hit_share=0.34)


@pytest.mark.parametrize(
    ("hits", "looks", "expected"),
    [
        (2, 2, Verdict.CONFIRMED),
        (2, 5, Verdict.CONFIRMED),
        (2, 6, Verdict.NOT_SEEN_AGAIN),
        (1, 3, Verdict.NOT_SEEN_AGAIN),
        (1, 1, Verdict.TOO_FEW_LOOKS),
        (1, 2, Verdict.TOO_FEW_LOOKS),
        (3, 0, Verdict.CONFIRMED),
    ],
)
def test_a_thing_counts_when_enough_of_the_looks_found_it(hits, looks, expected):
    assert verdict(hits=hits, looks=looks, needed=TWO_OF_THREE) is expected


def test_what_is_found_often_but_not_often_enough_goes_to_a_person():
    water = Confirmation(min_frames=3, min_hit_share=0.6)
    assert verdict(hits=2, looks=3, needed=water) is Verdict.TOO_FEW_LOOKS
    assert verdict(hits=1, looks=3, needed=water) is Verdict.NOT_SEEN_AGAIN
    assert verdict(hits=3, looks=4, needed=water) is Verdict.CONFIRMED


def test_only_the_middle_of_a_picture_counts_as_a_look():
    ledger = LookLedger()
    corners = np.array([[120.0, 30.0], [120.001, 30.0], [120.001, 30.001], [120.0, 30.001]])
    ledger.add(corners, key="a.jpg", clock_s=5.0)
    assert [look.key for look in ledger.looks_at(120.0005, 30.0005)] == ["a.jpg"]
    assert ledger.looks_at(120.00001, 30.0005) == ()
    assert ledger.looks_at(121.0, 30.0005) == ()
    assert ledger.clock_of("a.jpg") == 5.0


def test_a_ledger_of_many_pictures_finds_each_of_them_again():
    ledger = LookLedger()
    square = np.array([[0.0, 0.0], [0.001, 0.0], [0.001, 0.001], [0.0, 0.001]])
    for number in range(200):
        ledger.add(square + np.array([120 + number * 0.002, 30.0]), key=str(number), clock_s=float(number))
    for number in (0, 63, 64, 199):
        assert [look.key for look in ledger.looks_at(120.0005 + number * 0.002, 30.0005)] == [str(number)]


def test_of_a_picture_looked_at_in_part_only_that_part_counts():
    ledger = LookLedger()
    corners = np.array([[120.0, 30.0], [120.001, 30.0], [120.001, 30.001], [120.0, 30.001]])
    west = np.array([[120.0, 30.0], [120.0005, 30.0], [120.0005, 30.001], [120.0, 30.001]])
    ledger.add(corners, key="a.jpg", clock_s=5.0, parts_lonlat=[west])
    assert [look.key for look in ledger.looks_at(120.0003, 30.0005)] == ["a.jpg"]
    assert ledger.looks_at(120.0007, 30.0005) == ()
    assert ledger.looks_at(120.00001, 30.0005) == (), "the picture's edge is no look, wherever its parts end"
    ledger.add(corners, key="b.jpg", clock_s=6.0, parts_lonlat=[])
    assert [look.key for look in ledger.looks_at(120.0003, 30.0005)] == ["a.jpg"]
    assert ledger.clock_of("b.jpg") == 6.0
