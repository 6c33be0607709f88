from __future__ import annotations

import numpy as np
import pytest

from flyonce.confirmation import LookLedger, Verdict, verdict
from flyonce.interpretation import Confirmation

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
    ledger.add(np.array([[120.0, 30.0], [120.001, 30.0], [120.001, 30.001], [120.0, 30.001]]))
    assert ledger.looks_at(120.0005, 30.0005) == 1
    assert ledger.looks_at(120.00001, 30.0005) == 0
    assert ledger.looks_at(121.0, 30.0005) == 0
